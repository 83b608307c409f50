-- Which columns of the contract each raw table has: one row per raw table and column. Of a table
-- that is absent, or cannot be read, no column is there; where rows were entered, those that
-- entries fill are.
with

columns as (
    {% if execute %}
    {%- set tables = checked_raw_tables() %}
    {%- for table in raw_table_names() %}
    {%- set definition = raw_definition(table) %}
    {%- set present = tables[table].columns if is_readable(tables[table]) else {} %}
    {%- set entered = definition.entries.filled_from if definition.entries else {} %}
    {%- set is_last_table = loop.last %}
    {%- for column in definition.columns %}
    select
        '{{ table }}' as table_name,
        '{{ column.name }}' as column_name,
        {{ 'true' if column.name in present else 'false' }} as is_in_files,
        {{ 'true' if column.name in entered else 'false' }} as is_entered
    {{ 'union all' if not (loop.last and is_last_table) }}
    {%- endfor -%}
    {%- endfor -%}
    {%- endif %}
),

entered as (

    {{ tables_with_entered_rows(ref('base_health_entries')) | indent }}

)

select
    columns.table_name,
    columns.column_name,
    columns.is_in_files
    or (columns.is_entered and entered.table_name is not null) as is_present
from columns
left join entered on columns.table_name = entered.table_name
