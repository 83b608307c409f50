{{ config(materialized='view') }}
-- The same as `int_user_events` by user, feature, module and product together.
with

compacted as (

    select * from {{ ref('int_events_compacted') }}

),

daily as (

    select * from {{ ref('int_events_daily') }}
    where event_day >= {{ compacted_until(ref('int_events_compacted')) }}

)

select
    account_id,
    user_id,
    feature,
    module,
    product,
    last_day as event_day
from compacted

union all

select
    account_id,
    user_id,
    feature,
    module,
    product,
    event_day
from daily
