{#- What the contract says of raw tables (`models/staging/_staging__sources.yml`), and what their files have of
    it. -#}

{#- Definition of a raw table from `_staging__sources.yml`:
    {'key', 'main_time', 'entries' (or none), 'columns': [meta]}. -#}
{% macro raw_definition(table) %}
    {%- for source in raw_sources() if source.name == table -%}
        {%- set columns = [] -%}
        {%- for column in source.columns.values() -%}
            {%- set meta = {'name': column.name, 'kind': 'text', 'required': false} -%}
            {%- do meta.update(column.meta or column.config.meta) -%}
            {%- do columns.append(meta) -%}
        {%- endfor -%}
        {{ return({
            'key': source.meta.key,
            'main_time': source.meta.main_time,
            'entries': source.meta.entries,
            'columns': columns,
        }) }}
    {%- endfor -%}
{% endmacro %}

{#- Names of the raw tables, in the order of the contract. -#}
{% macro raw_table_names() %}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {{ return(raw_sources() | map(attribute='name') | list) }}
{% endmacro %}

{% macro raw_sources() %}
    {{ return(graph.sources.values() | selectattr('source_name', 'equalto', 'raw') | list) }}
{% endmacro %}

{#- The raw tables of the contract as rows: (table_name). -#}
{% macro raw_table_list() %}
{%- for table in raw_table_names() %}
select '{{ table }}' as table_name
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{#- Every raw table by its name, as `raw_table` gives it. Stops the run where there are no accounts
    to calculate for: no folder, no table, one that cannot be read. -#}
{% macro checked_raw_tables() %}
    {%- set tables = {} -%}
    {%- for table in raw_table_names() -%}
        {%- do tables.update({table: raw_table(table)}) -%}
    {%- endfor -%}
    {%- if not tables.accounts -%}
        {{ exceptions.raise_compiler_error(
            "Raw data cannot be read:\n  - no table `accounts` " ~ where_raw_tables_are()
        ) }}
    {%- elif tables.accounts.problem -%}
        {{ exceptions.raise_compiler_error(
            "Raw data cannot be read:\n  - " ~ tables.accounts.problem
        ) }}
    {%- endif -%}
    {{ return(tables) }}
{% endmacro %}

{#- Whether a raw table is there and can be read; one that cannot counts as absent. -#}
{% macro is_readable(file) %}{{ return(file and not file.problem) }}{% endmacro %}

{#- The columns of a raw table by `_staging__sources.yml`, and how its files store them: a list of
    their meta with `native` (stored in one type of its kind throughout, and nobody enters rows beside the
    files; `type`), `value` (name of the typed column), `text` (expression), and what `raw_values.csv` declares of it: `values`
    ([[raw value, value]]) and `time_formats`. -#}
{% macro raw_columns(table) %}
{%- set definition = raw_definition(table) -%}
{%- set file = raw_table(table) -%}
{%- set groups = file.groups if is_readable(file) else [] -%}
{%- set declared = declared_values(table) -%}
{%- set has_entries = takes_entries(definition, file) -%}
{%- for column in definition.columns -%}
    {%- set of_column = declared.get(column.name, {'values': [], 'time_formats': []}) -%}
    {%- set types = [] -%}
    {%- for group in groups if column.name in group.columns -%}
        {%- do types.append(group.columns[column.name].type) -%}
    {%- endfor -%}
    {%- set is_native = (
        types | unique | list | length == 1
        and is_native_type(column.kind, types[0])
        and not of_column['values']
        and not has_entries
    ) -%}
    {%- do column.update({
        'type': types[0] if is_native else dbt.type_string(),
        'native': is_native,
        'value': column.name ~ ('__value' if column.kind != 'text' else ''),
        'text': native_text(column.name, types[0]) if is_native else column.name,
        'values': of_column['values'],
        'time_formats': of_column['time_formats'],
    }) -%}
{%- endfor -%}
{{ return(definition.columns) }}
{% endmacro %}

{% macro raw_value_columns() %}
    {{ return(['table_name', 'column_name', 'raw_value', 'time_format', 'value']) }}
{% endmacro %}

{#- What `raw_values.csv` declares of a table, by column: {'values': [[raw value, value]],
    'time_formats': []}, formats in the order in which they are tried. -#}
{% macro declared_values(table) %}
    {%- set declared = {} -%}
    {%- for row in run_query(
        "select * from (" ~ raw_values() ~ ") as declared where table_name = " ~ quoted(table)
        ~ " order by column_name, time_format nulls last, raw_value nulls last, value nulls last"
    ).rows -%}
        {%- set of_column = declared.setdefault(row[1], {'values': [], 'time_formats': []}) -%}
        {%- if row[2] is not none -%}
            {%- do of_column['values'].append([row[2], row[4]]) -%}
        {%- elif row[3] is not none -%}
            {%- do of_column['time_formats'].append(row[3]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(declared) }}
{% endmacro %}
