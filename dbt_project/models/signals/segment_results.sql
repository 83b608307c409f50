{{ config(meta={'in_steps': 'steps_of_health_dates'}) }}
-- The rules of every segment, evaluated for every account, in numbers: one row per configuration,
-- health date, account and condition.
with

pairs as (

    select
        accounts.health_date,
        accounts.account_id,
        conditions.*
    from {{ ref('int_evaluated_accounts') }} as accounts
    inner join {{ ref('configured_conditions') }} as conditions
        on accounts.configuration_key = conditions.configuration_key
        and conditions.rule_set = 'segment'
    where accounts.health_date between {{ first_date_of_step() }} and {{ last_date_of_step() }}

)

{{ evaluated_conditions('pairs', rule_sets="'segment'") }}
