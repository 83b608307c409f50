{{ config(materialized='view') }}
-- The conditions of accounts of which a state changed, on the dates that a change lies between:
-- one row per health date, account and condition. As `health_conditions`, but what a condition is
-- is told of these few accounts alone.
--
-- On the dates of the run those of the current configuration. The date before the run has those of
-- the previous one, where they were evaluated once more.
with

dates as (

    select
        health_date,
        account_id
    from {{ ref('int_changed_states') }}

    union

    select
        previous_date as health_date,
        account_id
    from {{ ref('int_changed_states') }}

),

results as (

    select results.*
    from {{ ref('chosen_segment_results') }} as results
    inner join dates
        on results.health_date = dates.health_date
        and results.account_id = dates.account_id
    where
        results.configuration_key = 'current'
        or results.health_date < {{ first_health_date() }}

)

{{ described_conditions('results', "'good', 'poor', 'healthy', 'poor_band'") }}
