{{ config(materialized='incremental', incremental_strategy='replace_all') }}
{%- set core_pillars = var('core_pillars') %}
-- The health of every account on the latest health date of the history.
with

latest as (

    select *
    from {{ ref('account_health_history') }}
    where
        health_date = (
            select max(history.health_date)
            from {{ ref('account_health_history') }} as history
        )

),

present_states as (

    select
        account_id,
        state_since,
        previous_state,
        last_60_days
    from {{ ref('int_latest_states') }}
    where pillar_id = 'overall'

),

pillars as (

    select
        pillar_health.*,
        row_number() over (
            partition by pillar_health.account_id
            order by
                case when pillar_health.score is null then 1 else 0 end,
                round(pillar_health.score, 6),
                case when config_pillars.display_order is null then 1 else 0 end,
                config_pillars.display_order,
                pillar_health.pillar_id
        ) as position
    from {{ ref('pillar_health_history') }} as pillar_health
    inner join latest
        on pillar_health.health_date = latest.health_date
        and pillar_health.account_id = latest.account_id
    left join {{ ref('config_pillars') }} as config_pillars
        on pillar_health.pillar_id = config_pillars.pillar_id

),

pillar_columns as (

    select
        account_id,
        {%- for pillar in core_pillars %}
        max(case when pillar_id = '{{ pillar }}' then state end) as {{ pillar }}_state,
        max(case when pillar_id = '{{ pillar }}' then score end) as {{ pillar }}_score,
        {%- endfor %}
        max(case when position = 1 and score is not null then pillar_id end) as worst_pillar_id
    from pillars
    group by account_id

),

-- What the history does not hold: from this run, or, when it did not calculate the latest date, as
-- it was, whatever the configuration has become since. Only where neither has it (a run was
-- stopped) do the raw data and the configuration of today stand in.
names as (

    select
        accounts.health_date,
        accounts.account_id,
        accounts.account_name,
        stages.value_text as lifecycle_stage,
        cast(null as {{ dbt.type_string() }}) as segment_name,
        cast(null as {{ dbt.type_string() }}) as worst_pillar_id,
        main_reasons.main_reason,
        false as is_as_it_was
    from {{ ref('int_accounts_by_health_date') }} as accounts
    left join {{ ref('account_signals') }} as stages
        on accounts.health_date = stages.health_date
        and accounts.account_id = stages.account_id
        and stages.signal_id = 'lifecycle_stage'
    left join {{ ref('int_main_reasons') }} as main_reasons
        on accounts.health_date = main_reasons.health_date
        and accounts.account_id = main_reasons.account_id
        and main_reasons.pillar_id = 'overall'
    {%- if keeps_latest_date() %}

    union all

    select
        health_date,
        account_id,
        account_name,
        lifecycle_stage,
        segment_name,
        worst_pillar_id,
        main_reason,
        true as is_as_it_was
    from {{ this }}
    {%- endif %}

)

select
    latest.account_id,
    coalesce(names.account_name, accounts.account_name) as account_name,
    latest.health_date,
    latest.segment_id,
    case when names.is_as_it_was then names.segment_name else segments.segment_name end
        as segment_name,
    latest.csm_email,
    case when names.account_id is null then accounts.lifecycle_stage else names.lifecycle_stage end
        as lifecycle_stage,
    latest.mrr,
    latest.overall_state,
    latest.overall_score,
    present_states.previous_state as previous_overall_state,
    present_states.state_since,
    case when names.is_as_it_was then names.worst_pillar_id else pillar_columns.worst_pillar_id end
        as worst_pillar_id,
    latest.coverage,
    {%- for pillar in core_pillars %}
    pillar_columns.{{ pillar }}_state,
    pillar_columns.{{ pillar }}_score,
    {%- endfor %}
    latest.reason,
    names.main_reason,
    present_states.last_60_days,
    latest.score_low,
    latest.score_high,
    latest.is_certain,
    latest.settled_state
from latest
inner join present_states on latest.account_id = present_states.account_id
left join pillar_columns on latest.account_id = pillar_columns.account_id
left join {{ ref('stg_accounts') }} as accounts on latest.account_id = accounts.account_id
left join names
    on latest.account_id = names.account_id
    and latest.health_date = names.health_date
left join {{ ref('config_segments') }} as segments on latest.segment_id = segments.segment_id
