{{ config(meta={'dagster': {'ref': {'name': 'portfolio_health_history'}}}) }}
-- Whoever adds up the portfolio must come to the accounts in scope, for every date and pillar.
with

expected as (

    select
        health_date,
        pillar_id,
        count(*) as accounts,
        sum(mrr) as mrr
    from (
        {{ shown_states(first_health_date(), last_health_date()) }}
    ) as states
    group by health_date, pillar_id

),

found as (

    select
        health_date,
        pillar_id,
        sum(accounts) as accounts,
        sum(mrr) as mrr
    from {{ ref('portfolio_health_history') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}
    group by health_date, pillar_id

),

in_scope as (

    select
        health_date,
        count(*) as accounts
    from {{ ref('int_accounts_by_health_date') }}
    group by health_date

)

select
    coalesce(expected.health_date, found.health_date) as health_date,
    coalesce(expected.pillar_id, found.pillar_id) as pillar_id,
    expected.accounts,
    found.accounts as found_accounts
from expected
full outer join found
    on expected.health_date = found.health_date
    and expected.pillar_id = found.pillar_id
left join in_scope on expected.health_date = in_scope.health_date
where
    expected.accounts is distinct from found.accounts
    or in_scope.accounts is distinct from found.accounts
    or abs(coalesce(expected.mrr, 0) - coalesce(found.mrr, 0)) > 0.01
