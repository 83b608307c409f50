{{ config(materialized='incremental', incremental_strategy='replace_all') }}
-- How many rows of each raw table are left out because the erasure list names their user or
-- account; of events those of the days that the run read. Together with what counts, what was
-- rejected and exact copies these are the rows of the files.
-- depends_on: {{ ref('raw_tables') }}
-- depends_on: {{ ref('event_read_range') }}
-- depends_on: {{ ref('config_pillars') }}
{%- if execute %}
{%- for table in raw_table_names() %}
select
    '{{ table }}' as table_name,
    (
        {{ erased_rows(table, event_days_read() if table == 'events' else none) }}
    ) as row_count
{{ 'union all' if not loop.last }}
{%- endfor -%}
{%- endif -%}
