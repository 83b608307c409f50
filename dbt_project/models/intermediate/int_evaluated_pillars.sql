-- The calculated state and score of each pillar of each account (docs/health.md, "Not calculated",
-- "Pillar state" and "Pillar score"): one row per configuration, health date, account and pillar.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
with

accounts as (

    select *
    from {{ ref('int_evaluated_accounts') }}
    where health_date between {{ step.first }} and {{ step.last }}

),

memberships as (

    select *
    from {{ ref('int_evaluated_segments') }}
    where health_date between {{ step.first }} and {{ step.last }}

),

conditions as (

    select *
    from {{ ref('health_conditions') }}
    where health_date between {{ step.first }} and {{ step.last }}

),

states as (

    {{ pillar_states('accounts', 'memberships', 'conditions') }}

)

select * from states
{{ step.closing }}
{%- endfor %}
