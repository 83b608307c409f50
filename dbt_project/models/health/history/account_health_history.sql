{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- The overall health of each account on a health date, with the override that holds it, if any
-- (docs/health.md, "Overrides").
with

-- Has the key of the current configuration alone, and so leaves out what the previous one says.
versions as (

    select * from {{ ref('config_version') }}

)

select
    overalls.health_date,
    overalls.account_id,
    overalls.segment_id,
    owners.value_text as csm_email,
    metrics.value as mrr,
    coalesce(overrides.state, overalls.calculated_overall_state) as overall_state,
    overalls.calculated_overall_state,
    overalls.overall_score,
    overalls.coverage,
    overalls.reason,
    overrides.state is not null as is_overridden,
    versions.config_version,
    overalls.score_low,
    overalls.score_high,
    overalls.is_certain,
    coalesce(overrides.state, settled.settled_state, overalls.calculated_overall_state)
        as settled_state
from {{ ref('int_evaluated_overalls') }} as overalls
inner join versions on overalls.configuration_key = versions.configuration_key
left join {{ ref('account_signals') }} as owners
    on overalls.health_date = owners.health_date
    and overalls.account_id = owners.account_id
    and owners.signal_id = 'csm_email'
left join {{ ref('account_metrics') }} as metrics
    on overalls.health_date = metrics.health_date
    and overalls.account_id = metrics.account_id
    and metrics.metric_id = '{{ account_mrr_metric() }}'
left join {{ ref('int_overrides_by_health_date') }} as overrides
    on overalls.health_date = overrides.health_date
    and overalls.account_id = overrides.account_id
    and overrides.pillar_id = 'overall'
left join {{ ref('int_settled_states') }} as settled
    on overalls.health_date = settled.health_date
    and overalls.account_id = settled.account_id
    and settled.pillar_id = 'overall'
