-- Accounts that changed on the first date of the run, as far as they have to be looked at with the
-- configuration of the date before: one row per health date and account.
--
-- On the first date, where that configuration was another one: would they have changed with it? On
-- the date before, where its explanations are not kept any more: what were they?
with

former as (

    select * from {{ ref('former_configuration') }}

),

changed as (

    select distinct
        changes.account_id,
        changes.previous_date
    from {{ ref('int_changed_states') }} as changes
    inner join former on changes.previous_date = former.health_date
    where changes.health_date = {{ first_health_date() }}

),

explained as (

    select distinct
        explanations.health_date,
        explanations.account_id
    from {{ ref('health_explanations') }} as explanations
    inner join former on explanations.health_date = former.health_date

),

unexplained as (

    select
        changed.account_id,
        changed.previous_date
    from changed
    left join explained
        on changed.account_id = explained.account_id
        and changed.previous_date = explained.health_date
    where explained.account_id is null

)

select
    accounts.health_date,
    accounts.account_id,
    accounts.is_created_today,
    accounts.account_age_days,
    accounts.parent_account_id,
    accounts.csm_email,
    accounts.lifecycle_stage,
    accounts.industry,
    accounts.region
from {{ ref('int_accounts_by_health_date') }} as accounts
inner join changed on accounts.account_id = changed.account_id
inner join former on former.is_different
where accounts.health_date = {{ first_health_date() }}

union all

select
    unexplained.previous_date as health_date,
    accounts.account_id,
    accounts.created_at >= unexplained.previous_date as is_created_today,
    {{ dbt.datediff('cast(accounts.created_at as date)', 'unexplained.previous_date', 'day') }}
        as account_age_days,
    accounts.parent_account_id,
    accounts.csm_email,
    accounts.lifecycle_stage,
    accounts.industry,
    accounts.region
from {{ ref('stg_accounts') }} as accounts
inner join unexplained on accounts.account_id = unexplained.account_id
