{#- Where a raw table lies and which columns it has, or none where it is absent:
    {'location', 'relation' (to select from), 'columns': {name: type}}.

    DuckDB reads it in place from the folder HEALTH_RAW_DIR; a file of 0 bytes counts as absent. -#}
{% macro raw_table(table) %}
    {{ return(adapter.dispatch('raw_table', 'health')(table)) }}
{% endmacro %}

{% macro duckdb__raw_table(table) %}
    {%- set found = namespace(locations=[], relations=[]) -%}
    {%- set base = raw_folder() ~ '/' ~ table -%}
    {%- for file in filled_files(base ~ '.parquet') -%}
        {%- do found.locations.append(file) -%}
        {%- do found.relations.append("read_parquet(" ~ quoted(file) ~ ")") -%}
    {%- endfor -%}
    {%- for file in filled_files(base ~ '.csv') -%}
        {%- do found.locations.append(file) -%}
        {%- do found.relations.append(
            "read_csv(" ~ quoted(file) ~ ", header = true, all_varchar = true, "
            ~ "delim = ',', quote = '\"', escape = '\"', null_padding = true, strict_mode = false, "
            ~ "parallel = false)"
        ) -%}
    {%- endfor -%}
    {%- set folder_files = filled_files(base ~ '/**/*.parquet') -%}
    {%- if folder_files -%}
        {%- set quoted_files = [] -%}
        {%- for file in folder_files -%}{%- do quoted_files.append(quoted(file)) -%}{%- endfor -%}
        {%- do found.locations.append(base ~ '/') -%}
        {%- do found.relations.append(
            "read_parquet([" ~ quoted_files | join(", ") ~ "], union_by_name = true, "
            ~ "hive_partitioning = true, hive_types_autocast = false)"
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
    {{ return({
        'location': found.locations[0],
        'relation': found.relations[0],
        'columns': columns,
    }) }}
{% endmacro %}

{% macro raw_folder() %}
    {{ return(env_var('HEALTH_RAW_DIR', (flags.PROJECT_DIR or '.') ~ '/../data/raw')) }}
{% endmacro %}

{% macro quoted(text) %}{{ return("'" ~ text | replace("'", "''") ~ "'") }}{% endmacro %}

{#- Files of more than 0 bytes that match the pattern. -#}
{% macro filled_files(pattern) %}
    {%- set files = run_query(
        "select file from glob(" ~ quoted(pattern) ~ ") order by file"
    ).columns[0].values() -%}
    {%- if not files -%}{{ return([]) }}{%- endif -%}
    {{ return(run_query(
        "select filename from read_blob(" ~ quoted(pattern) ~ ") where size > 0 order by filename"
    ).columns[0].values() | list) }}
{% endmacro %}
