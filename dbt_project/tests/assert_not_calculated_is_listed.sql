{{ config(meta={'dagster': {'ref': {'name': 'not_calculated_accounts'}}}) }}
-- Every state that was not calculated is flagged with its reason, and nothing else is.
with

not_calculated as (

    select
        health_date,
        account_id,
        pillar_id
    from {{ ref('pillar_health_history') }}
    where
        calculated_state = 'not_calculated'
        and health_date between {{ first_health_date() }} and {{ last_health_date() }}

    union all

    select
        health_date,
        account_id,
        'overall' as pillar_id
    from {{ ref('account_health_history') }}
    where
        calculated_overall_state = 'not_calculated'
        and health_date between {{ first_health_date() }} and {{ last_health_date() }}

),

listed as (

    select
        health_date,
        account_id,
        pillar_id
    from {{ ref('not_calculated_accounts') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

)

select
    coalesce(not_calculated.health_date, listed.health_date) as health_date,
    coalesce(not_calculated.account_id, listed.account_id) as account_id,
    coalesce(not_calculated.pillar_id, listed.pillar_id) as pillar_id
from not_calculated
full outer join listed
    on not_calculated.health_date = listed.health_date
    and not_calculated.account_id = listed.account_id
    and not_calculated.pillar_id = listed.pillar_id
where not_calculated.account_id is null or listed.account_id is null
