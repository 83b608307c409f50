-- Which columns of the contract the files of each raw table have: one row per raw table and column.
-- Of a table that is absent, or cannot be read, no column is there.
{%- if execute %}
{%- set tables = checked_raw_tables() %}
{%- for table in raw_table_names() %}
{%- set present = tables[table].columns if is_readable(tables[table]) else {} %}
{%- set is_last_table = loop.last %}
{%- for column in raw_definition(table).columns %}
select
    '{{ table }}' as table_name,
    '{{ column.name }}' as column_name,
    {{ 'true' if column.name in present else 'false' }} as is_present
{{ 'union all' if not (loop.last and is_last_table) }}
{%- endfor -%}
{%- endfor -%}
{%- endif -%}
