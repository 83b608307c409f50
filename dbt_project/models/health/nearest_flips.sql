{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- What separates an account's pillars from another state, on the latest health date: of the number
-- conditions whose flip alone would make a pillar better, or worse, the one with the smallest gap
-- relative to its threshold.
--
-- What a flip would do depends on the truth of the pillar's conditions alone, and most accounts
-- share that with others. So it is tried once for each pattern of truths, segment and pillar: a
-- trial is an account made up, whose `account_id` is its number, and folded to states by the same
-- rules as others.
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
        row_number() over (order by signal_id, operator, threshold, condition_id) as tie_break
    from {{ ref('config_conditions') }}
    where rule_set in ('good', 'poor', 'healthy', 'poor_band')

),

-- In numbers, and what they are conditions of is looked up late: of millions few are shown.
results as (

    select
        health_date,
        account_id,
        condition_id,
        observed_number,
        resolved_number,
        is_met
    from {{ ref('chosen_segment_results') }}
    where health_date = {{ last_health_date() }}

),

-- What is true of an account's pillar as one number, the same in whatever order the conditions
-- come. That two patterns of a thousand share it by chance is to be feared once in 10^13 nights.
truths as (

    select
        results.account_id,
        rules.pillar_id,
        sum({{ hash_number(['results.condition_id', 'results.is_met']) }}) as pattern
    from results
    inner join rules on results.condition_id = rules.condition_id
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
        rules.pillar_id,
        rules.rule_set,
        rules.clause,
        rules.signal_id,
        {{ has_one_threshold('rules') }}
        and results.observed_number is not null
        and results.resolved_number is not null as has_gap
    from patterns
    inner join results
        on patterns.health_date = results.health_date
        and patterns.account_id = results.account_id
    inner join rules
        on results.condition_id = rules.condition_id
        and patterns.pillar_id = rules.pillar_id

),

-- Conditions that have a gap for one account of the pattern have one for all.
trials as (

    select
        *,
        {{ rank_of_state('calculated_state') }} as state_rank,
        row_number() over (order by chosen_segment_id, pillar_id, pattern, condition_id) as trial_id
    from pattern_conditions
    where has_gap

),

trial_conditions as (

    select
        trials.health_date,
        trials.trial_id as account_id,
        conditions.pillar_id,
        conditions.rule_set,
        conditions.clause,
        conditions.signal_id,
        case
            when conditions.condition_id = trials.condition_id then not conditions.is_met
            else conditions.is_met
        end as is_met
    from trials
    inner join pattern_conditions as conditions
        on trials.account_id = conditions.account_id
        and trials.pillar_id = conditions.pillar_id

),

trial_accounts as (

    select
        health_date,
        trial_id as account_id,
        false as is_created_today
    from trials

),

trial_memberships as (

    select
        health_date,
        trial_id as account_id,
        chosen_segment_id as segment_id,
        true as is_chosen
    from trials

),

trial_states as (

    {{ pillar_states(
        'config',
        'trial_accounts',
        'trial_memberships',
        'trial_conditions',
        ref('source_status'),
    ) }}

),

changes as (

    select
        trials.pillar_id,
        trials.chosen_segment_id,
        trials.pattern,
        trials.condition_id,
        trial_states.calculated_state as to_state,
        case
            when {{ rank_of_state('trial_states.calculated_state') }} > trials.state_rank
                then 'better'
            else 'worse'
        end as direction
    from trials
    inner join trial_states
        on trials.trial_id = trial_states.account_id
        and trials.pillar_id = trial_states.pillar_id
    where trial_states.calculated_state <> trials.calculated_state

),

-- Whose conditions these are; of each, what the nearest is chosen by.
outcomes as (

    select
        account_patterns.health_date,
        account_patterns.account_id,
        account_patterns.calculated_state,
        changes.pillar_id,
        changes.condition_id,
        changes.to_state,
        changes.direction
    from changes
    inner join account_patterns
        on changes.pillar_id = account_patterns.pillar_id
        and changes.chosen_segment_id = account_patterns.segment_id
        and changes.pattern = account_patterns.pattern

),

flips as (

    select
        outcomes.*,
        results.observed_number,
        results.resolved_number,
        results.is_met,
        rules.rule_set,
        rules.clause,
        rules.signal_id,
        rules.operator,
        rules.tie_break,
        results.observed_number - results.resolved_number as gap,
        -- Where the threshold is 0 there is nothing to relate the gap to.
        abs(results.observed_number - results.resolved_number)
        / coalesce(nullif(abs(results.resolved_number), 0), 1) as relative_gap
    from outcomes
    inner join results
        on outcomes.health_date = results.health_date
        and outcomes.account_id = results.account_id
        and outcomes.condition_id = results.condition_id
    inner join rules on outcomes.condition_id = rules.condition_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by account_id, pillar_id, direction
            order by round(relative_gap, 6), tie_break
        ) as position
    from flips

)

select
    health_date,
    account_id,
    pillar_id,
    direction,
    calculated_state as from_state,
    to_state,
    rule_set,
    clause,
    signal_id,
    {{ number_text('observed_number') }} as observed,
    operator,
    {{ number_text('resolved_number') }} as resolved_threshold,
    is_met,
    cast(gap as double) as gap,
    cast(round(relative_gap, 12) as double) as relative_gap
from ranked
where position = 1
