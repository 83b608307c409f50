{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- Which features of the product an account uses, on the latest health date; none where events are
-- absent, and by how many users is not known where they do not say who did it.
with

accounts as (

    {{ latest_accounts() }}

),

recent_users as (

    select
        account_id,
        module,
        feature,
        user_id,
        min(first_at) as first_at,
        max(last_at) as last_at,
        sum(case when {{ is_in_adoption_window('event_day') }} then event_count end) as events_14d
    from {{ ref('int_events_daily') }}
    where {{ is_recent('event_day', ref('int_features_compacted')) }}
    group by account_id, module, feature, user_id

),

recent_and_compacted as (

    select
        account_id,
        module,
        feature,
        user_id,
        first_at,
        last_at,
        events_14d
    from recent_users

    union all

    select
        account_id,
        module,
        feature,
        null as user_id,
        first_at,
        last_at,
        null as events_14d
    from {{ ref('int_features_compacted') }}

),

features as (

    select
        account_id,
        module,
        feature,
        min(first_at) as first_at,
        max(last_at) as last_at,
        count(case when events_14d is not null then user_id end) as users_14d,
        coalesce(sum(events_14d), 0) as events_14d
    from recent_and_compacted
    group by account_id, module, feature

),

event_columns as (

    select
        max(case when column_name = 'feature' and is_present then 1 else 0 end) = 1 as has_events,
        max(case when column_name = 'user_id' and is_present then 1 else 0 end) = 1 as has_users
    from {{ ref('raw_columns') }}
    where table_name = 'events'

)

select
    accounts.health_date,
    accounts.account_id,
    features.module,
    features.feature,
    features.first_at as first_used_at,
    features.last_at as last_used_at,
    case when event_columns.has_users then cast(features.users_14d as integer) end as users_14d,
    cast(features.events_14d as double) as events_14d
from accounts
inner join features on accounts.account_id = features.account_id
inner join event_columns on event_columns.has_events
