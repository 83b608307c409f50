{{ config(materialized='view') }}
-- What is evaluated: one row per health date, account and configuration.
--
-- All dates of the run with the current configuration. Its first date with the previous one, where
-- that is another: would accounts have changed with it? And the date before the run, which has no
-- current configuration, for accounts that are not explained: what were their conditions?
with

accounts as (

    select * from {{ ref('int_accounts_by_health_date') }}

),

raw_accounts as (

    select * from {{ ref('stg_accounts') }}

),

previous_configuration as (

    select previous.configuration_key
    from {{ ref('configurations') }} as previous
    inner join {{ ref('configurations') }} as present
        on previous.config_version <> present.config_version
    where
        previous.configuration_key = 'previous'
        and present.configuration_key = 'current'

)

select
    'current' as configuration_key,
    health_date,
    is_created_today,
    account_age_days,
    account_id,
    parent_account_id,
    csm_email,
    lifecycle_stage,
    industry,
    region
from accounts

union all

select
    previous_configuration.configuration_key,
    accounts.health_date,
    accounts.is_created_today,
    accounts.account_age_days,
    accounts.account_id,
    accounts.parent_account_id,
    accounts.csm_email,
    accounts.lifecycle_stage,
    accounts.industry,
    accounts.region
from accounts
cross join previous_configuration
where accounts.health_date = {{ first_health_date() }}

union all

select
    'previous' as configuration_key,
    unexplained.health_date,
    raw_accounts.created_at >= unexplained.health_date as is_created_today,
    {{ dbt.datediff('cast(raw_accounts.created_at as date)', 'unexplained.health_date', 'day') }}
        as account_age_days,
    raw_accounts.account_id,
    raw_accounts.parent_account_id,
    raw_accounts.csm_email,
    raw_accounts.lifecycle_stage,
    raw_accounts.industry,
    raw_accounts.region
from {{ ref('int_unexplained_accounts') }} as unexplained
inner join raw_accounts on unexplained.account_id = raw_accounts.account_id
