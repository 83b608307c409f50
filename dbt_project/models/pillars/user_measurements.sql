-- How many users accounts have, and how many of them use the product (docs/measures.md, "Events and
-- users"). One row per health date, account, metric and operand that has any.
--
-- Users are found once for all windows, as features are (`feature_measurements`).
{% for step in long_steps_of_health_dates() -%}
{{ step.opening }}
with

accounts as (

    select * from {{ ref('int_account_numbers') }}

),

series as (

    select
        *,
        {{ read_from_day('days_back', step) }} as read_from
    from {{ ref('event_series') }}
    where thing_kind = 'user'

),

users as (

    select
        accounts.account_number,
        users.user_id,
        cast(users.created_at as date) as created_on,
        cast(users.deactivated_at as date) as deactivated_on
    from {{ ref('stg_users') }} as users
    inner join accounts on users.account_id = accounts.account_id

),

lags as (

    select lag_days from series
    where dimension is null

    union

    select 0 as lag_days

),

user_days as (

    select
        lags.lag_days,
        accounts.account_number,
        events.user_id,
        min(events.first_day) as first_day,
        max(events.event_day) as event_day
    from {{ ref('int_user_events') }} as events
    inner join accounts on events.account_id = accounts.account_id
    inner join lags
        -- Before the lagged date: `<` would make it a merge join, which sorts the events.
        on events.event_day = least(events.event_day, {{ step.last }} - lags.lag_days - 1)
    where
        events.event_day < {{ step.last }}
        and events.user_id is not null
    group by
        lags.lag_days,
        accounts.account_number,
        events.user_id,
        {{ day_within_step('events.event_day', step, 'lags.lag_days') }}

),

-- Who used a feature, module or product must be looked up by all of them; only what a metric asks
-- for is read.
users_of_features_from as (

    select min(read_from) as read_from
    from series
    where dimension is not null
    having count(*) > 0

),

users_of_features as (

    select
        accounts.account_number,
        events.user_id,
        events.feature,
        events.module,
        events.product,
        events.event_day
    from {{ ref('int_user_feature_events') }} as events
    inner join users_of_features_from on events.event_day >= users_of_features_from.read_from
    inner join accounts on events.account_id = accounts.account_id
    where
        events.event_day < {{ step.last }}
        and events.user_id is not null

),

active_days as (

    {% for source in ['user_days', 'users_of_features'] %}
    select
        series.filter_id,
        series.lag_days,
        events.account_number,
        events.user_id,
        max(events.event_day) as event_day
    from {{ source }} as events
    inner join series
        on {{ is_day_of_series('events.event_day', 'series', step) }}
        {%- if source == 'user_days' %}
        and events.lag_days = series.lag_days
        and series.dimension is null
        {%- else %}
        and series.dimension is not null
        and {{ matches_dimension('series', 'events') }}
        {%- endif %}
    group by
        series.filter_id,
        series.lag_days,
        events.account_number,
        events.user_id,
        {{ day_within_step('events.event_day', step, 'series.lag_days') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

active_periods as (

    select
        *,
        {{ next_day_of('filter_id, lag_days, account_number, user_id', step) }} as next_day
    from active_days

),

event_users as (

    select
        account_number,
        user_id,
        min(first_day) as first_day
    from user_days
    group by account_number, user_id

),

occurrences as (

    select
        account_number,
        'active_users' as operand,
        event_day as known_on,
        event_day as window_on,
        next_day as ends_on,
        filter_id,
        lag_days
    from active_periods

    union all

    -- A user who was deactivated is not known any more.
    select
        active_periods.account_number,
        'known_active_users' as operand,
        active_periods.event_day as known_on,
        active_periods.event_day as window_on,
        least(active_periods.next_day, users.deactivated_on) as ends_on,
        active_periods.filter_id,
        active_periods.lag_days
    from active_periods
    left join users
        on active_periods.account_number = users.account_number
        and active_periods.user_id = users.user_id

    union all

    select
        coalesce(users.account_number, event_users.account_number) as account_number,
        'known_users' as operand,
        least(users.created_on, event_users.first_day) as known_on,
        cast(null as date) as window_on,
        users.deactivated_on as ends_on,
        '' as filter_id,
        cast(null as integer) as lag_days
    from users
    full outer join event_users
        on users.account_number = event_users.account_number
        and users.user_id = event_users.user_id

)

{#- Users are known from a day on, whatever the lag. -#}
{% set match -%}
measurements.filter_id = occurrences.filter_id
    and measurements.lag_days = coalesce(occurrences.lag_days, measurements.lag_days)
{%- endset -%}
{{
    fold_occurrences(
        step,
        aggregates=['count'],
        match=match,
        has_account_numbers=true,
    )
}}
{{ step.closing }}
{%- endfor %}
