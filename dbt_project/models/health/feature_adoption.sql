{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- Which features of the product an account uses, on the latest health date.
with

accounts as (

    {{ latest_accounts() }}

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

-- What is known of all the past and of the window folds at once, which costs less than a join.
parts as (

    select
        account_id,
        module,
        feature,
        first_at,
        last_at,
        0 as users,
        0 as event_count
    from (
        {{ events_of_the_past(ref('int_features_settled'), ['module', 'feature']) }}
    ) as past

    union all

    select
        account_id,
        module,
        feature,
        cast(null as timestamp) as first_at,
        cast(null as timestamp) as last_at,
        case when user_id is not null then 1 else 0 end as users,
        event_count
    from users

),

features as (

    select
        account_id,
        module,
        feature,
        min(first_at) as first_at,
        max(last_at) as last_at,
        sum(users) as users,
        sum(event_count) as event_count
    from parts
    group by account_id, module, feature

)

select
    accounts.health_date,
    accounts.account_id,
    features.module,
    features.feature,
    features.first_at as first_used_at,
    features.last_at as last_used_at,
    cast(features.users as integer) as users_14d,
    cast(features.event_count as double) as events_14d
from accounts
inner join features on accounts.account_id = features.account_id
