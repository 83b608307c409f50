{#- How the files of a raw table are read, or none where the table is absent:
    {'location', 'problem' (why it cannot be read, or none), 'groups' ([{'relation' (to select from),
    'columns': {name: {'expression', 'type'}}}]), 'columns' (those of the contract that it has), ...}.

    On DuckDB the reader of raw files says it (`orchestration/raw_reader`), the same to dbt and to the
    checks; a file of 0 bytes counts as absent. -#}
{% macro raw_table(table) %}
    {{ return(adapter.dispatch('raw_table', 'health')(table)) }}
{% endmacro %}
{% macro duckdb__raw_table(table) %}
    {{ return(fromjson(run_query(
        "select health_raw_table(" ~ quoted(raw_folder()) ~ ", " ~ quoted(table) ~ ")"
    ).columns[0].values()[0])) }}
{% endmacro %}

{#- All files of the raw folder as rows of `health.raw_files`. -#}
{% macro raw_files() %}
    {{ return(adapter.dispatch('raw_files', 'health')()) }}
{% endmacro %}
{% macro duckdb__raw_files() -%}
select
    json_extract_string(item, '$.table_name') as table_name,
    json_extract_string(item, '$.file') as file,
    json_extract_string(item, '$.format') as format,
    cast(json_extract_string(item, '$.row_count') as bigint) as row_count,
    json_extract_string(item, '$.columns_read') as columns_read,
    json_extract_string(item, '$.columns_ignored') as columns_ignored,
    cast(json_extract_string(item, '$.is_read') as boolean) as is_read,
    json_extract_string(item, '$.problem') as problem
from (
    select unnest(cast(health_raw_files({{ quoted(raw_folder()) }}) as json[])) as item
) as files
{%- endmacro %}

{#- The rows of `seeds/raw_values.csv` as texts; none where the folder lacks the file. It is read as a
    file, because the raw checks need it before dbt, and a seed that is not there stops dbt. -#}
{% macro raw_values() %}
    {{ return(adapter.dispatch('raw_values', 'health')()) }}
{% endmacro %}
{% macro duckdb__raw_values() -%}
select
    {%- for column in raw_value_columns() %}
    {{ trimmed("json_extract_string(item, '$." ~ column ~ "')") }} as {{ column }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from (
    select unnest(cast(health_seed_rows({{ quoted(seeds_folder() ~ '/raw_values.csv') }}) as json[]))
        as item
) as rows_of_file
{%- endmacro %}

{#- The ids of those who are to be erased (`user` or `account`), as the list of the house has them: a
    subquery, so that no compiled statement shows an id. -#}
{% macro erased_ids(kind) %}
    {{ return(adapter.dispatch('erased_ids', 'health')(kind)) }}
{% endmacro %}
{% macro duckdb__erased_ids(kind) -%}
(
        select unnest(from_json(health_erasures('{{ kind }}'), '["varchar"]')) as erased_id
    )
{%- endmacro %}

{% macro raw_value_columns() %}
    {{ return(['table_name', 'column_name', 'raw_value', 'time_format', 'value']) }}
{% endmacro %}

{% macro raw_folder() %}
    {{ return(env_var('HEALTH_RAW_DIR', '') or (flags.PROJECT_DIR or '.') ~ '/../data/raw') }}
{% endmacro %}

{% macro seeds_folder() %}{{ return((flags.PROJECT_DIR or '.') ~ '/../seeds') }}{% endmacro %}

{% macro quoted(text) %}{{ return("'" ~ text | replace("'", "''") ~ "'") }}{% endmacro %}
