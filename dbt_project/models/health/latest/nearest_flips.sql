{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- What separates an account's pillars from another state, on the latest health date: of the number
-- conditions whose flip alone would make a pillar better, or worse, the one with the smallest gap
-- relative to its threshold.
--
-- What a flip would do depends on the truth of the pillar's conditions alone, and most accounts
-- share that with others. So it is tried once for each pattern of truths, segment and pillar.
--
-- A linear score rule does not flip: it gives what it gives while others do.
with

accounts as (

    {{ latest_accounts() }}

),

-- A pillar that is not calculated does not flip, nor does one that an override holds.
pillars as (

    select
        pillars.health_date,
        pillars.account_id,
        pillars.pillar_id,
        pillars.segment_id,
        pillars.calculated_state
    from {{ ref('pillar_health_history') }} as pillars
    inner join accounts
        on pillars.health_date = accounts.health_date
        and pillars.account_id = accounts.account_id
    where pillars.calculated_state <> 'not_calculated' and not pillars.is_overridden

),

rules as (

    select
        *,
        max(case when rule_set in ('good', 'poor') then 1 else 0 end) over (
            partition by segment_id, pillar_id
        ) = 1 as has_health_rules,
        row_number() over (order by signal_id, operator, threshold, condition_id) as tie_break
    from {{ ref('config_conditions') }}
    where rule_set in ('good', 'poor', 'healthy', 'poor_band')

),

-- The conditions that a state rests on: score rules beside health rules change the score alone.
deciding_rules as (

    select *
    from rules
    where rule_set in ('good', 'poor') or not has_health_rules

),

-- What is true of an account's pillar as one number, the same in whatever order the conditions
-- come, and what its linear score rules give. That two patterns of a thousand share it by chance is
-- to be feared once in 10^13 nights.
truths as (

    select
        results.account_id,
        rules.pillar_id,
        sum({{ hash_number(['results.condition_id', 'results.is_met', 'results.points']) }})
            as pattern
    from {{ ref('chosen_segment_results') }} as results
    inner join deciding_rules as rules on results.condition_id = rules.condition_id
    where results.health_date = {{ latest_health_date() }}
    group by results.account_id, rules.pillar_id

),

account_patterns as (

    select
        pillars.*,
        truths.pattern
    from pillars
    inner join truths
        on pillars.account_id = truths.account_id
        and pillars.pillar_id = truths.pillar_id

),

patterns as (

    select
        health_date,
        pillar_id,
        segment_id,
        calculated_state,
        pattern,
        min(account_id) as account_id
    from account_patterns
    group by health_date, pillar_id, segment_id, calculated_state, pattern

),

pattern_conditions as (

    select
        patterns.pattern,
        patterns.segment_id as chosen_segment_id,
        patterns.calculated_state,
        results.health_date,
        results.account_id,
        results.condition_id,
        results.is_met,
        results.points,
        rules.pillar_id,
        rules.rule_set,
        rules.has_health_rules,
        rules.clause,
        rules.signal_id,
        {{ has_one_threshold('rules') }}
        and rules.operator <> 'linear'
        and results.observed_number is not null
        and results.resolved_number is not null as has_gap
    from patterns
    inner join {{ ref('chosen_segment_results') }} as results
        on patterns.health_date = results.health_date
        and patterns.account_id = results.account_id
    inner join deciding_rules as rules
        on results.condition_id = rules.condition_id
        and patterns.pillar_id = rules.pillar_id

),

-- Conditions that have a gap for one account of the pattern have one for all.
trials as (

    select
        *,
        row_number() over (order by chosen_segment_id, pillar_id, pattern, condition_id) as trial_id
    from pattern_conditions
    where has_gap

),

-- Each trial is folded as accounts are in `int_health_rule_answers` and `int_score_rule_points`.
trial_conditions as (

    select
        trials.trial_id,
        conditions.rule_set,
        conditions.signal_id,
        case
            when conditions.rule_set in ('good', 'poor') then conditions.clause
            else conditions.signal_id
        end as clause,
        conditions.points,
        case
            when conditions.condition_id = trials.condition_id then not conditions.is_met
            else conditions.is_met
        end as is_met
    from trials
    inner join pattern_conditions as conditions
        on trials.account_id = conditions.account_id
        and trials.pillar_id = conditions.pillar_id

),

trial_clauses as (

    select
        trial_id,
        rule_set,
        clause,
        min({{ truth_level('is_met') }}) as truth_level,
        max(points) as points
    from trial_conditions
    group by trial_id, rule_set, clause

),

trial_answers as (

    select
        trial_id,
        max(case when rule_set = 'good' then truth_level else 0 end) = 2 as good_holds,
        max(case when rule_set = 'poor' then truth_level else 0 end) = 2 as poor_holds
    from trial_clauses
    group by trial_id

),

trial_rules as (

    select
        trial_id,
        clause as signal_id,
        max(case when rule_set = 'healthy' then truth_level else 0 end) as healthy_level,
        max(case when rule_set = 'poor_band' then truth_level else 0 end) as poor_level,
        min(truth_level) = 1 and max(truth_level) = 1 as is_unknown,
        max(points) as linear_points
    from trial_clauses
    where rule_set in ('healthy', 'poor_band')
    group by trial_id, clause

),

trial_points as (

    select
        trials.trial_id,
        weights.weight,
        {{ points_of_score_rule('trial_rules') }} as points
    from trial_rules
    inner join trials on trial_rules.trial_id = trials.trial_id
    inner join {{ ref('configured_score_rules') }} as weights
        on weights.configuration_key = 'current'
        and trials.chosen_segment_id = weights.segment_id
        and trials.pillar_id = weights.pillar_id
        and trial_rules.signal_id = weights.signal_id

),

trial_scores as (

    select
        trial_id,
        sum(points * weight) / sum(weight) as score
    from trial_points
    where points is not null
    group by trial_id

),

trial_pillars as (

    select
        trials.*,
        trial_answers.good_holds,
        trial_answers.poor_holds,
        trial_scores.score,
        segments.good_from,
        segments.poor_below
    from trials
    inner join trial_answers on trials.trial_id = trial_answers.trial_id
    left join trial_scores on trials.trial_id = trial_scores.trial_id
    inner join {{ ref('config_segments') }} as segments
        on trials.chosen_segment_id = segments.segment_id

),

trial_states as (

    select
        *,
        {{ state_of_pillar() }} as trial_state
    from trial_pillars

),

changes as (

    select
        trial_id,
        pillar_id,
        chosen_segment_id,
        pattern,
        condition_id,
        is_met,
        calculated_state as from_state,
        trial_state as to_state,
        case
            when {{ rank_of_state('trial_state') }} > {{ rank_of_state('calculated_state') }}
                then 'better'
            else 'worse'
        end as direction
    from trial_states
    where trial_state <> calculated_state

),

candidates as (

    select
        account_patterns.health_date,
        account_patterns.account_id,
        account_patterns.pillar_id,
        changes.direction,
        changes.trial_id,
        round(results.observed_number, 6) as observed_number,
        results.resolved_number,
        rules.tie_break,
        -- Where the threshold is 0 there is nothing to relate the gap to.
        abs(round(results.observed_number, 6) - results.resolved_number)
        / coalesce(nullif(abs(results.resolved_number), 0), 1) as relative_gap
    from {{ ref('chosen_segment_results') }} as results
    inner join deciding_rules as rules on results.condition_id = rules.condition_id
    inner join account_patterns
        on results.health_date = account_patterns.health_date
        and results.account_id = account_patterns.account_id
        and rules.pillar_id = account_patterns.pillar_id
    inner join changes
        on account_patterns.pillar_id = changes.pillar_id
        and account_patterns.segment_id = changes.chosen_segment_id
        and account_patterns.pattern = changes.pattern
        and results.condition_id = changes.condition_id

),

-- The nearest of each direction: no two conditions have the same tie break.
nearest as (

    select
        health_date,
        account_id,
        pillar_id,
        direction,
        {{ least_row([
            'round(relative_gap, 6) as rounded_gap',
            'tie_break',
            'relative_gap',
            'trial_id',
            'observed_number',
            'resolved_number',
        ]) }} as flip
    from candidates
    group by health_date, account_id, pillar_id, direction

)

select
    nearest.health_date,
    nearest.account_id,
    nearest.pillar_id,
    nearest.direction,
    changes.from_state,
    changes.to_state,
    rules.rule_set,
    rules.clause,
    rules.signal_id,
    {{ number_text(field_of_row('nearest.flip', 'observed_number')) }} as observed,
    rules.operator,
    {{ number_text(field_of_row('nearest.flip', 'resolved_number')) }} as resolved_threshold,
    changes.is_met,
    cast(
        {{ field_of_row('nearest.flip', 'observed_number') }}
        - {{ field_of_row('nearest.flip', 'resolved_number') }} as double
    ) as gap,
    cast(round({{ field_of_row('nearest.flip', 'relative_gap') }}, 12) as double) as relative_gap,
    case when changes.is_met then {{ opposite_of('rules.operator') }} else rules.operator end
        as needed_operator,
    {{ number_text(field_of_row('nearest.flip', 'resolved_number')) }} as needed
from nearest
inner join changes on {{ field_of_row('nearest.flip', 'trial_id') }} = changes.trial_id
inner join deciding_rules as rules on changes.condition_id = rules.condition_id
