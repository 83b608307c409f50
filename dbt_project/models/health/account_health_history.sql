{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- The overall health of each account on a health date (docs/health.md, "Overall" and "Overrides").
with

states as (

    {{ overall_states(
        'config',
        ref('int_accounts_by_health_date'),
        ref('segment_membership'),
        ref('pillar_health_history'),
    ) }}

)

select
    states.health_date,
    states.account_id,
    states.segment_id,
    owners.value_text as csm_email,
    metrics.value as mrr,
    coalesce(overrides.state, states.calculated_overall_state) as overall_state,
    states.calculated_overall_state,
    cast(round(states.overall_score, 12) as double) as overall_score,
    cast(round(states.coverage, 12) as double) as coverage,
    states.reason,
    overrides.state is not null as is_overridden,
    versions.config_version
from states
cross join {{ ref('config_version') }} as versions
left join {{ ref('account_signals') }} as owners
    on states.health_date = owners.health_date
    and states.account_id = owners.account_id
    and owners.signal_id = 'csm_email'
left join {{ ref('account_metrics') }} as metrics
    on states.health_date = metrics.health_date
    and states.account_id = metrics.account_id
    and metrics.metric_id = '{{ account_mrr_metric() }}'
left join {{ ref('int_overrides_by_health_date') }} as overrides
    on states.health_date = overrides.health_date
    and states.account_id = overrides.account_id
    and overrides.pillar_id = 'overall'
