{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- Accounts whose overall or a pillar could not be calculated on a health date, why, and since when.
with

accounts as (

    select * from {{ ref('int_accounts_by_health_date') }}

),

pillar_states as (

    select
        health_date,
        account_id,
        pillar_id,
        calculated_state,
        reason
    from {{ ref('pillar_health_history') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

    union all

    select
        health_date,
        account_id,
        'overall' as pillar_id,
        calculated_overall_state as calculated_state,
        reason
    from {{ ref('account_health_history') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

),

-- Most are calculated on every date.
affected as (

    select distinct
        account_id,
        pillar_id
    from pillar_states
    where calculated_state = 'not_calculated'

),

affected_states as (

    select pillar_states.*
    from pillar_states
    inner join affected
        on pillar_states.account_id = affected.account_id
        and pillar_states.pillar_id = affected.pillar_id

),

-- A run of dates without calculation ends with the last date that was calculated.
runs as (

    select
        *,
        max(case when calculated_state <> 'not_calculated' then health_date end) over (
            partition by account_id, pillar_id
            order by health_date
            rows between unbounded preceding and current row
        ) as last_calculated_on
    from affected_states

),

starts as (

    select
        *,
        min(case when calculated_state = 'not_calculated' then health_date end) over (
            partition by account_id, pillar_id, last_calculated_on
        ) as started_on
    from runs

),

-- What began before this run goes on, if the account was not calculated on the date before it
-- either.
before as (

    {% if is_incremental() -%}
    select
        account_id,
        pillar_id,
        since
    from {{ this }}
    where health_date = {{ previous_health_date() }} and health_date < {{ first_health_date() }}
    {%- else -%}
    select
        account_id,
        pillar_id,
        health_date as since
    from pillar_states
    where false
    {%- endif %}

)

select
    starts.health_date,
    starts.account_id,
    accounts.account_name,
    owners.csm_email,
    starts.pillar_id,
    starts.reason,
    cast(accounts.account_age_days as integer) as account_age_days,
    case
        when starts.last_calculated_on is null then coalesce(before.since, starts.started_on)
        else starts.started_on
    end as since,
    starts.reason not in ('created_today', 'pillar_not_configured')
    and accounts.created_at < {{ dbt.dateadd('day', -1, 'starts.health_date') }} as needs_review
from starts
inner join accounts
    on starts.health_date = accounts.health_date
    and starts.account_id = accounts.account_id
inner join {{ ref('account_health_history') }} as owners
    on starts.health_date = owners.health_date
    and starts.account_id = owners.account_id
left join before
    on starts.account_id = before.account_id
    and starts.pillar_id = before.pillar_id
where starts.calculated_state = 'not_calculated'
