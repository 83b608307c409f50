-- How many events accounts have, and on how many days (docs/measures.md, "Events and users"). One
-- row per health date, account, metric and operand that has any.
--
-- Sums and days in a window read the days that it reaches back to; sums over the lifetime what is
-- compacted and the days since.
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

),

-- Days on which what is counted in a window changes: where one begins, and where it ends.
window_edges as (

    {% for days in ['measurements.window_days + measurements.lag_days', 'measurements.lag_days'] -%}
    select
        measurements.filter_id,
        dates.health_date - cast({{ days }} as integer) as edge
    from {{ ref('config_measurements') }} as measurements
    inner join {{ ref('int_health_dates') }} as dates
        on dates.health_date = coalesce(measurements.only_on, dates.health_date)
        and dates.health_date between {{ step.first }} and {{ step.last }}
    where measurements.operand = 'events' and measurements.window_days is not null
    {{ 'union' if not loop.last }}
    {% endfor %}

),

-- The days that windows reach back to, and those that lie in days that are counted themselves:
-- these are not compacted, so that a lifetime count of them is the one measure that reads every
-- day.
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
        'coalesce((select min(days.first_day) from first_days as days), ' ~ step.last ~ ')',
        step.last ~ ' - 1'
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
window_sums as (

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
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- Without a window all days before the first date count alike.
lifetime_sums as (

    select
        series.filter_id,
        series.lag_days,
        accounts.account_number,
        max(events.event_day) as event_day,
        sum(events.event_count) as event_count
    from {{ ref('int_feature_events') }} as events
    inner join series
        on series.thing_kind = 'lifetime_events'
        and {{ is_day_of_series('events.event_day', 'series', step) }}
        and {{ matches_dimension('series', 'events') }}
    inner join accounts on events.account_id = accounts.account_id
    where events.event_day < {{ step.last }}
    group by
        series.filter_id,
        series.lag_days,
        accounts.account_number,
        {{ day_within_step('events.event_day', step, 'series.lag_days') }}

),

occurrences as (

    select
        account_number,
        case when thing_kind = 'day' then 'active_days' else 'events' end as operand,
        event_day as known_on,
        event_day as window_on,
        cast(null as date) as ends_on,
        event_count as amount,
        filter_id,
        cast(null as integer) as lag_days
    from window_sums

    union all

    select
        account_number,
        'events' as operand,
        event_day as known_on,
        cast(null as date) as window_on,
        cast(null as date) as ends_on,
        event_count as amount,
        filter_id,
        lag_days
    from lifetime_sums

)

{#- Events in a window and over the lifetime are other sums. -#}
{% set match -%}
measurements.filter_id = occurrences.filter_id
    and measurements.lag_days = coalesce(occurrences.lag_days, measurements.lag_days)
    and (
        occurrences.operand <> 'events'
        or (measurements.window_days is null) = (occurrences.window_on is null)
    )
{%- endset -%}
{{
    fold_occurrences(
        step, aggregates=['count', 'sum'], match=match, has_account_numbers=true
    )
}}
{{ step.closing }}
{%- endfor %}
