{{
    config(
        materialized='incremental',
        incremental_strategy='replace_event_days',
        on_schema_change='fail',
    )
}}
-- Events that were rejected or have a value that was ignored, one row per event. Kept over the
-- runs, because a run reads the recent days only.
-- depends_on: {{ ref('event_read_range') }}
select
    cast(record_time as date) as event_day,
    account_id,
    record_key,
    record_time,
    rejected_reason,
    value_issues,
    record
from {{ ref('base_events') }}
where rejected_reason is not null or value_issues is not null
