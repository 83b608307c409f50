{{ config(materialized='view') }}
-- Events that count, rolled up to days: one row per event day, account, user, feature, module and
-- product.
select
    event_day,
    account_id,
    user_id,
    feature,
    module,
    product,
    first_at,
    last_at,
    event_count
from {{ ref('int_validated_events') }}
where record is null
