-- The spine: every account in scope on every health date of the run. In scope: created before the
-- end of the day, and not churned before it.
with

accounts as (

    select * from {{ ref('stg_accounts') }}

),

dates as (

    select * from {{ ref('int_health_dates') }}

)

select
    dates.health_date,
    accounts.account_id,
    accounts.account_name,
    accounts.created_at,
    cast(accounts.created_at as date) as created_on,
    accounts.created_at >= dates.health_date as is_created_today,
    {{ dbt.datediff('cast(accounts.created_at as date)', 'dates.health_date', 'day') }}
        as account_age_days,
    accounts.parent_account_id,
    accounts.csm_email,
    accounts.lifecycle_stage,
    accounts.industry,
    accounts.region
from accounts
inner join dates
    on cast(accounts.created_at as date) <= dates.health_date
    and (accounts.churned_at is null or cast(accounts.churned_at as date) >= dates.health_date)
