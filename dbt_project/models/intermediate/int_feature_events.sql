{{ config(materialized='view') }}
-- The same as `int_user_events` by feature, module and product.
with

compacted as (

    select * from {{ ref('int_features_compacted') }}

),

daily as (

    select * from {{ ref('int_events_daily') }}
    where event_day >= {{ compacted_until(ref('int_features_compacted')) }}

)

select
    account_id,
    feature,
    module,
    product,
    last_day as event_day,
    event_count
from compacted

union all

select
    account_id,
    feature,
    module,
    product,
    event_day,
    event_count
from daily
