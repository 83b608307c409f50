-- States that changed accounts would have on the first date by the configuration of the date
-- before, without overrides: one row per health date, account and pillar or `overall`. No rows
-- where the configuration is the same.
with

first_date_accounts as (

    select *
    from {{ ref('int_former_accounts') }}
    where health_date = {{ first_health_date() }}

),

overall as (

    select *
    from (
        {{ overall_states(
            'former',
            'first_date_accounts',
            ref('int_former_membership'),
            ref('int_former_pillar_health'),
        ) }}
    ) as former_overall

)

select
    health_date,
    account_id,
    pillar_id,
    calculated_state
from {{ ref('int_former_pillar_health') }}

union all

select
    health_date,
    account_id,
    'overall' as pillar_id,
    calculated_overall_state as calculated_state
from overall
