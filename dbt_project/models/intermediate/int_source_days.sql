-- How many rows each raw table has on each day of its main time, one row per table and day (null:
-- no readable time).
{%- set tables = validated_tables() %}
select
    'events' as table_name,
    event_day,
    rows_read,
    rows_rejected,
    latest_at
from {{ ref('int_event_source_days') }}
{% for table, base in tables %}
union all

select
    '{{ table }}' as table_name,
    cast(record_time as date) as event_day,
    count(*) as rows_read,
    sum(case when rejected_reason is not null then 1 else 0 end) as rows_rejected,
    max(case when rejected_reason is null then record_time end) as latest_at
from {{ base }}
group by cast(record_time as date)
{% endfor %}
