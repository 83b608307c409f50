{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- What somebody is to be told of (docs/configuration.md, "Alert rules"). What became of an alert is
-- written down by the sender in a table of its own, which outlives the rows here: an alert that a
-- rerun takes away and another brings back is not sent twice.
with

rules as (

    select
        *,
        -- No state given is any state: a rule with nothing given asks for any change.
        from_state is not null
        or to_state is not null
        or (score_below is null and score_drop_7d is null) as asks_for_change
    from {{ ref('config_alert_rules') }}

),

-- Scores are compared with those of a week before, on the date before as well; no other date is
-- looked at. Dates of former versions have no settled states: what was shown stands for them.
states as (

    select
        health_date,
        account_id,
        csm_email,
        segment_id,
        pillar_id,
        state,
        coalesce(settled_state, state) as settled_state,
        score
    from (
        {{ shown_states(previous_health_date() ~ ' - 7', last_health_date()) }}
    ) as shown_states
    where
        health_date >= {{ previous_health_date() }}
        or health_date <= {{ last_health_date() }} - 7

),

dates as (

    select
        health_date,
        lag(health_date) over (order by health_date) as previous_date
    from (
        select distinct health_date
        from states
        where health_date >= {{ previous_health_date() }}
    ) as health_dates

),

shown as (

    select
        states.*,
        dates.previous_date
    from states
    inner join dates on states.health_date = dates.health_date
    where states.health_date >= {{ first_health_date() }}

),

-- What a rule looks at. One that asks for a change looks at the settled states that changed alone,
-- which are few.
looked_at as (

    {% for asks_for_change in [true, false] -%}
    select
        shown.health_date,
        shown.previous_date,
        shown.account_id,
        shown.csm_email,
        {{ 'shown.settled_state' if asks_for_change else 'shown.state' }} as state,
        shown.score,
        rules.*
    from shown
    inner join rules
        on shown.pillar_id = rules.pillar_id
        and (rules.segment_id is null or shown.segment_id = rules.segment_id)
    {%- if asks_for_change %}
    inner join states as before
        on shown.previous_date = before.health_date
        and shown.account_id = before.account_id
        and shown.pillar_id = before.pillar_id
        and shown.settled_state <> before.settled_state
        and before.settled_state = coalesce(rules.from_state, before.settled_state)
        and shown.settled_state = coalesce(rules.to_state, shown.settled_state)
    where rules.asks_for_change

    union all

    {% else %}
    where not rules.asks_for_change
    {%- endif %}
    {%- endfor %}

),

alerts as (

    select
        rules.*,
        case when rules.asks_for_change then before.settled_state else before.state end
            as state_before
    from looked_at as rules
    left join states as before
        on rules.previous_date = before.health_date
        and rules.account_id = before.account_id
        and rules.pillar_id = before.pillar_id
    left join states as week_before
        on rules.health_date = week_before.health_date + 7
        and rules.account_id = week_before.account_id
        and rules.pillar_id = week_before.pillar_id
    left join states as week_before_that
        on rules.previous_date = week_before_that.health_date + 7
        and rules.account_id = week_before_that.account_id
        and rules.pillar_id = week_before_that.pillar_id
    where
        {{ meets_score_criteria('rules.score', 'week_before.score') }}
        -- Told once, not every night on which it goes on.
        and (
            rules.asks_for_change
            or not (
                {{ meets_score_criteria('before.score', 'week_before_that.score') }}
                and (
                    rules.segment_id is null
                    or coalesce(before.segment_id = rules.segment_id, false)
                )
            )
        )

)

select
    alerts.health_date,
    alerts.alert_id,
    alerts.account_id,
    alerts.pillar_id,
    alerts.state_before as from_state,
    alerts.state as to_state,
    alerts.severity,
    alerts.playbook,
    alerts.csm_email,
    deliveries.sent_at,
    coalesce(deliveries.status, 'pending') as status
from alerts
left join {{ source('operations', 'alert_deliveries') }} as deliveries
    on alerts.health_date = deliveries.health_date
    and alerts.alert_id = deliveries.alert_id
    and alerts.account_id = deliveries.account_id
    and alerts.pillar_id = deliveries.pillar_id
