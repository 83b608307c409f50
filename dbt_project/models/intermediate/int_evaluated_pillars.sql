-- The calculated state and score of each pillar of each account, and between which scores it could
-- lie (docs/health.md, "Not calculated" to "Pillar score" and "What is not known"): one row per
-- configuration, health date, account and pillar.
--
-- `may_be_poor` and `is_surely_poor` say so of the state, given what is not known.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
with

accounts as (

    select *
    from {{ ref('int_evaluated_accounts') }}
    where health_date between {{ step.first }} and {{ step.last }}

),

pillars as (

    select * from {{ ref('configured_pillars') }}

),

chosen_segments as (

    select
        membership.configuration_key,
        membership.health_date,
        membership.account_id,
        segments.segment_id,
        segments.good_from,
        segments.poor_below
    from {{ ref('int_evaluated_segments') }} as membership
    inner join {{ ref('configured_segments') }} as segments
        on membership.configuration_key = segments.configuration_key
        and membership.segment_id = segments.segment_id
    where
        membership.health_date between {{ step.first }} and {{ step.last }}
        and membership.is_chosen

),

pillars_with_rules as (

    select
        configuration_key,
        segment_id,
        pillar_id,
        max(case when rule_set in ('good', 'poor') then 1 else 0 end) = 1 as has_health_rules,
        max(case when rule_set in ('healthy', 'poor_band') then 1 else 0 end) = 1 as has_score_rules
    from {{ ref('configured_conditions') }}
    where rule_set in ('good', 'poor', 'healthy', 'poor_band')
    group by configuration_key, segment_id, pillar_id

),

answers as (

    select *
    from {{ ref('int_health_rule_answers') }}
    where health_date between {{ step.first }} and {{ step.last }}

),

-- The ends are over all score rules, those that give nothing too.
rule_scores as (

    select
        configuration_key,
        health_date,
        account_id,
        pillar_id,
        {{ exact_sum('points * weight') }}
        / {{ exact_sum('case when points is not null then weight end') }} as score,
        {{ exact_sum('least_points * weight') }} / {{ exact_sum('weight') }} as score_low,
        {{ exact_sum('greatest_points * weight') }} / {{ exact_sum('weight') }} as score_high,
        count(points) = 0 as has_no_data,
        sum(unknown_conditions) as unknown_conditions
    from {{ ref('int_score_rule_points') }}
    where health_date between {{ step.first }} and {{ step.last }}
    group by configuration_key, health_date, account_id, pillar_id

),

unfit_pillars as (

    select
        status.configuration_key,
        status.health_date,
        pillar_sources.pillar_id
    from {{ ref('int_evaluated_sources') }} as status
    inner join {{ ref('configured_pillar_sources') }} as pillar_sources
        on status.configuration_key = pillar_sources.configuration_key
        and status.table_name = pillar_sources.table_name
    group by status.configuration_key, status.health_date, pillar_sources.pillar_id
    having
        max(
            case when status.status in ('unreadable', 'failed', 'stale', 'broken') then 1 else 0 end
        ) = 1
        or min(case when status.status = 'absent' then 1 else 0 end) = 1

),

