{{ config(meta={'dagster': {'ref': {'name': 'pillar_health_history'}}}) }}
-- A pillar that is missing for an account would not be counted anywhere, not even as not
-- calculated.
with

expected as (

    select
        accounts.health_date,
        accounts.account_id,
        pillars.pillar_id
    from {{ ref('int_accounts_by_health_date') }} as accounts
    cross join {{ ref('config_pillars') }} as pillars

),

found as (

    select
        health_date,
        account_id,
        pillar_id
    from {{ ref('pillar_health_history') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

)

select
    coalesce(expected.health_date, found.health_date) as health_date,
    coalesce(expected.account_id, found.account_id) as account_id,
    coalesce(expected.pillar_id, found.pillar_id) as pillar_id
from expected
full outer join found
    on expected.health_date = found.health_date
    and expected.account_id = found.account_id
    and expected.pillar_id = found.pillar_id
where expected.account_id is null or found.account_id is null
