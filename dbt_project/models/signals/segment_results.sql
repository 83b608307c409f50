-- The rules of every segment, evaluated for every account, in numbers: one row per health date,
-- account and condition.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
with

pairs as (

    select
        accounts.health_date,
        accounts.account_id,
        conditions.*
    from {{ ref('int_accounts_by_health_date') }} as accounts
    cross join {{ ref('config_conditions') }} as conditions
    where
        accounts.health_date between {{ step.first }} and {{ step.last }}
        and conditions.rule_set = 'segment'

)

{{ evaluated_conditions('pairs', 'config', step, rule_sets="'segment'") }}
{{ step.closing }}
{%- endfor %}
