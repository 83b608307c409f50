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
    where conditions.rule_set = 'segment'

)

{{ evaluated_conditions('pairs', 'config', rule_sets="'segment'") }}
