{#- Where a raw table lies and which columns it has, or none where it is absent:
    {'location', 'relation' (to select from), 'columns': {name: type}}.

    DuckDB reads it in place from the folder HEALTH_RAW_DIR; a file of 0 bytes counts as absent. -#}
{% macro raw_table(table) %}
    {{ return(adapter.dispatch('raw_table', 'health')(table)) }}
{% endmacro %}

{% macro duckdb__raw_table(table) %}
    {%- set found = namespace(locations=[], relations=[]) -%}
    {%- set base = raw_folder() ~ '/' ~ table -%}
    {%- set patterns = [base ~ '.parquet', base ~ '.csv', base ~ '/**/*.parquet'] -%}
    {%- set folder_files = [] -%}
    {%- for file in filled_files(patterns) -%}
        {%- if file == base ~ '.parquet' -%}
            {%- do found.locations.append(file) -%}
            {%- do found.relations.append(
                "read_parquet(" ~ quoted(file) ~ ", " ~ parquet_options() ~ ")"
            ) -%}
        {%- elif file == base ~ '.csv' -%}
            {%- do found.locations.append(file) -%}
            {%- do found.relations.append(csv_relation(file)) -%}
        {%- else -%}
            {%- do folder_files.append(file) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if folder_files -%}
        {%- set quoted_files = [] -%}
        {%- for file in folder_files -%}{%- do quoted_files.append(quoted(file)) -%}{%- endfor -%}
        {%- do found.locations.append(base ~ '/') -%}
        {%- do found.relations.append(
            "read_parquet([" ~ quoted_files | join(", ") ~ "], union_by_name = true, "
            ~ "filename = '__file', " ~ parquet_options() ~ ")"
        ) -%}
    {%- endif -%}
    {%- if found.locations | length > 1 -%}
        {{ exceptions.raise_compiler_error(
            "Raw table " ~ table ~ " is there more than once: " ~ found.locations | join(', ')
            ~ ". Keep one of them."
        ) }}
    {%- endif -%}
    {%- if not found.locations -%}{{ return(none) }}{%- endif -%}
    {%- set columns = {} -%}
    {%- for row in run_query("describe select * from " ~ found.relations[0]).rows -%}
        {%- do columns.update({(row[0] | trim | lower): {'name': row[0], 'type': row[1]}}) -%}
    {%- endfor -%}
    {#- A partition key is a column where the files have none of that name. -#}
    {%- for file in folder_files -%}
        {%- for key in modules.re.findall('/([^/=]+)=[^/]*(?=/)', file[base | length:]) -%}
            {%- if key not in columns -%}
                {%- do columns.update({key: {
                    'name': key,
                    'type': 'VARCHAR',
                    'expression': partition_value(key, base),
                }}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return({
        'location': found.locations[0],
        'relation': found.relations[0],
        'columns': columns,
    }) }}
{% endmacro %}

{#- The folder as DuckDB writes it in the names of files that it finds there: without `.`, `..` and
    needless slashes. What a name has behind it then is the path below the folder. -#}
{% macro raw_folder() %}
    {%- set folder = env_var('HEALTH_RAW_DIR', '') or (flags.PROJECT_DIR or '.') ~ '/../data/raw' -%}
    {%- set parts = [] -%}
    {%- for part in folder.split('/') -%}
        {%- if part == '..' and parts and parts[-1] not in ('', '..') -%}
            {%- do parts.pop() -%}
        {%- elif part != '.' and (part or loop.first) -%}
            {%- do parts.append(part) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(parts | join('/')) }}
{% endmacro %}

{#- Partition keys are read from the path (`raw_table`). Some writers leave texts without their type,
    which reads as binary. -#}
{% macro parquet_options() %}
    {{ return('hive_partitioning = false, binary_as_string = true') }}
{% endmacro %}

{#- Value of a hive partition key, from the part of the path below the table's folder. -#}
{% macro partition_value(key, base) -%}
nullif(
    url_decode(regexp_extract(
        substr(__file, {{ base | length + 1 }}),
        {{ quoted('/' ~ modules.re.escape(key) ~ '=([^/]*)/') }},
        1
    )),
    '__HIVE_DEFAULT_PARTITION__'
)
{%- endmacro %}

{#- A CSV file as texts. The header is read by itself and all is said to DuckDB, because its sniffer
    takes liberties: it takes lines with a `#` for comments and gives up on a stray quote. Rows with
    too few cells are filled with nulls, cells too many are dropped. -#}
{% macro csv_relation(file) %}
    {%- set header = run_query(
        "select line from read_csv(" ~ quoted(file) ~ ", auto_detect = false, header = false, "
        ~ "columns = {'line': 'VARCHAR'}, delim = '\x01', quote = '', escape = '', comment = '', "
        ~ "strict_mode = false, max_line_size = " ~ longest_line() ~ ") limit 1"
    ).columns[0].values() -%}
    {%- set columns = [] -%}
    {%- set line = (header[0] or '' if header else '').lstrip('\ufeff') -%}
    {%- for cell in modules.re.findall('(?:^|,)("(?:[^"]|"")*"|[^,]*)', line) -%}
        {%- set name = cell.strip().strip('"').strip() -%}
        {%- set is_new = name and name not in columns -%}
        {%- do columns.append(name if is_new else name ~ '__' ~ loop.index) -%}
    {%- endfor -%}
    {%- set types = [] -%}
    {%- for name in columns -%}{%- do types.append(quoted(name) ~ ": 'VARCHAR'") -%}{%- endfor -%}
    {%- set options = (
        "auto_detect = false, header = true, columns = {" ~ types | join(', ') ~ "}, "
        ~ "delim = ',', quote = '\"', escape = '\"', comment = '', null_padding = true, "
        ~ "parallel = false, hive_partitioning = false, max_line_size = " ~ longest_line()
    ) -%}
    {%- set relation = "read_csv(" ~ quoted(file) ~ ", " ~ options ~ ", strict_mode = false)" -%}
    {%- if has_odd_quotes(file) -%}
        {#- Read strictly, a value whose quote is never closed is not there. -#}
        {%- set strict = (
            "read_csv(" ~ quoted(file) ~ ", " ~ options
            ~ ", strict_mode = true, ignore_errors = true)"
        ) -%}
        {%- set cells = run_query("select count(columns(*)) from " ~ relation).rows[0].values() -%}
        {%- if cells != run_query("select count(columns(*)) from " ~ strict).rows[0].values() -%}
            {{ exceptions.raise_compiler_error(
                "Raw data cannot be read:\n  - " ~ file ~ ": a quote is opened and never closed, so "
                ~ "that the rows after it cannot be told apart. Close it, or double the quotes "
                ~ "inside values."
            ) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(relation) }}
{% endmacro %}

{#- Whether the quotes in a CSV file do not pair up: an inch sign, or a quote that is never closed.
    A file too large to be looked at as one text is taken as it is. -#}
{% macro has_odd_quotes(file) %}
    {%- set sizes = run_query("select size from read_blob(" ~ quoted(file) ~ ")").columns[0] -%}
    {%- if sizes.values()[0] > 250000000 -%}{{ return(false) }}{%- endif -%}
    {{ return(run_query(
        "select (length(content) - length(replace(content, '\"', ''))) % 2 = 1 from read_text("
        ~ quoted(file) ~ ")"
    ).columns[0].values()[0]) }}
{% endmacro %}

{#- Bytes that one line of a CSV file may have. -#}
{% macro longest_line() %}{{ return(50000000) }}{% endmacro %}

{% macro quoted(text) %}{{ return("'" ~ text | replace("'", "''") ~ "'") }}{% endmacro %}

{#- Files of more than 0 bytes that match any of the patterns. -#}
{% macro filled_files(patterns) %}
    {%- set globs = [] -%}
    {%- set lists = [] -%}
    {%- for pattern in patterns -%}
        {%- do globs.append("select 1 from glob(" ~ quoted(pattern) ~ ")") -%}
        {%- do lists.append(quoted(pattern)) -%}
    {%- endfor -%}
    {#- Without any match DuckDB has no columns to select from. -#}
    {%- set found = run_query("select count(*) from (" ~ globs | join(" union all ") ~ ")") -%}
    {%- if found.columns[0].values()[0] == 0 -%}{{ return([]) }}{%- endif -%}
    {{ return(run_query(
        "select filename from read_blob([" ~ lists | join(", ") ~ "]) "
        ~ "where size > 0 order by filename"
    ).columns[0].values() | list) }}
{% endmacro %}
