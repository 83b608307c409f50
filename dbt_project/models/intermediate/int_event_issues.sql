{{ config(materialized='view') }}
-- Events that were rejected or have a value that was ignored, one row per event; none where the raw
-- table cannot be read, though it is kept what earlier runs found in it.
select
    event_day,
    account_id,
    record_key,
    record_time,
    rejected_reason,
    value_issues,
    record
from {{ ref('int_validated_events') }}
where
    record is not null
    and exists (
        select 1
        from {{ ref('raw_tables') }} as raw_tables
        where raw_tables.table_name = 'events' and raw_tables.is_present
    )
