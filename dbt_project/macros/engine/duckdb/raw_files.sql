{#- Raw tables are files of a folder. The reader of raw files says how they are read
    (`orchestration/raw_reader`), the same to dbt and to the checks; a file of 0 bytes counts as absent. -#}

{% macro duckdb__raw_table(table) %}
    {{ return(fromjson(run_query(
        "select health_raw_table(" ~ quoted(raw_folder()) ~ ", " ~ quoted(table) ~ ")"
    ).columns[0].values()[0])) }}
{% endmacro %}

{% macro duckdb__where_raw_tables_are() %}
    {{ return(
        "in the folder " ~ raw_folder()
        ~ ". Set HEALTH_RAW_DIR to the folder with your raw tables (accounts.csv, "
        ~ "accounts.parquet or a folder accounts/), or run `make sample` for sample data."
    ) }}
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

{#- Read as a file, because the raw checks need it before dbt, and a seed that is not there stops dbt. -#}
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

{% macro duckdb__erased_ids(kind) -%}
(
        select unnest(from_json(health_erasures('{{ kind }}'), '["varchar"]')) as erased_id
    )
{%- endmacro %}

{% macro raw_folder() %}
    {{ return(env_var('HEALTH_RAW_DIR', '') or (flags.PROJECT_DIR or '.') ~ '/../data/raw') }}
{% endmacro %}

{% macro seeds_folder() %}{{ return((flags.PROJECT_DIR or '.') ~ '/../seeds') }}{% endmacro %}
