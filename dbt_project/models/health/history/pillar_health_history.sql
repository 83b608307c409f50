{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- The state and score of each pillar of each account on a health date, with the override that
-- holds it, if any (docs/health.md, "Overrides").
with

-- Has the key of the current configuration alone, and so leaves out what the previous one says.
versions as (

    select * from {{ ref('config_version') }}

)

select
    pillars.health_date,
    pillars.account_id,
    pillars.pillar_id,
    pillars.segment_id,
    coalesce(overrides.state, pillars.calculated_state) as state,
    pillars.calculated_state,
    pillars.score,
    pillars.reason,
    pillars.good_matched,
    pillars.poor_matched,
    pillars.unknown_conditions,
    overrides.state is not null as is_overridden,
    versions.config_version,
    pillars.score_low,
    pillars.score_high,
    pillars.is_certain,
    coalesce(overrides.state, settled.settled_state, pillars.calculated_state) as settled_state
from {{ ref('int_evaluated_pillars') }} as pillars
inner join versions on pillars.configuration_key = versions.configuration_key
left join {{ ref('int_overrides_by_health_date') }} as overrides
    on pillars.health_date = overrides.health_date
    and pillars.account_id = overrides.account_id
    and pillars.pillar_id = overrides.pillar_id
left join {{ ref('int_settled_states') }} as settled
    on pillars.health_date = settled.health_date
    and pillars.account_id = settled.account_id
    and pillars.pillar_id = settled.pillar_id
