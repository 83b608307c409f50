{{
    config(
        materialized='incremental',
        incremental_strategy='replace_event_days',
        on_schema_change='fail',
    )
}}
-- Events rolled up to days: one row per event day, account, user, feature and module. Built from
-- the days that the run read; earlier days stay as they are. In the order of days, so that a scan
-- of some days passes the others over.
-- depends_on: {{ ref('event_read_range') }}
select
    cast(occurred_at as date) as event_day,
    account_id,
    user_id,
    feature,
    module,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at,
    sum(coalesce(event_count, 1)) as event_count
from {{ ref('stg_events') }}
group by
    cast(occurred_at as date),
    account_id,
    user_id,
    feature,
    module
order by event_day
