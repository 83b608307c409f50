{{ config(meta={'dagster': {'ref': {'name': 'health_explanations'}}}) }}
-- The explanation is the evaluation: a pillar that is poor by its health rules has a clause of poor
-- conditions that all hold. Were they two calculations, they would drift apart.
with

clauses as (

    select
        health_date,
        account_id,
        pillar_id,
        clause,
        min({{ truth_level('is_met') }}) as truth_level
    from {{ ref('health_explanations') }}
    where
        rule_set = 'poor'
        and health_date between {{ first_health_date() }} and {{ last_health_date() }}
    group by health_date, account_id, pillar_id, clause

),

answers as (

    select
        health_date,
        account_id,
        pillar_id,
        max(truth_level) as truth_level
    from clauses
    group by health_date, account_id, pillar_id

)

select
    pillars.health_date,
    pillars.account_id,
    pillars.pillar_id,
    pillars.calculated_state
from {{ ref('pillar_health_history') }} as pillars
inner join answers
    on pillars.health_date = answers.health_date
    and pillars.account_id = answers.account_id
    and pillars.pillar_id = answers.pillar_id
where
    pillars.calculated_state <> 'not_calculated'
    and (pillars.calculated_state = 'poor') <> (answers.truth_level = 2)
