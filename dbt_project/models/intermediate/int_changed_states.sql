-- Every change of an overall or pillar state from one health date of the history to the next: one
-- row per health date, account and pillar or `overall`, with what stood on both dates.
with

overall as (

    select
        health_date,
        account_id,
        'overall' as pillar_id,
        segment_id,
        overall_state as state,
        calculated_overall_state as calculated_state,
        is_overridden,
        config_version
    from {{ ref('account_health_history') }}
    where health_date between {{ previous_health_date() }} and {{ last_health_date() }}

),

pillars as (

    select
        health_date,
        account_id,
        pillar_id,
        segment_id,
        state,
        calculated_state,
        is_overridden,
        config_version
    from {{ ref('pillar_health_history') }}
    where health_date between {{ previous_health_date() }} and {{ last_health_date() }}

),

states as (

    select * from overall
    union all
    select * from pillars

),

changes as (

    select
        states.*,
        starts.previous_date,
        states_before.segment_id as from_segment_id,
        states_before.state as from_state,
        states_before.calculated_state as from_calculated_state,
        states_before.is_overridden as was_overridden,
        states_before.config_version as from_config_version
    from {{ ref('int_state_starts') }} as starts
    inner join states
        on starts.health_date = states.health_date
        and starts.account_id = states.account_id
        and starts.pillar_id = states.pillar_id
    inner join states as states_before
        on starts.previous_date = states_before.health_date
        and starts.account_id = states_before.account_id
        and starts.pillar_id = states_before.pillar_id
    where
        starts.is_change
        and starts.health_date between {{ first_health_date() }} and {{ last_health_date() }}

),

changed_pillars as (

    select distinct
        account_id,
        pillar_id
    from changes

),

-- Where states began over the whole history, but only of what changed.
past_starts as (

    select
        starts.health_date,
        starts.account_id,
        starts.pillar_id,
        starts.is_calculated,
        case
            when
                lag(starts.state) over (
                    partition by starts.account_id, starts.pillar_id
                    order by starts.health_date
                ) = starts.state
                then null
            else starts.health_date
        end as started_on
    from {{ ref('int_state_starts') }} as starts
    inner join changed_pillars
        on starts.account_id = changed_pillars.account_id
        and starts.pillar_id = changed_pillars.pillar_id

),

-- What was so before each of them.
runs_before as (

    select
        health_date,
        account_id,
        pillar_id,
        max(started_on) over dates_before as since,
        max(case when is_calculated then 1 else 0 end) over dates_before = 1 as was_ever_calculated
    from past_starts
    window dates_before as (
        partition by account_id, pillar_id
        order by health_date
        rows between unbounded preceding and 1 preceding
    )

)

select
    changes.health_date,
    changes.account_id,
    changes.pillar_id,
    changes.previous_date,
    changes.from_segment_id,
    changes.segment_id,
    changes.from_state,
    changes.state as to_state,
    changes.from_calculated_state,
    changes.calculated_state as to_calculated_state,
    changes.was_overridden,
    changes.is_overridden,
    changes.from_config_version,
    changes.config_version,
    runs_before.since as from_state_since,
    runs_before.was_ever_calculated
from changes
inner join runs_before
    on changes.account_id = runs_before.account_id
    and changes.pillar_id = runs_before.pillar_id
    and changes.health_date = runs_before.health_date
