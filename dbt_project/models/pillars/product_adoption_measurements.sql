-- What events and users count for (docs/measures.md, "Events and users"). One row per health date,
-- account, metric and operand that has any.
--
-- Distinct things (users, features, modules) are found once for all windows: a thing is in a window
-- when its last day before the health date is. So each thing's days before the step's first date
-- fold into the last of them, and each day counts only until the thing's next one. Sums and days in
-- a window read the days that it reaches back to.
--
-- Millions of rows are grouped by account again and again, so that accounts have a number here.
with

accounts as (

    {{ numbered_accounts() }}

),

measurements as (

    select
        *,
        case
            when operand = 'features_used' then 'feature'
            when operand = 'modules_used' then 'module'
            when operand in ('active_users', 'known_active_users') then 'user'
            when operand = 'last_event_day' then 'account'
            when operand = 'active_days' then 'day'
            when operand = 'events' and window_days is null then 'lifetime_events'
            when operand = 'events' then 'events'
        end as thing_kind
    from {{ ref('config_measurements') }}

),

-- What is counted, and from which day on it can matter.
series as (

    select
        thing_kind,
        filter_id,
        dimension,
        dimension_values,
        case
            when max(case when window_days is null then 1 else 0 end) = 0
                then {{ first_date_of_step() }} - cast(max(window_days + lag_days) as integer)
            else cast('0001-01-01' as date)
        end as read_from
    from measurements
    where thing_kind is not null
    group by thing_kind, filter_id, dimension, dimension_values

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

user_events as (

    select
        accounts.account_number,
        events.*
    from (
        {{ events_of_the_past(ref('int_users_settled'), ['user_id']) }}
    ) as events
    inner join accounts on events.account_id = accounts.account_id

),

user_days as (

    select
        account_number,
        user_id,
        min(first_day) as first_day,
        max(event_day) as event_day
    from user_events
    group by
        account_number,
        user_id,
        case when event_day >= {{ first_date_of_step() }} then event_day end

),

feature_events as (

    select
        accounts.account_number,
        events.*
    from (
        {{ events_of_the_past(
            ref('int_features_settled'), ['feature', 'module', 'product']
        ) }}
    ) as events
    inner join accounts on events.account_id = accounts.account_id

),

feature_days as (

    {% if first_health_date() == last_health_date() -%}
    -- Of one date there are too few rows for a fold to pay.
    select * from feature_events
    {%- else -%}
    select
        account_number,
        feature,
        module,
        product,
        max(event_day) as event_day,
        sum(event_count) as event_count
    from feature_events
    group by
        account_number,
        feature,
        module,
        product,
        case when event_day >= {{ first_date_of_step() }} then event_day end
    {%- endif %}

),

-- Who used a feature, module or product must be looked up by all of them; only what a metric asks
-- for is read.
users_of_features_from as (

    select min(read_from) as read_from
    from series
    where thing_kind = 'user' and dimension is not null
    having count(*) > 0

),

users_of_features as (

    select
        accounts.account_number,
        events.*
    from (
        {{ events_of_the_past(
            ref('int_events_settled'),
            ['user_id', 'feature', 'module', 'product'],
            since='users_of_features_from',
        ) }}
    ) as events
    inner join accounts on events.account_id = accounts.account_id

),

thing_days as (

    {% for kind, thing, source in [
        ('user', 'user_id', 'user_days'),
        ('user', 'user_id', 'users_of_features'),
        ('account', none, 'user_days'),
        ('account', none, 'feature_days'),
        ('feature', 'feature', 'feature_days'),
        ('module', 'module', 'feature_days'),
    ] %}
    select
        '{{ kind }}' as thing_kind,
        series.filter_id,
        events.account_number,
        {{ 'events.' ~ thing if thing else "''" }} as thing,
        max(events.event_day) as event_day
    from {{ source }} as events
    inner join series
        on series.thing_kind = '{{ kind }}'
        -- Not before `read_from`: `>=` would make it a merge join, which sorts the events.
        and greatest(events.event_day, series.read_from) = events.event_day
        {%- if source == 'user_days' %}
        and series.dimension is null
        {%- else %}
        {%- if kind in ('user', 'account') %}
        and series.dimension is not null
        {%- endif %}
        and {{ matches_dimension('series', 'events') }}
        {%- endif %}
    {%- if thing %}
    where events.{{ thing }} is not null
    {%- endif %}
    group by
        series.filter_id,
        events.account_number,
        {%- if thing %}
        events.{{ thing }},
        {%- endif %}
        case when events.event_day >= {{ first_date_of_step() }} then events.event_day end
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

thing_periods as (

    {% if first_health_date() == last_health_date() -%}
    -- The days before the only date are one already.
    select
        *,
        cast(null as date) as next_day
    from thing_days
    {%- else -%}
    select
        *,
        lead(event_day) over (
            partition by thing_kind, filter_id, account_number, thing
            order by event_day
        ) as next_day
    from thing_days
    {%- endif %}

),

-- Days on which what is counted in a window changes: where one begins, and where it ends.
window_edges as (

    {% for days in ['measurements.window_days + measurements.lag_days', 'measurements.lag_days'] -%}
    select
        measurements.filter_id,
        dates.health_date - cast({{ days }} as integer) as edge
    from measurements
    inner join {{ ref('int_health_dates') }} as dates
        on dates.health_date = coalesce(measurements.only_on, dates.health_date)
        and dates.health_date between {{ first_date_of_step() }} and {{ last_date_of_step() }}
    where measurements.thing_kind = 'events'
    {{ 'union' if not loop.last }}
    {% endfor %}

),

-- The days that windows reach back to, and those that lie in days that are counted themselves:
-- these are not settled, so that a lifetime count of them is the one measure that reads every day.
first_days as (

    select edge as first_day from window_edges

    union all

    select
        greatest(
            series.read_from,
            coalesce(
                (
                    select min(account_days.event_day)
                    from {{ ref('int_account_days') }} as account_days
                ),
                series.read_from
            )
        ) as first_day
    from series
    where series.thing_kind = 'day'

),

days as (

    {{ dates_between(
        'coalesce((select min(days.first_day) from first_days as days), ' ~ last_date_of_step() ~ ')',
        last_date_of_step() ~ ' - 1'
    ) }}

),

-- Each day with the edge before it: days between two edges are in the same windows, so that one sum
-- will do for them. Of days that are counted themselves each is one.
spans as (

    select
        series.thing_kind,
        series.filter_id,
        series.dimension,
        series.dimension_values,
        days.health_date as event_day,
        max(edges.edge) as span
    from days
    inner join window_edges as edges on days.health_date >= edges.edge
    inner join series
        on edges.filter_id = series.filter_id
        and series.thing_kind = 'events'
    group by
        series.thing_kind,
        series.filter_id,
        series.dimension,
        series.dimension_values,
        days.health_date

    union all

    select
        series.thing_kind,
        series.filter_id,
        series.dimension,
        series.dimension_values,
        days.health_date as event_day,
        days.health_date as span
    from days
    inner join series
        on days.health_date >= series.read_from
        and series.thing_kind = 'day'

),

-- The last day is taken from the spans: taken from the events, DuckDB would first fold these by
-- day, to as many rows.
event_sums as (

    {% for events in ['int_account_days', 'int_events_daily'] %}
    select
        spans.thing_kind,
        spans.filter_id,
        accounts.account_number,
        max(spans.event_day) as event_day,
        sum(events.event_count) as event_count
    from {{ ref(events) }} as events
    inner join accounts on events.account_id = accounts.account_id
    inner join spans
        on events.event_day = spans.event_day
        {%- if events == 'int_account_days' %}
        and spans.dimension is null
        {%- else %}
        and spans.dimension is not null
        and {{ matches_dimension('spans', 'events') }}
        {%- endif %}
    group by
        spans.thing_kind,
        spans.filter_id,
        accounts.account_number,
        spans.span

    union all
    {% endfor %}

    -- Without a window all days before the first date count alike.
    select
        series.thing_kind,
        series.filter_id,
        events.account_number,
        max(events.event_day) as event_day,
        sum(events.event_count) as event_count
    from feature_days as events
    inner join series
        on series.thing_kind = 'lifetime_events'
        and {{ matches_dimension('series', 'events') }}
    group by
        series.thing_kind,
        series.filter_id,
        events.account_number,
        case when events.event_day >= {{ first_date_of_step() }} then events.event_day end

),

event_users as (

    select
        account_number,
        user_id,
        min(first_day) as first_day
    from user_days
    where user_id is not null
    group by account_number, user_id

),

occurrences as (

    select
        account_number,
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
        thing_periods.account_number,
        'known_active_users' as operand,
        thing_periods.event_day as known_on,
        thing_periods.event_day as window_on,
        least(thing_periods.next_day, users.deactivated_on) as ends_on,
        cast(null as double) as amount,
        thing_periods.filter_id
    from thing_periods
    left join users
        on thing_periods.account_number = users.account_number
        and thing_periods.thing = users.user_id
    where thing_periods.thing_kind = 'user'

    union all

    select
        account_number,
        case when thing_kind = 'day' then 'active_days' else 'events' end as operand,
        event_day as known_on,
        case when thing_kind <> 'lifetime_events' then event_day end as window_on,
        cast(null as date) as ends_on,
        event_count as amount,
        filter_id
    from event_sums

    union all

    select
        coalesce(users.account_number, event_users.account_number) as account_number,
        'known_users' as operand,
        least(users.created_on, event_users.first_day) as known_on,
        cast(null as date) as window_on,
        users.deactivated_on as ends_on,
        cast(null as double) as amount,
        '' as filter_id
    from users
    full outer join event_users
        on users.account_number = event_users.account_number
        and users.user_id = event_users.user_id

)

{#- Events in a window and over the lifetime are other sums. -#}
{% set match -%}
measurements.filter_id = occurrences.filter_id
    and (
        occurrences.operand <> 'events'
        or (measurements.window_days is null) = (occurrences.window_on is null)
    )
{%- endset -%}
{{ fold_occurrences(match=match, aggregates=['count', 'sum', 'max'], accounts='accounts') }}
