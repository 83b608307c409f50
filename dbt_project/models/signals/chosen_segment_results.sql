-- The health and score rules and the milestones of the chosen segment, evaluated for every account,
-- in numbers: one row per configuration, health date, account and condition. On the date before the
-- run, only the previous configuration's, of accounts that are not explained.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
with

chosen_segments as (

    select
        configuration_key,
        health_date,
        account_id,
        segment_id
    from {{ ref('int_evaluated_segments') }}
    where
        health_date between {{ step.first }} and {{ step.last }}
        and is_chosen

    union all

    select
        'previous' as configuration_key,
        health_date,
        account_id,
        segment_id
    from {{ ref('int_unexplained_accounts') }}
    where {{ 'true' if step.is_first else 'false' }}

),

pairs as (

    select
        chosen_segments.health_date,
        chosen_segments.account_id,
        conditions.*
    from chosen_segments
    inner join {{ ref('configured_conditions') }} as conditions
        on chosen_segments.configuration_key = conditions.configuration_key
        and chosen_segments.segment_id = conditions.segment_id
    where
        conditions.rule_set in ('good', 'poor', 'healthy', 'poor_band')
        -- What the previous configuration says of milestones is asked by nobody.
        or (conditions.rule_set = 'milestone' and conditions.configuration_key = 'current')

)

{{ evaluated_conditions(
    'pairs', step, rule_sets="'good', 'poor', 'healthy', 'poor_band', 'milestone'"
) }}
{{ step.closing }}
{%- endfor %}
