{{ config(meta={'in_steps': 'steps_of_health_dates'}) }}
-- The calculated state and score of each pillar of each account (docs/health.md, "Not calculated",
-- "Pillar state" and "Pillar score"): one row per configuration, health date, account and pillar.
with

accounts as (

    select *
    from {{ ref('int_evaluated_accounts') }}
    where health_date between {{ first_date_of_step() }} and {{ last_date_of_step() }}

),

memberships as (

    select *
    from {{ ref('int_evaluated_segments') }}
    where health_date between {{ first_date_of_step() }} and {{ last_date_of_step() }}

),

conditions as (

    select *
    from {{ ref('health_conditions') }}
    where health_date between {{ first_date_of_step() }} and {{ last_date_of_step() }}

),

states as (

    {{ pillar_states('accounts', 'memberships', 'conditions') }}

)

select * from states
