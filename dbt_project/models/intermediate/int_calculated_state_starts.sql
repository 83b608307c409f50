{{ config(materialized='incremental', incremental_strategy='replace_calculated_state_starts') }}
-- Where calculated states begin, kept over the runs: one row per health date, account and pillar or
-- `overall` that had another calculated state on the date before in the history, or no row; and one
-- without a state where it has no row any more. How long each state held follows from few rows.
--
-- Kept only while a segment asks for settled states (`settle_days`): the first run of which one
-- does looks at the whole history. The date after the run is looked at again: what begins there
-- depends on the run's last date.
-- depends_on: {{ ref('int_recorded_dates') }}
{%- set is_asked = most_settle_days() > 0 %}
{%- set is_kept = keeps_calculated_states() %}
with

evaluated as (

    select
        health_date,
        account_id,
        'overall' as pillar_id,
        calculated_overall_state as calculated_state
    from {{ ref('int_evaluated_overalls') }}
    where configuration_key = 'current'

    union all

    select
        health_date,
        account_id,
        pillar_id,
        calculated_state
    from {{ ref('int_evaluated_pillars') }}
    where configuration_key = 'current'

),

{% if is_kept -%}
dates_around as (

    select
        max(
            case when health_date < {{ first_health_date() }} then health_date end
        ) as previous_date,
        min(case when health_date > {{ last_health_date() }} then health_date end) as next_date
    from {{ ref('int_recorded_dates') }}

),

{% endif -%}
states as (

    select * from evaluated

    union all

    select *
    from {{ ref('int_recorded_states') }}
    {%- if is_kept %}
    where health_date in (
        select previous_date from dates_around
        union all
        select next_date from dates_around
    )
    {%- endif %}

),

dates as (

    select
        health_date,
        lag(health_date) over (order by health_date) as previous_date
    from (
        select distinct health_date
        from states
        where pillar_id = 'overall'
    ) as health_dates

),

-- What each state would be on the next date if it went on.
states_before as (

    select
        dates.health_date,
        states.account_id,
        states.pillar_id,
        states.calculated_state
    from states
    inner join dates on states.health_date = dates.previous_date

),

starts as (

    select
        coalesce(states.health_date, states_before.health_date) as health_date,
        coalesce(states.account_id, states_before.account_id) as account_id,
        coalesce(states.pillar_id, states_before.pillar_id) as pillar_id,
        states.calculated_state
    from states
    full outer join states_before
        on states.health_date = states_before.health_date
        and states.account_id = states_before.account_id
        and states.pillar_id = states_before.pillar_id
    where
        states.account_id is null
        or states_before.account_id is null
        or states.calculated_state <> states_before.calculated_state

)

select
    starts.health_date,
    starts.account_id,
    starts.pillar_id,
    starts.calculated_state,
    dates.previous_date
from starts
inner join dates on starts.health_date = dates.health_date
where
    {{ 'true' if is_asked else 'false' }}
    and starts.health_date >= {{ first_health_date() if is_kept else "date '0001-01-01'" }}
