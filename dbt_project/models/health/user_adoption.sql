{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- What every known user of an account does in the product, on the latest health date; nothing is
-- known of it where there are no events at all.
-- depends_on: {{ ref('account_health_history') }}
with

users as (

    select * from {{ ref('int_known_users') }}

),

event_table as (

    select is_present
    from {{ ref('raw_tables') }}
    where table_name = 'events'

),

features as (

    select
        account_id,
        user_id,
        feature,
        sum(event_count) as event_count,
        {{ day_set(dbt.datediff('event_day', last_health_date(), 'day')) }} as days
    from {{ ref('int_events_daily') }}
    where {{ is_in_adoption_window('event_day') }}
    group by account_id, user_id, feature

),

activity as (

    select
        account_id,
        user_id,
        sum(event_count) as events_14d,
        count(feature) as features_used_14d,
        {{ day_set_size(day_set_of_sets('days')) }} as active_days_14d
    from features
    group by account_id, user_id

)

select
    users.health_date,
    users.account_id,
    users.user_id,
    users.user_name,
    users.email,
    users.role,
    users.last_active_at,
    {%- for column, type in [
        ('events_14d', 'double'), ('features_used_14d', 'integer'), ('active_days_14d', 'integer'),
    ] %}
    case
        when event_table.is_present then cast(coalesce(activity.{{ column }}, 0) as {{ type }})
    end as {{ column }},
    {%- endfor %}
    case when event_table.is_present then activity.user_id is not null end as is_active_14d
from users
cross join event_table
left join activity
    on users.account_id = activity.account_id
    and users.user_id = activity.user_id
