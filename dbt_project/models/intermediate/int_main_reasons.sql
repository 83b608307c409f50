-- Why a state is what it is, in words (docs/published_tables.md, "The main reason"): one row per
-- account and pillar or `overall` on the latest health date. None where the run does not calculate
-- that date.
with

latest as (

    {{ latest_accounts() }}

),

-- Those of a clause are said in the order of signals; to sort by a number takes half the time. What
-- they ask for is put into words here, once each.
conditions as (

    select
        *,
        {{ spoken_comparison('operator', 'value_type') }} as comparison,
        {{ spoken_list('threshold_texts') }} as threshold_list,
        row_number() over (
            order by signal_id, operator, threshold, coalesce(scaled_by, '')
        ) as position
    from {{ ref('config_conditions') }}

),

signals as (

    select * from {{ ref('config_signals') }}

),

config_pillars as (

    select
        pillar_id,
        pillar_name,
        display_order
    from {{ ref('config_pillars') }}

),

pillars as (

    select
        pillar_health.account_id,
        pillar_health.pillar_id,
        pillar_health.segment_id,
        pillar_health.state,
        pillar_health.calculated_state,
        pillar_health.score,
        pillar_health.reason,
        pillar_health.good_matched,
        pillar_health.poor_matched,
        pillar_health.is_overridden
    from {{ ref('pillar_health_history') }} as pillar_health
    inner join latest
        on pillar_health.health_date = latest.health_date
        and pillar_health.account_id = latest.account_id

),

overalls as (

    select
        history.account_id,
        history.segment_id,
        history.overall_state as state,
        history.overall_score as score,
        history.reason,
        history.is_overridden
    from {{ ref('account_health_history') }} as history
    inner join latest
        on history.health_date = latest.health_date
        and history.account_id = latest.account_id

),

deciding as (

    select
        deciding.account_id,
        deciding.pillar_id,
        deciding.rule_set,
        deciding.is_met,
        deciding.points,
        deciding.observed_number,
        deciding.observed_text,
        deciding.resolved_number,
        conditions.position,
        conditions.value_type,
        conditions.operator,
        conditions.threshold,
        conditions.scaled_by,
        conditions.comparison,
        conditions.threshold_list,
        signals.signal_name,
        coalesce(signals.unit, '') as unit,
        scales.signal_name as scale_name
    from {{ ref('int_deciding_conditions') }} as deciding
    inner join conditions on deciding.condition_id = conditions.condition_id
    inner join signals on conditions.signal_id = signals.signal_id
    left join signals as scales on conditions.scaled_by = scales.signal_id

),

rounded_numbers as (

    select
        *,
        {{ spoken_number('observed_number', 'unit') }} as observed_rounded,
        {{ spoken_number('resolved_number', 'unit') }} as resolved_rounded,
        case when unit = 'ratio' then '%' else '' end as sign
    from deciding

),

-- Numbers that differ must not look alike.
spoken_numbers as (

    select
        *,
        case
            when observed_rounded = resolved_rounded
                then {{ exact_spoken_number('observed_number', 'unit') }}
            else observed_rounded
        end as observed_spoken,
        case
            when observed_rounded = resolved_rounded
                then {{ exact_spoken_number('resolved_number', 'unit') }}
            else resolved_rounded
        end as resolved_spoken
    from rounded_numbers

),

figures as (

    select
        *,
        {{ dbt.concat([number_text('observed_spoken'), 'sign']) }} as observed_figure,
        {{ dbt.concat([number_text('resolved_spoken'), 'sign']) }} as resolved_figure
    from spoken_numbers

),

values_and_thresholds as (

    select
        *,
        case
            when observed_figure is not null
                then {{ dbt.concat(['observed_figure', spoken_unit('observed_figure', 'unit')]) }}
            when value_type = 'tags' and observed_text = '' then 'none'
            when observed_text is not null then replace(observed_text, '|', ', ')
            else 'unknown'
        end as observed,
        case
            when resolved_figure is not null then resolved_figure
            when scaled_by is not null
                then {{ sentence(
                    '{} times {}, which is unknown', ['threshold', 'scale_name']
                ) }}
            else threshold_list
        end as resolved_threshold
    from figures

),

