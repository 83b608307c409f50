{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- The state and score of each pillar of each account on a health date (docs/health.md, "Not
-- calculated", "Pillar state", "Pillar score" and "Overrides").
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
with

{% for name, relation in [
    ('accounts', 'int_accounts_by_health_date'),
    ('memberships', 'segment_membership'),
    ('conditions', 'health_conditions'),
] -%}
{{ name }} as (

    select * from {{ ref(relation) }}
    where health_date between {{ step.first }} and {{ step.last }}

),

{% endfor -%}
scores as (

    {{ pillar_states(
        'config', 'accounts', 'memberships', 'conditions', ref('source_status')
    ) }}

)

select
    scores.health_date,
    scores.account_id,
    scores.pillar_id,
    scores.segment_id,
    coalesce(overrides.state, scores.calculated_state) as state,
    scores.calculated_state,
    cast(round(scores.score, 12) as double) as score,
    scores.reason,
    case
        when scores.reason is null and scores.has_health_rules
            then {{ truth_value('scores.good_level') }}
    end as good_matched,
    case
        when scores.reason is null and scores.has_health_rules
            then {{ truth_value('scores.poor_level') }}
    end as poor_matched,
    cast(scores.unknown_conditions as integer) as unknown_conditions,
    overrides.state is not null as is_overridden,
    versions.config_version
from scores
cross join {{ ref('config_version') }} as versions
left join {{ ref('int_overrides_by_health_date') }} as overrides
    on scores.health_date = overrides.health_date
    and scores.account_id = overrides.account_id
    and scores.pillar_id = overrides.pillar_id
{{ step.closing }}
{%- endfor %}
