-- What events and users count for (contract: metrics.md, product_adoption). One row per health
-- date, account, metric and operand that has any.
--
-- Distinct things (users, features, modules) are found once for all windows: a thing is in a window
-- when its last day before the health date is. So each thing's days before the run's first date
-- fold into the last of them, and each day counts only until the thing's next one.
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

series as (

    select
        thing_kind,
        filter_id,
        dimension,
        dimension_values,
        max(case when window_days is null then 1 else 0 end) as has_lifetime
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

things as (

    select
        series.thing_kind,
        series.filter_id,
        events.account_id,
        case series.thing_kind
            when 'feature' then events.feature
            when 'module' then events.module
            when 'user' then events.user_id
            else events.account_id
        end as thing,
        events.event_day
    from events
    inner join series
        on series.thing_kind in ('feature', 'module', 'user', 'account')
        and {{ matches_dimension('series', 'events') }}

),

thing_days as (

    select
        thing_kind,
        filter_id,
        account_id,
        thing,
        max(event_day) as event_day
    from things
    where thing is not null
    group by
        thing_kind,
        filter_id,
        account_id,
        thing,
        case when event_day >= {{ first_health_date() }} then event_day end

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

event_sums as (

    select
        series.filter_id,
        events.account_id,
        events.event_day,
        sum(events.event_count) as event_count
    from events
    inner join series
        on series.thing_kind = 'events'
        and {{ matches_dimension('series', 'events') }}
    group by series.filter_id, events.account_id, events.event_day

),

-- Days cannot be settled: a lifetime count of them is the one measure that reads all daily rows.
active_days_range as (

    select
        case
            when max(series.has_lifetime) = 1 then cast('0001-01-01' as date)
            else max(settlement.settled_on)
        end as first_day
    from settlement
    left join series on series.thing_kind = 'active_days'

),

active_days as (

    select distinct
        series.filter_id,
        events.account_id,
        events.event_day
    from {{ ref('int_events_daily') }} as events
    inner join series
        on series.thing_kind = 'active_days'
        and {{ matches_dimension('series', 'events') }}
    where
        events.event_day < {{ last_health_date() }}
        and events.event_day >= (select active_days_range.first_day from active_days_range)

),

event_users as (

    select
        account_id,
        user_id,
        min(first_day) as first_day
    from events
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
