-- What events and users count for (contract: metrics.md, product_adoption). One row per health
-- date, account, metric and operand that has any.
--
-- Distinct things (users, features, modules) are found once for all windows: a thing is in a window
-- when its last day before the health date is. So each thing's days before the run's first date
-- fold into the last of them, and each day counts only until the thing's next one. Each reads only
-- as far back as its windows reach.
with

measurements as (

    select
        *,
        case
            when operand = 'features_used' then 'feature'
            when operand = 'modules_used' then 'module'
            when operand in ('active_users', 'known_active_users') then 'user'
            when operand = 'last_event_day' then 'account'
            when operand in ('events', 'active_days') then operand
        end as thing_kind
    from {{ ref('config_measurements') }}

),

-- What is counted, and from which day on it can matter: null where it has no window.
series as (

    select
        thing_kind,
        filter_id,
        dimension,
        dimension_values,
        max(case when window_days is null then 0 else 1 end) as has_window,
        case
            when max(case when window_days is null then 1 else 0 end) = 0
                then {{ first_health_date() }} - cast(max(window_days + lag_days) as integer)
            else cast('0001-01-01' as date)
        end as read_from
    from measurements
    where thing_kind is not null
    group by thing_kind, filter_id, dimension, dimension_values

),

users as (

    select
        account_id,
        user_id,
        cast(created_at as date) as created_on,
        cast(deactivated_at as date) as deactivated_on
    from {{ ref('stg_users') }}

),

settlement as (

    select coalesce(max(settled_on), cast('0001-01-01' as date)) as settled_on
    from {{ ref('int_events_settled') }}

),

-- Every event before the last health date: long past ones settled, the others by day.
events as (

    select
        account_id,
        user_id,
        feature,
        module,
        first_day,
        last_day as event_day,
        event_count
    from {{ ref('int_events_settled') }}

    union all

    select
        account_id,
        user_id,
        feature,
        module,
        event_day as first_day,
        event_day,
        event_count
    from {{ ref('int_events_daily') }}
    where
        event_day >= (select settlement.settled_on from settlement)
        and event_day < {{ last_health_date() }}

),

-- The one thing that takes every event of the past, so that all that can does with this.
user_days as (

    select
        account_id,
        user_id,
        min(first_day) as first_day,
        max(event_day) as event_day
    from events
    group by
        account_id,
        user_id,
        case when event_day >= {{ first_health_date() }} then event_day end

),

thing_days as (

    {% for kind, thing, is_by_user in [
        ('user', 'user_id', true),
        ('account', 'account_id', true),
        ('user', 'user_id', false),
        ('account', 'account_id', false),
        ('feature', 'feature', false),
        ('module', 'module', false),
    ] %}
    {%- set source = 'user_days' if is_by_user else 'events' %}
    select
        '{{ kind }}' as thing_kind,
        series.filter_id,
        events.account_id,
        events.{{ thing }} as thing,
        max(events.event_day) as event_day
    from {{ source }} as events
    inner join series
        on series.thing_kind = '{{ kind }}'
        and events.event_day >= series.read_from
        {%- if is_by_user %}
        and series.dimension is null
        {%- else %}
        {%- if kind in ('user', 'account') %}
        and series.dimension is not null
        {%- endif %}
        and {{ matches_dimension('series', 'events') }}
        {%- endif %}
    where
        events.{{ thing }} is not null
        and events.event_day >= (
            select min(kinds.read_from)
            from series as kinds
            where kinds.thing_kind = '{{ kind }}'
        )
    group by
        series.filter_id,
        events.account_id,
        events.{{ thing }},
        case when events.event_day >= {{ first_health_date() }} then events.event_day end
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

thing_periods as (

    select
        *,
        lead(event_day) over (
            partition by thing_kind, filter_id, account_id, thing
            order by event_day
        ) as next_day
    from thing_days

),

-- Without a window all days before the first date count alike.
event_sums as (

    select
        series.filter_id,
        events.account_id,
        max(events.event_day) as event_day,
        sum(events.event_count) as event_count
    from events
    inner join series
        on series.thing_kind = 'events'
        and events.event_day >= series.read_from
        and {{ matches_dimension('series', 'events') }}
    group by
        series.filter_id,
        events.account_id,
        case
            when series.has_window = 1 or events.event_day >= {{ first_health_date() }}
                then events.event_day
        end

),

-- Days cannot be settled: a lifetime count of them is the one measure that reads all daily rows.
active_days as (

    select distinct
        series.filter_id,
        events.account_id,
        events.event_day
    from {{ ref('int_events_daily') }} as events
    inner join series
        on series.thing_kind = 'active_days'
        and events.event_day >= series.read_from
        and {{ matches_dimension('series', 'events') }}
    where events.event_day < {{ last_health_date() }}

),

event_users as (

    select
        account_id,
        user_id,
        min(first_day) as first_day
    from user_days
    where user_id is not null
    group by account_id, user_id

),

occurrences as (

    select
        account_id,
        case thing_kind
            when 'feature' then 'features_used'
            when 'module' then 'modules_used'
            when 'user' then 'active_users'
            when 'account' then 'last_event_day'
        end as operand,
        event_day as known_on,
        case when thing_kind <> 'account' then event_day end as window_on,
        next_day as ends_on,
        {{ day_number('event_day') }} as amount,
        filter_id
    from thing_periods

    union all

    -- A user who was deactivated is not known any more.
    select
        thing_periods.account_id,
        'known_active_users' as operand,
        thing_periods.event_day as known_on,
        thing_periods.event_day as window_on,
        least(thing_periods.next_day, users.deactivated_on) as ends_on,
        cast(null as double) as amount,
        thing_periods.filter_id
    from thing_periods
    left join users
        on thing_periods.account_id = users.account_id
        and thing_periods.thing = users.user_id
    where thing_periods.thing_kind = 'user'

    union all

    select
        account_id,
        'events' as operand,
        event_day as known_on,
        event_day as window_on,
        cast(null as date) as ends_on,
        event_count as amount,
        filter_id
    from event_sums

    union all

    select
        account_id,
        'active_days' as operand,
        event_day as known_on,
        event_day as window_on,
        cast(null as date) as ends_on,
        cast(null as double) as amount,
        filter_id
    from active_days

    union all

    select
        coalesce(users.account_id, event_users.account_id) as account_id,
        'known_users' as operand,
        least(users.created_on, event_users.first_day) as known_on,
        cast(null as date) as window_on,
        users.deactivated_on as ends_on,
        cast(null as double) as amount,
        '' as filter_id
    from users
    full outer join event_users
        on users.account_id = event_users.account_id
        and users.user_id = event_users.user_id

)

{{ fold_occurrences(match='measurements.filter_id = occurrences.filter_id') }}
