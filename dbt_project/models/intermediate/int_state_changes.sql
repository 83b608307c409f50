{{
    config(
        materialized='incremental',
        incremental_strategy='replace_health_dates',
        full_refresh=false,
    )
}}
-- On which health dates anything about an account changed: one row per health date and account
-- whose overall or any pillar has another state than on the date before in the history, or is new
-- in it.
with

states as (

    select
        health_date,
        account_id,
        'overall' as pillar_id,
        overall_state as state
    from {{ ref('account_health_history') }}
    where health_date >= {{ previous_health_date() }} and health_date <= {{ last_health_date() }}

    union all

    select
        health_date,
        account_id,
        pillar_id,
        state
    from {{ ref('pillar_health_history') }}
    where health_date >= {{ previous_health_date() }} and health_date <= {{ last_health_date() }}

),

compared as (

    select
        *,
        lag(state) over (
            partition by account_id, pillar_id
            order by health_date
        ) as previous_state
    from states

)

select distinct
    health_date,
    account_id
from compared
where
    health_date >= {{ first_health_date() }}
    and (previous_state is null or previous_state <> state)
