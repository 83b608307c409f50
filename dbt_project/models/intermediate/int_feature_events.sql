{{ config(materialized='view') }}
-- The same as `int_user_events` by feature, module and product.
with

settled as (

    select * from {{ ref('int_features_settled') }}

),

daily as (

    select * from {{ ref('int_events_daily') }}
    where event_day >= {{ settled_until(ref('int_features_settled')) }}

)

select
    account_id,
    feature,
    module,
    product,
    last_day as event_day,
    event_count
from settled

union all

select
    account_id,
    feature,
    module,
    product,
    event_day,
    event_count
from daily
