{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- What every known user of an account does in the product, on the latest health date; nothing is
-- known of it where events are absent, or do not say who did it.
-- depends_on: {{ ref('account_health_history') }}
with

users as (

    select * from {{ ref('int_known_users') }}

),

event_users as (

    select is_present
    from {{ ref('raw_columns') }}
    where table_name = 'events' and column_name = 'user_id'

),

blocks as (

    select
        account_id,
        user_id,
        block,
        sum(events_14d) as events_14d,
        {{ number_set_of_sets('features') }} as features,
        {{ number_set_of_sets('days') }} as days
    from {{ ref('int_recent_usage') }}
    where events_14d is not null
    group by account_id, user_id, block

),

activity as (

    select
        account_id,
        user_id,
        sum(events_14d) as events_14d,
        sum({{ number_set_size('features') }}) as features_used_14d,
        {{ number_set_size(number_set_of_sets('days')) }} as active_days_14d
    from blocks
    group by account_id, user_id

)

select
    users.health_date,
    users.account_id,
    users.user_id,
    users.user_name,
    users.email,
    users.role,
    case when event_users.is_present then users.last_active_at end as last_active_at,
    {%- for column, type in [
        ('events_14d', 'double'), ('features_used_14d', 'integer'), ('active_days_14d', 'integer'),
    ] %}
    case
        when event_users.is_present then cast(coalesce(activity.{{ column }}, 0) as {{ type }})
    end as {{ column }},
    {%- endfor %}
    case when event_users.is_present then activity.user_id is not null end as is_active_14d
from users
cross join event_users
left join activity
    on users.account_id = activity.account_id
    and users.user_id = activity.user_id
