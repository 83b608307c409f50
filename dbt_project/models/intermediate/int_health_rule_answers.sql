{{ config(materialized='view') }}
-- What the health rules of the chosen segment say of each pillar (docs/health.md, "Pillar state"):
-- one row per configuration, health date, account and pillar that has health rules.
--
-- `good_holds` and `poor_holds` are three-valued; false where the pillar has no such rules.
with

conditions as (

    select * from {{ ref('health_conditions') }}

),

-- Conditions fold to clauses, clauses to one answer for each state.
clauses as (

    select
        configuration_key,
        health_date,
        account_id,
        pillar_id,
        rule_set,
        clause,
        min({{ truth_level('is_met') }}) as truth_level,
        sum(case when is_met is null then 1 else 0 end) as unknown_conditions,
        count(is_met) as known_conditions
    from conditions
    where rule_set in ('good', 'poor')
    group by configuration_key, health_date, account_id, pillar_id, rule_set, clause

),

answers as (

    select
        configuration_key,
        health_date,
        account_id,
        pillar_id,
        max(case when rule_set = 'good' then truth_level else 0 end) as good_level,
        max(case when rule_set = 'poor' then truth_level else 0 end) as poor_level,
        sum(unknown_conditions) as unknown_conditions,
        sum(known_conditions) as known_conditions
    from clauses
    group by configuration_key, health_date, account_id, pillar_id

)

select
    configuration_key,
    health_date,
    account_id,
    pillar_id,
    {{ truth_value('good_level') }} as good_holds,
    {{ truth_value('poor_level') }} as poor_holds,
    cast(unknown_conditions as integer) as unknown_conditions,
    known_conditions = 0 as has_no_data
from answers
