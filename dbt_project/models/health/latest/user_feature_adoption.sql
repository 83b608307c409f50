{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- Which features each user of an account used lately, on the latest health date; none where events
-- are absent, or do not say who did it.
with

accounts as (

    {{ latest_accounts() }}

),

event_users as (

    select is_present
    from {{ ref('raw_columns') }}
    where table_name = 'events' and column_name = 'user_id'

),

used as (

    select
        account_id,
        user_id,
        product,
        module,
        feature,
        sum(event_count) as events_14d,
        {{ number_set_size(number_set(dbt.datediff('event_day', latest_health_date(), 'day'))) }}
            as active_days_14d,
        max(last_at) as last_used_at
    from {{ ref('int_events_daily') }}
    where
        {{ is_in_adoption_window('event_day') }}
        and user_id is not null
    group by account_id, user_id, product, module, feature

)

select
    accounts.health_date,
    accounts.account_id,
    used.user_id,
    used.product,
    used.module,
    used.feature,
    cast(used.events_14d as double) as events_14d,
    cast(used.active_days_14d as integer) as active_days_14d,
    used.last_used_at
from accounts
inner join used on accounts.account_id = used.account_id
inner join event_users on event_users.is_present
