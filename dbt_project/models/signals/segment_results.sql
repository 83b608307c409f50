{{ config(meta={'uncompressed': ['account_id']}) }}
-- The rules of every segment, evaluated for every account, in numbers: one row per configuration,
-- health date, account and condition.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
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
    where accounts.health_date between {{ step.first }} and {{ step.last }}

)

{{ evaluated_conditions('pairs', step, rule_sets="'segment'") }}
{{ step.closing }}
{%- endfor %}
