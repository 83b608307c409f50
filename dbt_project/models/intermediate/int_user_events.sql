{{ config(materialized='view') }}
-- Events by user: one row per account and user for all that is settled, and one per row of the
-- daily roll-up since. `event_day` is the last day of what is settled, and the day of what is not.
with

settled as (

    select * from {{ ref('int_users_settled') }}

),

daily as (

    select * from {{ ref('int_events_daily') }}
    where event_day >= {{ settled_until(ref('int_users_settled')) }}

)

select
    account_id,
    user_id,
    first_day,
    last_day as event_day,
    first_at,
    last_at,
    event_count
from settled

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
