-- How many features and modules accounts use, and how long ago they did anything (docs/measures.md,
-- "Events and users"). One row per health date, account, metric and operand that has any.
--
-- Distinct things are found once for all windows: a thing is in a window when its last day before
-- the health date is. So each thing's days before the step's first date fold into the last of them,
-- and each day counts only until the thing's next one.
{% for step in long_steps_of_health_dates() -%}
{{ step.opening }}
with

series as (

    select
        *,
        {{ read_from_day('days_back', step) }} as read_from
    from {{ ref('event_series') }}

),

feature_events as (

    select
        accounts.account_number,
        events.feature,
        events.module,
        events.product,
        events.event_day
    from {{ ref('int_feature_events') }} as events
    inner join {{ ref('int_account_numbers') }} as accounts
        on events.account_id = accounts.account_id
    where events.event_day < {{ step.last }}

),

folded_events as (

    {% if step.first == step.last -%}
    -- Of one date there are too few rows for a fold to pay.
    select * from feature_events
    {%- else -%}
    select
        feature_events.account_number,
        feature_events.feature,
        feature_events.module,
        feature_events.product,
        max(feature_events.event_day) as event_day
    from feature_events
    cross join (select coalesce(max(lag_days), 0) as lag_days from series) as longest_lag
    group by
        feature_events.account_number,
        feature_events.feature,
        feature_events.module,
        feature_events.product,
        {{ day_within_step('feature_events.event_day', step, 'longest_lag.lag_days') }}
    {%- endif %}

),

thing_days as (

    {% for kind, operand, thing in [
        ('feature', 'features_used', 'events.feature'),
        ('module', 'modules_used', 'events.module'),
        ('account', 'days_since_last_event', "''"),
    ] %}
    select
        '{{ operand }}' as operand,
        series.filter_id,
        series.lag_days,
        events.account_number,
        {{ thing }} as thing,
        max(events.event_day) as event_day
    from folded_events as events
    inner join series
        on series.thing_kind = '{{ kind }}'
        and {{ is_day_of_series('events.event_day', 'series', step) }}
        and {{ matches_dimension('series', 'events') }}
    where {{ thing }} is not null
    group by
        series.filter_id,
        series.lag_days,
        events.account_number,
        {{ thing }},
        {{ day_within_step('events.event_day', step, 'series.lag_days') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

occurrences as (

    select
        account_number,
        operand,
        event_day as known_on,
        case when operand <> 'days_since_last_event' then event_day end as window_on,
        {{ next_day_of('operand, filter_id, lag_days, account_number, thing', step) }} as ends_on,
        event_day as day,
        filter_id,
        lag_days
    from thing_days

)

{% set match -%}
measurements.filter_id = occurrences.filter_id
    and measurements.lag_days = occurrences.lag_days
{%- endset -%}
{{
    fold_occurrences(
        step,
        aggregates=['count', 'days_since_last'],
        match=match,
        has_account_numbers=true,
    )
}}
{{ step.closing }}
{%- endfor %}
