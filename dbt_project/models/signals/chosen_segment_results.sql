-- The health and score rules and the milestones of the chosen segment, evaluated for every account,
-- in numbers: one row per health date, account and condition.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
with

pairs as (

    select
        membership.health_date,
        membership.account_id,
        conditions.*
    from {{ ref('segment_membership') }} as membership
    inner join {{ ref('config_conditions') }} as conditions
        on membership.segment_id = conditions.segment_id
    where
        membership.health_date between {{ step.first }} and {{ step.last }}
        and membership.is_chosen
        and conditions.rule_set <> 'segment'

)

{{ evaluated_conditions('pairs', 'config', step) }}
{{ step.closing }}
{%- endfor %}
