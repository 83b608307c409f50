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

-- What is true of an account's pillar as one number, the same in whatever order the conditions
-- come. That two patterns of a thousand share it by chance is to be feared once in 10^13 nights.
truths as (

    select
        account_id,
        pillar_id,
        sum({{ hash_number(['condition_id', 'is_met']) }}) as pattern
    from {{ ref('health_conditions') }}
    where health_date = {{ last_health_date() }}
    group by account_id, pillar_id

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
        conditions.health_date,
        conditions.account_id,
        conditions.pillar_id,
        conditions.condition_id,
        conditions.rule_set,
        conditions.clause,
        conditions.signal_id,
        conditions.is_met,
        conditions.gap
    from patterns
    inner join {{ ref('health_conditions') }} as conditions
        on patterns.health_date = conditions.health_date
        and patterns.account_id = conditions.account_id
        and patterns.pillar_id = conditions.pillar_id

),

-- Conditions that have a gap for one account of the pattern have one for all.
trials as (

    select
        *,
        {{ rank_of_state('calculated_state') }} as state_rank,
        row_number() over (order by chosen_segment_id, pillar_id, pattern, condition_id) as trial_id
    from pattern_conditions
    where gap is not null and is_met is not null

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
        conditions.*,
        outcomes.calculated_state,
        outcomes.to_state,
        outcomes.direction,
        -- Where the threshold is 0 there is nothing to relate the gap to.
        abs(conditions.gap)
        / coalesce(nullif(abs({{ parse_number('conditions.resolved_threshold') }}), 0), 1)
            as relative_gap
    from outcomes
    inner join {{ ref('health_conditions') }} as conditions
        on outcomes.health_date = conditions.health_date
        and outcomes.account_id = conditions.account_id
        and outcomes.pillar_id = conditions.pillar_id
        and outcomes.condition_id = conditions.condition_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by account_id, pillar_id, direction
            order by round(relative_gap, 6), signal_id, operator, threshold, condition_id
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
    observed,
    operator,
    resolved_threshold,
    is_met,
    cast(gap as double) as gap,
    cast(round(relative_gap, 12) as double) as relative_gap
from ranked
where position = 1
