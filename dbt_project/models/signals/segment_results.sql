{{ config(meta={'in_steps': 'steps_of_health_dates'}) }}
-- The rules of every segment, evaluated for every account, in numbers: one row per health date,
-- account and condition.
with

pairs as (

    select
        accounts.health_date,
        accounts.account_id,
        conditions.*
    from {{ ref('int_accounts_by_health_date') }} as accounts
    cross join {{ ref('config_conditions') }} as conditions
    where
        accounts.health_date between {{ first_date_of_step() }} and {{ last_date_of_step() }}
        and conditions.rule_set = 'segment'

)

{{ evaluated_conditions('pairs', 'config', rule_sets="'segment'") }}
