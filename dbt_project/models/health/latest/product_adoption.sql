{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- How an account uses each product, on the latest health date; none where events are absent, and by
-- how many users is not known where they do not say who did it.
with

accounts as (

    {{ latest_accounts() }}

),

recent_blocks as (

    select
        account_id,
        product,
        block,
        min(first_at) as first_at,
        max(last_at) as last_at,
        sum(events_14d) as events_14d,
        {{ number_set_size(number_set_of_sets('features')) }} as features_14d
    from {{ ref('int_recent_usage') }}
    group by account_id, product, block

),

recent_and_compacted as (

    select
        account_id,
        product,
        first_at,
        last_at,
        events_14d,
        features_14d
    from recent_blocks

    union all

    select
        account_id,
        product,
        first_at,
        last_at,
        null as events_14d,
        null as features_14d
    from {{ ref('int_features_compacted') }}

),

products as (

    select
        account_id,
        product,
        min(first_at) as first_at,
        max(last_at) as last_at,
        coalesce(sum(events_14d), 0) as events_14d,
        coalesce(sum(features_14d), 0) as features_14d
    from recent_and_compacted
    group by account_id, product

),

users as (

    select
        account_id,
        product,
        count(distinct user_id) as users_14d
    from {{ ref('int_recent_usage') }}
    where events_14d is not null
    group by account_id, product

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
    products.product,
    products.first_at as first_used_at,
    products.last_at as last_used_at,
    case when event_columns.has_users then cast(coalesce(users.users_14d, 0) as integer) end
        as users_14d,
    cast(products.events_14d as double) as events_14d,
    cast(products.features_14d as integer) as features_14d
from accounts
inner join products on accounts.account_id = products.account_id
inner join event_columns on event_columns.has_events
left join users
    on products.account_id = users.account_id
    and products.product is not distinct from users.product
