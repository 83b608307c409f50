{{ config(materialized='view') }}
-- Users who are known on the latest health date (docs/measures.md, "Known users"): one row per
-- account and user, with the time of their last event.
with

accounts as (

    {{ latest_accounts() }}

),

active_users as (

    select
        account_id,
        user_id,
        max(last_at) as last_active_at
    from {{ ref('int_user_events') }}
    where
        event_day < {{ latest_health_date() }}
        and user_id is not null
    group by account_id, user_id

),

event_users as (

    select
        accounts.health_date,
        accounts.account_id,
        active_users.user_id,
        active_users.last_active_at
    from accounts
    inner join active_users on accounts.account_id = active_users.account_id
    where exists (
        select 1
        from {{ ref('raw_tables') }} as raw_tables
        where raw_tables.table_name = 'events' and raw_tables.is_present
    )

),

users as (

    select
        accounts.health_date,
        users.account_id,
        users.user_id,
        users.user_name,
        users.email,
        users.role,
        coalesce(cast(users.deactivated_at as date) < accounts.health_date, false)
            as is_deactivated
    from {{ ref('stg_users') }} as users
    inner join accounts
        on users.account_id = accounts.account_id
        and accounts.health_date > cast(users.created_at as date)

)

select
    coalesce(users.health_date, event_users.health_date) as health_date,
    coalesce(users.account_id, event_users.account_id) as account_id,
    coalesce(users.user_id, event_users.user_id) as user_id,
    users.user_name,
    users.email,
    users.role,
    event_users.last_active_at
from users
full outer join event_users
    on users.account_id = event_users.account_id
    and users.user_id = event_users.user_id
where not coalesce(users.is_deactivated, false)
