{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- What somebody is to be told of (contract: config.md, alert_rules). What became of an alert is
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

-- Scores are compared with those of a week before, on the date before as well.
states as (

    {{ shown_states(from_date=previous_health_date() ~ ' - 7') }}

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

candidates as (

    select
        states.health_date,
        states.account_id,
        states.csm_email,
        rules.*,
        before.state as state_before,
        states.state,
        {{ meets_score_criteria('states.score', 'week_before.score') }} as meets_score,
        {{ meets_score_criteria('before.score', 'week_before_that.score') }}
        and (rules.segment_id is null or coalesce(before.segment_id = rules.segment_id, false))
            as met_score_before
    from states
    inner join dates on states.health_date = dates.health_date
    inner join rules
        on states.pillar_id = rules.pillar_id
        and (rules.segment_id is null or states.segment_id = rules.segment_id)
    left join states as before
        on dates.previous_date = before.health_date
        and states.account_id = before.account_id
        and states.pillar_id = before.pillar_id
    left join states as week_before
        on states.health_date = week_before.health_date + 7
        and states.account_id = week_before.account_id
        and states.pillar_id = week_before.pillar_id
    left join states as week_before_that
        on dates.previous_date = week_before_that.health_date + 7
        and states.account_id = week_before_that.account_id
        and states.pillar_id = week_before_that.pillar_id
    where states.health_date >= {{ first_health_date() }}

),

alerts as (

    select candidates.*
    from candidates
    left join {{ ref('health_changes') }} as changes
        on candidates.health_date = changes.health_date
        and candidates.account_id = changes.account_id
        and candidates.pillar_id = changes.pillar_id
    where
        case
            when candidates.asks_for_change
                then
                    candidates.meets_score
                    and changes.from_state = coalesce(candidates.from_state, changes.from_state)
                    and changes.to_state = coalesce(candidates.to_state, changes.to_state)
            -- Told once, not every night on which it goes on.
            else candidates.meets_score and not candidates.met_score_before
        end

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
