{{ config(meta={'dagster': {'ref': {'name': 'account_health_history'}}}) }}
-- Portfolio counts rest on one overall row for each account in scope, and no other.
with

found as (

    select
        health_date,
        account_id
    from {{ ref('account_health_history') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

)

select
    accounts.health_date,
    accounts.account_id
from {{ ref('int_accounts_by_health_date') }} as accounts
full outer join found
    on accounts.health_date = found.health_date
    and accounts.account_id = found.account_id
where accounts.account_id is null or found.account_id is null
