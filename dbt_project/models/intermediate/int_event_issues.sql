{{ config(materialized='view') }}
-- Events that were rejected or have a value that was ignored, one row per event.
select
    event_day,
    account_id,
    record_key,
    record_time,
    rejected_reason,
    value_issues,
    record
from {{ ref('int_judged_events') }}
where record is not null