-- Conditions that hold say what they ask for, but where that would repeat the value.
clause_conditions as (

    select
        account_id,
        pillar_id,
        position,
        case when is_met then 1 else 0 end as is_met_rank,
        case
            when is_met and comparison = ''
                then {{ sentence('{}: {}', ['signal_name', 'observed']) }}
            when is_met
                then {{ sentence(
                    '{}: {} ({}{})',
                    ['signal_name', 'observed', 'comparison', 'resolved_threshold'],
                ) }}
            else {{ sentence(
                '{}: {} (good needs {}{})',
                ['signal_name', 'observed', 'comparison', 'resolved_threshold'],
            ) }}
        end as words
    from values_and_thresholds
    where rule_set in ('good', 'poor')

),

-- What a clause lacks stands before what it has.
clauses as (

    select
        account_id,
        pillar_id,
        {{ dbt.listagg('words', "'; '", 'order by is_met_rank, position') }} as words
    from clause_conditions
    group by account_id, pillar_id

),

rules as (

    select
        account_id,
        pillar_id,
        min(signal_name) as signal_name,
        min(points) as points,
        -- What was observed has more decimals where it is near a threshold.
        max(case when rule_set = 'poor_band' then observed end) as observed_by_poor,
        max(case when rule_set = 'healthy' then observed end) as observed_by_healthy,
        max(
            case
                when rule_set = 'healthy'
                    then {{ sentence('healthy: {}{}', ['comparison', 'resolved_threshold']) }}
            end
        ) as healthy_words,
        max(
            case
                when rule_set = 'poor_band'
                    then {{ sentence('poor: {}{}', ['comparison', 'resolved_threshold']) }}
            end
        ) as poor_words,
        max(case when operator = 'linear' then 1 else 0 end) = 1 as is_linear
    from values_and_thresholds
    where rule_set in ('healthy', 'poor_band')
    group by account_id, pillar_id

),

-- A linear rule says both its thresholds, another one the band that it is in or falls short of.
rules_with_bands as (

    select
        *,
        case
            when is_linear then {{ sentence('{}, {}', ['healthy_words', 'poor_words']) }}
            when points = 0 then poor_words
            else healthy_words
        end as bands
    from rules

),

rule_reasons as (

    select
        account_id,
        pillar_id,
        {{ dbt.concat([
            sentence(
                '{}: {} gives {} of 10 points',
                [
                    'signal_name',
                    'case when points = 0 then coalesce(observed_by_poor, observed_by_healthy)'
                    ~ ' else coalesce(observed_by_healthy, observed_by_poor) end',
                    number_text(rounded_as_written('points', 2)),
                ],
            ),
            "coalesce(" ~ sentence(' ({})', ['bands']) ~ ", '')",
        ]) }} as words
    from rules_with_bands

),

unfit_sources as (

    select
        pillar_sources.pillar_id,
        {{ dbt.listagg(
            sentence('{} ({})', ['sources.table_name', 'sources.status']),
            "', '",
            'order by sources.table_name',
        ) }} as words
    from {{ ref('int_evaluated_sources') }} as sources
    inner join {{ ref('configured_pillar_sources') }} as pillar_sources
        on sources.configuration_key = pillar_sources.configuration_key
        and sources.table_name = pillar_sources.table_name
    where
        sources.configuration_key = 'current'
        and sources.status <> 'ok'
        and sources.health_date = (select max(latest.health_date) from latest)
    group by pillar_sources.pillar_id

),

pillar_reasons as (

    select
        pillars.*,
        config_pillars.pillar_name,
        config_pillars.display_order,
        case
            when pillars.reason = 'created_today' then 'The account is new on this date'
            when pillars.reason = 'no_segment' then 'No segment applies'
            when pillars.reason = 'pillar_not_configured' then 'The segment has no rules for it'
            when pillars.reason = 'source_unavailable'
                then {{ sentence('Sources that cannot be used: {}', ['unfit_sources.words']) }}
            when pillars.reason = 'no_data' then 'Nothing is known that its rules ask for'
            when clauses.words is not null then clauses.words
            when rule_reasons.words is not null then rule_reasons.words
            -- Without good conditions these are false; without health rules they are null.
            when not pillars.good_matched and not pillars.poor_matched
                then 'It is not poor, and no rule says what is good'
            when not pillars.good_matched
                then 'It is not known to be poor, and no rule says what is good'
            when pillars.score is null then 'Nothing is known that its rules ask for'
            else 'No rule costs points'
        end as words
    from pillars
    left join config_pillars on pillars.pillar_id = config_pillars.pillar_id
    left join clauses
        on pillars.account_id = clauses.account_id
        and pillars.pillar_id = clauses.pillar_id
    left join rule_reasons
        on pillars.account_id = rule_reasons.account_id
        and pillars.pillar_id = rule_reasons.pillar_id
    left join unfit_sources on pillars.pillar_id = unfit_sources.pillar_id

),

