-- One row per raw table: are there files of it, where, and why they cannot be read.
-- Stops the run when there are no accounts that can be read.
-- depends_on: {{ ref('config_version') }}
{%- if execute %}
{%- set tables = checked_raw_tables() %}
{%- for table, file in tables.items() %}
select
    '{{ table }}' as table_name,
    {{ 'true' if is_readable(file) else 'false' }} as is_readable,
    cast({{ quoted(file.location) if file else 'null' }} as {{ dbt.type_string() }}) as location,
    cast(
        {{ quoted(file.problem) if file and file.problem else 'null' }} as {{ dbt.type_string() }}
    ) as problem
{{ 'union all' if not loop.last }}
{%- endfor -%}
{%- endif -%}
