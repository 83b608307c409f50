{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- How many members, and how much MRR, each segment has in each state; every segment that accounts
-- are members of counts, whether it was chosen or not.
{% for step in long_steps_of_health_dates() -%}
{{ step.opening }}
with

states as (

    {{ shown_states(step.first, step.last) }}

)

select
    states.health_date,
    membership.segment_id,
    states.pillar_id,
    states.state,
    count(*) as accounts,
    {{ total_mrr('states.mrr') }} as mrr
from states
inner join {{ ref('segment_membership') }} as membership
    on states.health_date = membership.health_date
    and states.account_id = membership.account_id
    and membership.membership = 'member'
where membership.health_date between {{ step.first }} and {{ step.last }}
group by
    states.health_date,
    membership.segment_id,
    states.pillar_id,
    states.state
{{ step.closing }}
{%- endfor %}
