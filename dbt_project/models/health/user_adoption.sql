{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- What every known user of an account does in the product, on the latest health date.
-- depends_on: {{ ref('account_health_history') }}
with

users as (

    select * from {{ ref('int_known_users') }}

),

activity as (

    select
        users.account_id,
        users.user_id,
        sum(events.event_count) as events_14d,
        count(distinct events.feature) as features_used_14d,
        count(distinct events.event_day) as active_days_14d
    from users
    inner join {{ ref('int_events_daily') }} as events
        on users.account_id = events.account_id
        and users.user_id = events.user_id
        and users.health_date > events.event_day
        and users.health_date <= events.event_day + {{ adoption_window_days() }}
    group by users.account_id, users.user_id

)

select
    users.health_date,
    users.account_id,
    users.user_id,
    users.user_name,
    users.email,
    users.role,
    cast(users.last_active_on as timestamp) as last_active_at,
    cast(coalesce(activity.events_14d, 0) as double) as events_14d,
    cast(coalesce(activity.features_used_14d, 0) as integer) as features_used_14d,
    cast(coalesce(activity.active_days_14d, 0) as integer) as active_days_14d,
    activity.user_id is not null as is_active_14d
from users
left join activity
    on users.account_id = activity.account_id
    and users.user_id = activity.user_id
