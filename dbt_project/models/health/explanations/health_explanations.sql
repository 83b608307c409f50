{{
    config(
        materialized='incremental',
        incremental_strategy='replace_health_dates',
        post_hook="{{ forget_old_explanations() }}",
    )
}}
-- Every condition behind an account's segment and pillar states on a health date, with the number
-- that was observed: the evaluation's own output. Kept for the last `explanation_days` and for
-- dates on which a state of the account changed.
with

conditions as (

    select * from {{ ref('segment_conditions') }}

    union all

    select * from {{ ref('health_conditions') }}

),

-- The clause of each condition as a number: millions of rows are put together by it. Of the current
-- configuration: what the previous one says is not published.
clauses as (

    select
        condition_id,
        dense_rank() over (
            order by
                segment_id,
                pillar_id,
                rule_set,
                clause,
                case when rule_set in ('healthy', 'poor_band') then signal_id end
        ) as clause_number
    from {{ ref('config_conditions') }}

),

changes as (

    select distinct
        health_date,
        account_id
    from {{ ref('int_state_starts') }}
    where is_change

),

history as (

    select max(health_date) as latest_date
    from {{ ref('account_health_history') }}

)

select
    conditions.health_date,
    conditions.account_id,
    conditions.segment_id,
    conditions.pillar_id,
    conditions.rule_set,
    conditions.clause,
    conditions.signal_id,
    conditions.observed,
    conditions.operator,
    conditions.threshold,
    conditions.scaled_by,
    conditions.resolved_threshold,
    conditions.is_met,
    cast(conditions.gap as double) as gap,
    -- A clause holds when all its conditions hold; each condition of a score rule is one alone.
    {{ truth_value('min(' ~ truth_level('conditions.is_met') ~ ') over clause_of_account') }}
        as clause_holds
from conditions
cross join history
-- The window partitions by its number.
inner join clauses on conditions.condition_id = clauses.condition_id -- noqa: ST11
left join changes
    on conditions.health_date = changes.health_date
    and conditions.account_id = changes.account_id
where
    conditions.health_date > history.latest_date - {{ var('explanation_days') }}
    or changes.account_id is not null
window clause_of_account as (
    partition by conditions.health_date, conditions.account_id, clauses.clause_number
)
