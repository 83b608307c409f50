{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- The overall health of each account on a health date (contract: health.md, 5 and 6).
with

accounts as (

    select * from {{ ref('int_accounts_by_health_date') }}

),

segments as (

    select * from {{ ref('config_segments') }}

),

pillars as (

    select *
    from {{ ref('pillar_health_history') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

),

-- A segment without weights weighs all pillars that it configures alike.
weights as (

    select
        segment_id,
        pillar_id,
        weight,
        cap_when_poor
    from {{ ref('config_pillar_weights') }}

    union all

    select distinct
        segment_id,
        pillar_id,
        1 as weight,
        cast(null as double) as cap_when_poor
    from {{ ref('config_conditions') }}
    where
        rule_set in ('good', 'poor', 'healthy', 'poor_band')
        and segment_id not in (
            select named.segment_id
            from {{ ref('config_pillar_weights') }} as named
        )

),

weighed as (

    select
        pillars.health_date,
        pillars.account_id,
        sum(pillars.score * weights.weight)
        / sum(case when pillars.score is not null then weights.weight end) as score,
        min(case when pillars.calculated_state = 'poor' then weights.cap_when_poor end) as cap,
        sum(case when pillars.score is not null then weights.weight else 0 end)
        / sum(weights.weight) as coverage
    from pillars
    inner join weights
        on pillars.segment_id = weights.segment_id
        and pillars.pillar_id = weights.pillar_id
    group by pillars.health_date, pillars.account_id

),

chosen_segments as (

    select
        health_date,
        account_id,
        segment_id
    from {{ ref('segment_membership') }}
    where
        health_date between {{ first_health_date() }} and {{ last_health_date() }}
        and is_chosen

),

scores as (

    select
        accounts.health_date,
        accounts.account_id,
        chosen_segments.segment_id,
        segments.good_from,
        segments.poor_below,
        case
            when weighed.score is not null then least(weighed.score, weighed.cap)
        end as overall_score,
        coalesce(weighed.coverage, 0) as coverage,
        case
            when accounts.is_created_today then 'created_today'
            when chosen_segments.segment_id is null then 'no_segment'
            when weighed.score is null then 'no_pillar_calculated'
        end as reason
    from accounts
    left join chosen_segments
        on accounts.health_date = chosen_segments.health_date
        and accounts.account_id = chosen_segments.account_id
    left join segments on chosen_segments.segment_id = segments.segment_id
    left join weighed
        on accounts.health_date = weighed.health_date
        and accounts.account_id = weighed.account_id

),

states as (

    select
        *,
        case
            when reason is not null then 'not_calculated'
            else {{ state_of_score('overall_score', 'good_from', 'poor_below') }}
        end as calculated_overall_state
    from scores

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