weights as (

    select
        segment_id,
        pillar_id,
        weight,
        cap_when_poor
    from {{ ref('configured_pillar_weights') }}
    where configuration_key = 'current'

),

-- A pillar costs what it lacks of ten points, times its weight.
costs as (

    select
        pillar_reasons.*,
        weights.weight,
        case when pillar_reasons.calculated_state = 'poor' then weights.cap_when_poor end as cap,
        round((10 - pillar_reasons.score) * weights.weight, 6) as cost
    from pillar_reasons
    inner join weights
        on pillar_reasons.segment_id = weights.segment_id
        and pillar_reasons.pillar_id = weights.pillar_id

),

uncapped_scores as (

    select
        account_id,
        sum(score * weight) / sum(case when score is not null then weight end) as uncapped_score
    from costs
    group by account_id

),

capped_pillars as (

    select
        costs.*,
        case when round(costs.cap, 6) < round(uncapped_scores.uncapped_score, 6) then costs.cap end
            as binding_cap
    from costs
    inner join uncapped_scores on costs.account_id = uncapped_scores.account_id

),

ranked_pillars as (

    select
        *,
        row_number() over (
            partition by account_id
            order by
                case when binding_cap is null then 1 else 0 end asc,
                binding_cap asc,
                case when cost is null then 1 else 0 end asc,
                cost desc,
                case when display_order is null then 1 else 0 end asc,
                display_order asc,
                pillar_id asc
        ) as position
    from capped_pillars

),

overall_reasons as (

    select
        overalls.account_id,
        overalls.state,
        overalls.is_overridden,
        case
            when overalls.reason = 'created_today' then 'The account is new on this date'
            when overalls.reason = 'no_segment' then 'No segment applies'
            when overalls.reason = 'no_pillar_calculated' then 'No pillar has a score'
            when pillars.binding_cap is not null
                then {{ sentence(
                    '{} is poor, which caps the score at {}: {}',
                    [
                        'pillars.pillar_name',
                        number_text(rounded_as_written('pillars.binding_cap', 2)),
                        'pillars.words',
                    ],
                ) }}
            when pillars.cost > 0
                then {{ sentence(
                    '{} is {} with {} of 10 points: {}',
                    [
                        'pillars.pillar_name',
                        'pillars.calculated_state',
                        number_text(rounded_as_written('pillars.score', 2)),
                        'pillars.words',
                    ],
                ) }}
            else 'No pillar costs points'
        end as words
    from overalls
    left join ranked_pillars as pillars
        on overalls.account_id = pillars.account_id
        and pillars.position = 1

),

reasons as (

    select
        account_id,
        'overall' as pillar_id,
        state,
        is_overridden,
        words
    from overall_reasons

    union all

    select
        account_id,
        pillar_id,
        state,
        is_overridden,
        words
    from pillar_reasons

)

select
    latest.health_date,
    latest.account_id,
    reasons.pillar_id,
    case
        when not reasons.is_overridden then reasons.words
        else {{ dbt.concat([
            sentence('Override to {}', ["replace(reasons.state, '_', ' ')"]),
            "coalesce(" ~ sentence(': {}', ['overrides.reason']) ~ ", '')",
        ]) }}
    end as main_reason
from reasons
inner join latest on reasons.account_id = latest.account_id
left join {{ ref('int_overrides_by_health_date') }} as overrides
    on latest.health_date = overrides.health_date
    and reasons.account_id = overrides.account_id
    and reasons.pillar_id = overrides.pillar_id
