{{
    config(
        materialized='incremental',
        incremental_strategy='replace_health_dates_and_next',
        full_refresh=false,
    )
}}
-- Where states begin, kept over the runs: one row per health date, account and pillar or `overall`
-- that had another state on the date before in the history, or was calculated then and is not now
-- or the other way round, or had no row. What a state was on any date, and since when, follows from
-- few rows.
--
-- The date after the run is looked at again: what begins there depends on the run's last date.
with

states as (

    select
        health_date,
        account_id,
        'overall' as pillar_id,
        overall_state as state,
        calculated_overall_state <> 'not_calculated' as is_calculated
    from {{ ref('account_health_history') }}
    where {{ is_date_around_run() if is_incremental() else 'true' }}

    union all

    select
        health_date,
        account_id,
        pillar_id,
        state,
        calculated_state <> 'not_calculated' as is_calculated
    from {{ ref('pillar_health_history') }}
    where {{ is_date_around_run() if is_incremental() else 'true' }}

),

dates as (

    select
        health_date,
        lag(health_date) over (order by health_date) as previous_date
    from (
        select distinct health_date
        from {{ ref('account_health_history') }}
        where {{ is_date_around_run() if is_incremental() else 'true' }}
    ) as health_dates

)

select
    states.health_date,
    states.account_id,
    states.pillar_id,
    states.state,
    states.is_calculated,
    dates.previous_date,
    coalesce(states.state <> states_before.state, false) as is_change
from states
inner join dates on states.health_date = dates.health_date
left join states as states_before
    on dates.previous_date = states_before.health_date
    and states.account_id = states_before.account_id
    and states.pillar_id = states_before.pillar_id
where
    states.health_date >= {{ first_health_date() if is_incremental() else "date '0001-01-01'" }}
    and (
        states_before.account_id is null
        or states.state <> states_before.state
        or states.is_calculated <> states_before.is_calculated
    )
