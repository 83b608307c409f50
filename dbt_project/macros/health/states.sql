{#- The calculated state and score of each pillar of each account (docs/health.md, "Not
    calculated", "Pillar state" and "Pillar score"): one row per configuration, health date, account and
    pillar. All three relations have the configuration_key.

    accounts: the health dates and accounts asked for
    memberships: their segments
    conditions: the conditions of the chosen segments' rules, evaluated -#}
{% macro pillar_states(accounts, memberships, conditions) -%}
with

chosen_segments as (

    select
        membership.configuration_key,
        membership.health_date,
        membership.account_id,
        segments.segment_id,
        segments.good_from,
        segments.poor_below
    from {{ memberships }} as membership
    inner join {{ ref('configured_segments') }} as segments
        on membership.configuration_key = segments.configuration_key
        and membership.segment_id = segments.segment_id
    where membership.is_chosen

),

pillars as (

    select * from {{ ref('configured_pillars') }}

),

configured_pillars as (

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

-- Conditions fold to clauses, clauses to one answer for each rule set.
clauses as (

    select
        configuration_key,
        health_date,
        account_id,
        pillar_id,
        rule_set,
        -- Each score rule is a rule of its own; health rules have clauses.
        case when rule_set in ('good', 'poor') then clause else signal_id end as clause,
        min({{ truth_level('is_met') }}) as truth_level,
        sum(case when is_met is null then 1 else 0 end) as unknown_conditions,
        count(*) as conditions
    from {{ conditions }}
    group by
        configuration_key,
        health_date,
        account_id,
        pillar_id,
        rule_set,
        case when rule_set in ('good', 'poor') then clause else signal_id end

),

answers as (

    select
        configuration_key,
        health_date,
        account_id,
        pillar_id,
        max(case when rule_set = 'good' then truth_level end) as good_level,
        max(case when rule_set = 'poor' then truth_level end) as poor_level,
        cast(sum(unknown_conditions) as integer) as unknown_conditions,
        sum(
            case
                when rule_set in ('good', 'poor') then conditions - unknown_conditions
                else 0
            end
        ) as known_health_conditions,
        sum(
            case
                when rule_set in ('healthy', 'poor_band') then conditions - unknown_conditions
                else 0
            end
        ) as known_score_conditions
    from clauses
    group by configuration_key, health_date, account_id, pillar_id

),

-- A score rule gives 10 when it is healthy, else 0 when it is poor, else 5; nothing when all is
-- unknown.
score_rules as (

    select
        configuration_key,
        health_date,
        account_id,
        pillar_id,
        clause as signal_id,
        case
            when max(case when rule_set = 'healthy' then truth_level end) = 2 then 10
            when max(case when rule_set = 'poor_band' then truth_level end) = 2 then 0
            when min(truth_level) = 1 and max(truth_level) = 1 then null
            else 5
        end as points
    from clauses
    where rule_set in ('healthy', 'poor_band')
    group by configuration_key, health_date, account_id, pillar_id, clause

),

weighted_scores as (

    select
        score_rules.configuration_key,
        score_rules.health_date,
        score_rules.account_id,
        score_rules.pillar_id,
        sum(score_rules.points * weights.weight) / sum(weights.weight) as score
    from score_rules
    inner join chosen_segments
        on score_rules.configuration_key = chosen_segments.configuration_key
        and score_rules.health_date = chosen_segments.health_date
        and score_rules.account_id = chosen_segments.account_id
    inner join {{ ref('configured_score_rules') }} as weights
        on chosen_segments.configuration_key = weights.configuration_key
        and chosen_segments.segment_id = weights.segment_id
        and score_rules.pillar_id = weights.pillar_id
        and score_rules.signal_id = weights.signal_id
    where score_rules.points is not null
    group by
        score_rules.configuration_key,
        score_rules.health_date,
        score_rules.account_id,
        score_rules.pillar_id

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
        max(case when status.status in ('unreadable', 'failed', 'stale', 'broken') then 1 else 0 end) = 1
        or min(case when status.status = 'absent' then 1 else 0 end) = 1

),

reasons as (

    select
        accounts.configuration_key,
        accounts.health_date,
        accounts.account_id,
        pillars.pillar_id,
        chosen_segments.segment_id,
        chosen_segments.good_from,
        chosen_segments.poor_below,
        coalesce(configured.has_health_rules, false) as has_health_rules,
        coalesce(configured.has_score_rules, false) as has_score_rules,
        coalesce(answers.good_level, 0) as good_level,
        coalesce(answers.poor_level, 0) as poor_level,
        coalesce(answers.unknown_conditions, 0) as unknown_conditions,
        case
            when configured.has_health_rules then answers.known_health_conditions = 0
            else coalesce(answers.known_score_conditions, 0) = 0
        end as has_no_data,
        weighted_scores.score as weighted_score,
        case
            when accounts.is_created_today then 'created_today'
            when chosen_segments.segment_id is null then 'no_segment'
            when configured.pillar_id is null then 'pillar_not_configured'
            when unfit_pillars.pillar_id is not null then 'source_unavailable'
            when
                pillars.when_no_data = 'not_calculated'
                and case
                    when configured.has_health_rules then answers.known_health_conditions = 0
                    else coalesce(answers.known_score_conditions, 0) = 0
                end
                then 'no_data'
        end as reason
    from {{ accounts }} as accounts
    inner join pillars on accounts.configuration_key = pillars.configuration_key
    left join chosen_segments
        on accounts.configuration_key = chosen_segments.configuration_key
        and accounts.health_date = chosen_segments.health_date
        and accounts.account_id = chosen_segments.account_id
    left join configured_pillars as configured
        on chosen_segments.configuration_key = configured.configuration_key
        and chosen_segments.segment_id = configured.segment_id
        and pillars.pillar_id = configured.pillar_id
    left join answers
        on accounts.configuration_key = answers.configuration_key
        and accounts.health_date = answers.health_date
        and accounts.account_id = answers.account_id
        and pillars.pillar_id = answers.pillar_id
    left join weighted_scores
        on accounts.configuration_key = weighted_scores.configuration_key
        and accounts.health_date = weighted_scores.health_date
        and accounts.account_id = weighted_scores.account_id
        and pillars.pillar_id = weighted_scores.pillar_id
    left join unfit_pillars
        on accounts.configuration_key = unfit_pillars.configuration_key
        and accounts.health_date = unfit_pillars.health_date
        and pillars.pillar_id = unfit_pillars.pillar_id

),

states as (

    select
        *,
        case
            when reason is not null then 'not_calculated'
            when has_health_rules and poor_level = 2 then 'poor'
            when has_health_rules and good_level = 2 then 'good'
            when has_health_rules then 'average'
            else {{ state_of_score('weighted_score', 'good_from', 'poor_below') }}
        end as calculated_state
    from reasons

),

scores as (

    select
        *,
        case
            when reason is not null then null
            when has_score_rules then weighted_score
            when has_no_data then null
            when calculated_state = 'good' then 10
            when calculated_state = 'poor' then 0
            else 5
        end as score
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
    case when reason is null and has_health_rules then {{ truth_value('good_level') }} end
        as good_matched,
    case when reason is null and has_health_rules then {{ truth_value('poor_level') }} end
        as poor_matched,
    cast(unknown_conditions as integer) as unknown_conditions,
    cast(null as double) as score_low,
    cast(null as double) as score_high,
    cast(null as boolean) as is_certain
from scores
{%- endmacro %}
