{{
    config(
        materialized='incremental',
        incremental_strategy='replace_event_days',
    )
}}
-- How many events each day has, one row per event day (null: no readable time).
-- depends_on: {{ ref('event_read_range') }}
select
    event_day,
    cast(sum(rows_read) as bigint) as rows_read,
    sum(case when rejected_reason is not null then 1 else 0 end) as rows_rejected,
    max(last_at) as latest_at
from {{ ref('int_validated_events') }}
where {{ is_event_day_read('event_day') if is_incremental() else 'true' }}
group by event_day
