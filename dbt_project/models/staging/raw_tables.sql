-- One row per raw table: is it there, and where. Stops the run when the raw data cannot be read.
{%- if execute %}
{%- set tables = checked_raw_tables() %}
{%- for table, file in tables.items() %}
select
    '{{ table }}' as table_name,
    {{ 'true' if file else 'false' }} as is_present,
    cast({{ quoted(file.location) if file else 'null' }} as {{ dbt.type_string() }}) as location
{{ 'union all' if not loop.last }}
{%- endfor -%}
{%- endif -%}