evaluated as (

    select
        accounts.configuration_key,
        accounts.health_date,
        accounts.account_id,
        accounts.is_created_today,
        pillars.pillar_id,
        pillars.when_no_data,
        chosen_segments.segment_id,
        chosen_segments.good_from,
        chosen_segments.poor_below,
        pillars_with_rules.pillar_id is not null as is_configured,
        coalesce(pillars_with_rules.has_health_rules, false) as has_health_rules,
        coalesce(pillars_with_rules.has_score_rules, false) as has_score_rules,
        unfit_pillars.pillar_id is not null as is_unfit,
        answers.good_holds,
        answers.poor_holds,
        rule_scores.score,
        rule_scores.score_low,
        rule_scores.score_high,
        case
            when pillars_with_rules.has_health_rules then answers.has_no_data
            else coalesce(rule_scores.has_no_data, true)
        end as has_no_data,
        coalesce(answers.unknown_conditions, 0)
        + coalesce(rule_scores.unknown_conditions, 0) as unknown_conditions
    from accounts
    inner join pillars on accounts.configuration_key = pillars.configuration_key
    left join chosen_segments
        on accounts.configuration_key = chosen_segments.configuration_key
        and accounts.health_date = chosen_segments.health_date
        and accounts.account_id = chosen_segments.account_id
    left join pillars_with_rules
        on chosen_segments.configuration_key = pillars_with_rules.configuration_key
        and chosen_segments.segment_id = pillars_with_rules.segment_id
        and pillars.pillar_id = pillars_with_rules.pillar_id
    left join answers
        on accounts.configuration_key = answers.configuration_key
        and accounts.health_date = answers.health_date
        and accounts.account_id = answers.account_id
        and pillars.pillar_id = answers.pillar_id
    left join rule_scores
        on accounts.configuration_key = rule_scores.configuration_key
        and accounts.health_date = rule_scores.health_date
        and accounts.account_id = rule_scores.account_id
        and pillars.pillar_id = rule_scores.pillar_id
    left join unfit_pillars
        on accounts.configuration_key = unfit_pillars.configuration_key
        and accounts.health_date = unfit_pillars.health_date
        and pillars.pillar_id = unfit_pillars.pillar_id

),

reasons as (

    select
        *,
        case
            when is_created_today then 'created_today'
            when segment_id is null then 'no_segment'
            when not is_configured then 'pillar_not_configured'
            when is_unfit then 'source_unavailable'
            when has_no_data and when_no_data = 'not_calculated' then 'no_data'
        end as reason
    from evaluated

),

states as (

    select
        *,
        case
            when reason is not null then 'not_calculated'
            else {{ state_of_pillar() }}
        end as calculated_state
    from reasons

),

scores as (

    select
        configuration_key,
        health_date,
        account_id,
        pillar_id,
        segment_id,
        good_from,
        poor_below,
        calculated_state,
        reason,
        has_health_rules,
        good_holds,
        poor_holds,
        unknown_conditions,
        case
            when reason is not null then null
            when has_score_rules then score
            when has_no_data then null
            when calculated_state = 'good' then 10
            when calculated_state = 'poor' then 0
            else 5
        end as score,
        case
            when reason in ('created_today', 'no_segment', 'pillar_not_configured') then null
            when reason is not null then 0
            when has_score_rules then score_low
            when has_no_data or coalesce(poor_holds, true) then 0
            when good_holds then 10
            else 5
        end as score_low,
        case
            when reason in ('created_today', 'no_segment', 'pillar_not_configured') then null
            when reason is not null then 10
            when has_score_rules then score_high
            when has_no_data then 10
            when poor_holds then 0
            when coalesce(good_holds, true) then 10
            else 5
        end as score_high
    from states

)

select
    configuration_key,
    health_date,
    account_id,
    pillar_id,
    segment_id,
    calculated_state,
    cast(round(score, 12) as double) as score,
    reason,
    case when reason is null then good_holds end as good_matched,
    case when reason is null then poor_holds end as poor_matched,
    cast(unknown_conditions as integer) as unknown_conditions,
    cast(round(score_low, 12) as double) as score_low,
    cast(round(score_high, 12) as double) as score_high,
    case
        when score_low is null then null
        when reason is not null then false
        when has_health_rules
            then coalesce(poor_holds, false) or (good_holds is not null and poor_holds is not null)
        else
            {{ state_of_score('score_low', 'good_from', 'poor_below') }} = calculated_state
            and {{ state_of_score('score_high', 'good_from', 'poor_below') }} = calculated_state
    end as is_certain,
    case
        when reason is not null then true
        when has_health_rules then coalesce(poor_holds, true)
        else {{ state_of_score('score_low', 'good_from', 'poor_below') }} = 'poor'
    end as may_be_poor,
    case
        when reason is not null then false
        when has_health_rules then coalesce(poor_holds, false)
        else {{ state_of_score('score_high', 'good_from', 'poor_below') }} = 'poor'
    end as is_surely_poor
from scores
{{ step.closing }}
{%- endfor %}
