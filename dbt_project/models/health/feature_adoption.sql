{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- Which features of the product an account uses, on the latest health date.
with

accounts as (

    {{ latest_accounts() }}

),

features as (

    {{ first_and_last_times(ref('int_features_settled'), ['module', 'feature']) }}

),

users as (

    select
        account_id,
        module,
        feature,
        user_id,
        sum(event_count) as event_count
    from {{ ref('int_events_daily') }}
    where {{ is_in_adoption_window('event_day') }}
    group by account_id, module, feature, user_id

),

activity as (

    select
        account_id,
        module,
        feature,
        count(user_id) as users_14d,
        sum(event_count) as events_14d
    from users
    group by account_id, module, feature

)

select
    accounts.health_date,
    accounts.account_id,
    features.module,
    features.feature,
    features.first_at as first_used_at,
    features.last_at as last_used_at,
    cast(coalesce(activity.users_14d, 0) as integer) as users_14d,
    cast(coalesce(activity.events_14d, 0) as double) as events_14d
from accounts
inner join features on accounts.account_id = features.account_id
left join activity
    on features.account_id = activity.account_id
    and features.feature = activity.feature
    and features.module is not distinct from activity.module
