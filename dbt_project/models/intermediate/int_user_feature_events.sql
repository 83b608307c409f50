{{ config(materialized='view') }}
-- The same as `int_user_events` by user, feature, module and product together.
with

settled as (

    select * from {{ ref('int_events_settled') }}

),

daily as (

    select * from {{ ref('int_events_daily') }}
    where event_day >= {{ settled_until(ref('int_events_settled')) }}

)

select
    account_id,
    user_id,
    feature,
    module,
    product,
    last_day as event_day
from settled

union all

select
    account_id,
    user_id,
    feature,
    module,
    product,
    event_day
from daily
