{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- The states, scores and MRR of accounts that others belong to, over themselves and all that belong
-- to them (docs/health.md, "Roll-up").
{% for step in long_steps_of_health_dates() -%}
{{ step.opening }}
with

-- From each account to its parent: both in scope, and not the same.
links as (

    select
        parents.health_date,
        parents.account_id,
        parents.value_text as parent_account_id
    from {{ ref('account_signals') }} as parents
    inner join {{ ref('int_accounts_by_health_date') }} as accounts
        on parents.health_date = accounts.health_date
        and parents.value_text = accounts.account_id
    where
        parents.health_date between {{ step.first }} and {{ step.last }}
        and parents.signal_id = 'parent_account_id'
        and parents.value_text <> parents.account_id

),

-- Each account with its parent, the parent's parent and so on.
belonging as (

    {{ all_parents('links') }}

),

-- A parent counts itself; in a circle it was found already.
members as (

    select
        health_date,
        account_id,
        parent_account_id
    from belonging

    union

    select
        health_date,
        parent_account_id as account_id,
        parent_account_id
    from links

),

states as (

    {{ shown_states(step.first, step.last) }}

),

totals as (

    select
        states.health_date,
        members.parent_account_id,
        states.pillar_id,
        count(*) as accounts,
        sum(case when states.state = 'good' then 1 else 0 end) as good,
        sum(case when states.state = 'average' then 1 else 0 end) as average,
        sum(case when states.state = 'poor' then 1 else 0 end) as poor,
        sum(case when states.state = 'not_calculated' then 1 else 0 end) as not_calculated,
        {{ total_mrr('states.mrr') }} as mrr,
        {{ exact_sum('states.score') }} / count(states.score) as mean_score,
        {{ exact_sum('case when states.mrr > 0 then states.score * states.mrr end') }}
            as score_by_mrr,
        {{ exact_sum('case when states.mrr > 0 and states.score is not null then states.mrr end') }}
            as scored_mrr
    from states
    inner join members
        on states.health_date = members.health_date
        and states.account_id = members.account_id
    group by
        states.health_date,
        members.parent_account_id,
        states.pillar_id

)

select
    health_date,
    parent_account_id,
    pillar_id,
    accounts,
    cast(good as bigint) as good,
    cast(average as bigint) as average,
    cast(poor as bigint) as poor,
    cast(not_calculated as bigint) as not_calculated,
    mrr,
    cast(round(mean_score, 12) as double) as mean_score,
    cast(round(score_by_mrr / scored_mrr, 12) as double) as mrr_weighted_score,
    case
        when poor > 0 then 'poor'
        when average > 0 then 'average'
        when good > 0 then 'good'
        else 'not_calculated'
    end as worst_state
from totals
{{ step.closing }}
{%- endfor %}
