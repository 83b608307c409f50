{#- Segments that accounts are members of, or may be: one row per health date, account and such
    segment. The chosen one is the first by priority of those the account is a member of and that have
    a health configuration.

    configuration: `config` or `former`, see `macros/configuration_tables.sql`
    accounts: the health dates and accounts asked for
    conditions: the conditions of all segments, evaluated -#}
{% macro segment_memberships(configuration, accounts, conditions) -%}
with

segments as (

    select * from {{ ref(configuration ~ '_segments') }}

),

clauses as (

    select
        health_date,
        account_id,
        segment_id,
        clause,
        min({{ truth_level('is_met') }}) as truth_level
    from {{ conditions }}
    group by health_date, account_id, segment_id, clause

),

answers as (

    select
        health_date,
        account_id,
        segment_id,
        max(truth_level) as truth_level
    from clauses
    group by health_date, account_id, segment_id

    union all

    -- Every account belongs to the default segment.
    select
        accounts.health_date,
        accounts.account_id,
        segments.segment_id,
        2 as truth_level
    from {{ accounts }} as accounts
    inner join segments on segments.is_default

),

memberships as (

    select
        answers.health_date,
        answers.account_id,
        answers.segment_id,
        segments.priority,
        case when answers.truth_level = 2 then 'member' else 'unknown' end as membership,
        min(
            case
                when answers.truth_level = 2 and segments.has_health_configuration
                    then segments.priority
            end
        ) over (partition by answers.health_date, answers.account_id) as chosen_priority
    from answers
    inner join segments on answers.segment_id = segments.segment_id
    where answers.truth_level > 0

)

select
    health_date,
    account_id,
    segment_id,
    cast(priority as integer) as priority,
    membership,
    membership = 'member' and coalesce(priority = chosen_priority, false) as is_chosen
from memberships
{%- endmacro %}

{#- The calculated state and score of each pillar of each account (docs/health.md, "Not
    calculated", "Pillar state" and "Pillar score"): one row per health date, account and pillar.

    configuration: `config` or `former`, see `macros/configuration_tables.sql`
    accounts: the health dates and accounts asked for
    memberships: their segments
    conditions: the conditions of the chosen segments' rules, evaluated
    source_status: what the data of the raw tables is worth -#}
{% macro pillar_states(configuration, accounts, memberships, conditions, source_status) -%}
with

chosen_segments as (

    select
        membership.health_date,
        membership.account_id,
        segments.segment_id,
        segments.good_from,
        segments.poor_below
    from {{ memberships }} as membership
    inner join {{ ref(configuration ~ '_segments') }} as segments
        on membership.segment_id = segments.segment_id
    where
        membership.health_date between {{ first_health_date() }} and {{ last_health_date() }}
        and membership.is_chosen

),

pillars as (

    select * from {{ ref(configuration ~ '_pillars') }}

),

configured_pillars as (

    select
        segment_id,
        pillar_id,
        max(case when rule_set in ('good', 'poor') then 1 else 0 end) = 1 as has_health_rules,
        max(case when rule_set in ('healthy', 'poor_band') then 1 else 0 end) = 1 as has_score_rules
    from {{ ref(configuration ~ '_conditions') }}
    where rule_set in ('good', 'poor', 'healthy', 'poor_band')
    group by segment_id, pillar_id

),

-- Conditions fold to clauses, clauses to one answer for each rule set.
clauses as (

    select
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
        health_date,
        account_id,
        pillar_id,
        rule_set,
        case when rule_set in ('good', 'poor') then clause else signal_id end

),

answers as (

    select
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
    group by health_date, account_id, pillar_id

),

-- A score rule gives 10 when it is healthy, else 0 when it is poor, else 5; nothing when all is
-- unknown.
score_rules as (

    select
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
    group by health_date, account_id, pillar_id, clause

),

weighted_scores as (

    select
        score_rules.health_date,
        score_rules.account_id,
        score_rules.pillar_id,
        sum(score_rules.points * weights.weight) / sum(weights.weight) as score
    from score_rules
    inner join chosen_segments
        on score_rules.health_date = chosen_segments.health_date
        and score_rules.account_id = chosen_segments.account_id
    inner join {{ ref(configuration ~ '_score_rules') }} as weights
        on chosen_segments.segment_id = weights.segment_id
        and score_rules.pillar_id = weights.pillar_id
        and score_rules.signal_id = weights.signal_id
    where score_rules.points is not null
    group by score_rules.health_date, score_rules.account_id, score_rules.pillar_id

),

unfit_pillars as (

    select
        status.health_date,
        pillar_sources.pillar_id
    from {{ source_status }} as status
    inner join {{ ref(configuration ~ '_pillar_sources') }} as pillar_sources
        on status.table_name = pillar_sources.table_name
    where status.health_date between {{ first_health_date() }} and {{ last_health_date() }}
    group by status.health_date, pillar_sources.pillar_id
    having
        max(case when status.status in ('unreadable', 'failed', 'stale', 'broken') then 1 else 0 end) = 1
        or min(case when status.status = 'absent' then 1 else 0 end) = 1

),

reasons as (

    select
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
    cross join pillars
    left join chosen_segments
        on accounts.health_date = chosen_segments.health_date
        and accounts.account_id = chosen_segments.account_id
    left join configured_pillars as configured
        on chosen_segments.segment_id = configured.segment_id
        and pillars.pillar_id = configured.pillar_id
    left join answers
        on accounts.health_date = answers.health_date
        and accounts.account_id = answers.account_id
        and pillars.pillar_id = answers.pillar_id
    left join weighted_scores
        on accounts.health_date = weighted_scores.health_date
        and accounts.account_id = weighted_scores.account_id
        and pillars.pillar_id = weighted_scores.pillar_id
    left join unfit_pillars
        on accounts.health_date = unfit_pillars.health_date
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

select * from scores
{%- endmacro %}

{#- How pillars weigh in the segments: (segment_id, pillar_id, weight, cap_when_poor). A segment
    without weights weighs all pillars that it configures alike. -#}
{% macro weights_of_pillars(configuration) -%}
select
    segment_id,
    pillar_id,
    weight,
    cap_when_poor
from {{ ref(configuration ~ '_pillar_weights') }}

union all

select distinct
    segment_id,
    pillar_id,
    1 as weight,
    cast(null as double) as cap_when_poor
from {{ ref(configuration ~ '_conditions') }}
where
    rule_set in ('good', 'poor', 'healthy', 'poor_band')
    and segment_id not in (
        select named.segment_id
        from {{ ref(configuration ~ '_pillar_weights') }} as named
    )
{%- endmacro %}

{#- The calculated overall state and score of each account (docs/health.md, "Overall"): one row per
    health date and account.

    configuration: `config` or `former`, see `macros/configuration_tables.sql`
    accounts: the health dates and accounts asked for
    memberships: their segments
    pillars: the calculated states and scores of their pillars -#}
{% macro overall_states(configuration, accounts, memberships, pillars) -%}
with

segments as (

    select * from {{ ref(configuration ~ '_segments') }}

),

pillars as (

    select *
    from {{ pillars }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

),

weights as (

    {{ weights_of_pillars(configuration) }}

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
    from {{ memberships }}
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
    from {{ accounts }} as accounts
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

select * from states
{%- endmacro %}
