{{
    config(
        materialized='incremental',
        incremental_strategy='replace_health_dates',
        full_refresh=false,
        on_schema_change='fail',
    )
}}
-- On which health dates accounts meet the milestones of the segment that was chosen: one row per
-- health date, account, segment and milestone. Every date is kept, not the first alone: a date that
-- is calculated again, on corrected data, may not meet it any more.
select
    health_date,
    account_id,
    segment_id,
    clause as milestone_id
from {{ ref('milestone_conditions') }}
where is_met
