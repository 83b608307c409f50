{{ config(materialized='view') }}
-- Events by user: one row per account and user for all that is compacted, and one per row of the
-- daily roll-up since. `event_day` is the last day of what is compacted, and the day of what is
-- not.
with

compacted as (

    select * from {{ ref('int_users_compacted') }}

),

daily as (

    select * from {{ ref('int_events_daily') }}
    where event_day >= {{ compacted_until(ref('int_users_compacted')) }}

)

select
    account_id,
    user_id,
    first_day,
    last_day as event_day,
    first_at,
    last_at,
    event_count
from compacted

union all

select
    account_id,
    user_id,
    event_day as first_day,
    event_day,
    first_at,
    last_at,
    event_count
from daily
