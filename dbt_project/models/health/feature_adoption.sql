{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- Which features of the product an account uses, on the latest health date.
with

accounts as (

    {{ latest_accounts() }}

),

features as (

    select
        accounts.health_date,
        accounts.account_id,
        events.module,
        events.feature,
        min(events.first_at) as first_used_at,
        max(events.last_at) as last_used_at
    from accounts
    inner join (
        {{ events_by_day_or_settled() }}
    ) as events
        on accounts.account_id = events.account_id
        and accounts.health_date > events.last_day
    group by accounts.health_date, accounts.account_id, events.module, events.feature

),

activity as (

    select
        accounts.account_id,
        events.module,
        events.feature,
        count(distinct events.user_id) as users_14d,
        sum(events.event_count) as events_14d
    from accounts
    inner join {{ ref('int_events_daily') }} as events
        on accounts.account_id = events.account_id
        and accounts.health_date > events.event_day
        and accounts.health_date <= events.event_day + {{ adoption_window_days() }}
    group by accounts.account_id, events.module, events.feature

)

select
    features.health_date,
    features.account_id,
    features.module,
    features.feature,
    features.first_used_at,
    features.last_used_at,
    cast(coalesce(activity.users_14d, 0) as integer) as users_14d,
    cast(coalesce(activity.events_14d, 0) as double) as events_14d
from features
left join activity
    on features.account_id = activity.account_id
    and features.feature = activity.feature
    and features.module is not distinct from activity.module
