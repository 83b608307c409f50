{{
    config(
        materialized='incremental',
        incremental_strategy='replace_health_dates',
        post_hook="{{ forget_old_explanations() }}",
    )
}}
{%- set is_explained = '(conditions.health_date > history.latest_date - ' ~ var('explanation_days')
    ~ ' or changes.account_id is not null)' %}
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
-- configuration: what the previous one says is not published. Each condition of a score rule is one
-- alone.
numbered_clauses as (

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

clauses as (

    select
        condition_id,
        clause_number,
        count(*) over (partition by clause_number) > 1 as has_several_conditions
    from numbered_clauses

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

),

-- Keys and numbers alone, from where `conditions` has them: a window over all columns takes half as
-- long again, and the views themselves once more a seventh.
results as (

    select
        health_date,
        account_id,
        condition_id,
        is_met
    from {{ ref('segment_results') }}

    union all

    select
        health_date,
        account_id,
        condition_id,
        is_met
    from {{ ref('chosen_segment_results') }}

),

-- A clause holds when all its conditions hold.
clauses_by_account as (

    select
        conditions.health_date,
        conditions.account_id,
        clauses.clause_number,
        min({{ truth_level('conditions.is_met') }}) as truth_level
    from results as conditions
    cross join history
    inner join clauses on conditions.condition_id = clauses.condition_id
    left join changes
        on conditions.health_date = changes.health_date
        and conditions.account_id = changes.account_id
    where
        {{ is_explained }}
        and clauses.has_several_conditions
    group by conditions.health_date, conditions.account_id, clauses.clause_number

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
    case
        when clauses.has_several_conditions
            then {{ truth_value('clauses_by_account.truth_level') }}
        else conditions.is_met
    end as clause_holds
from conditions
cross join history
inner join clauses on conditions.condition_id = clauses.condition_id
left join clauses_by_account
    on conditions.health_date = clauses_by_account.health_date
    and conditions.account_id = clauses_by_account.account_id
    and clauses.clause_number = clauses_by_account.clause_number
left join changes
    on conditions.health_date = changes.health_date
    and conditions.account_id = changes.account_id
where {{ is_explained }}
