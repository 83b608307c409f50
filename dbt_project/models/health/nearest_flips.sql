{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- What separates an account's pillars from another state, on the latest health date: of the number
-- conditions whose flip alone would make a pillar better, or worse, the one with the smallest gap
-- relative to its threshold.
--
-- Each trial is the account with one condition of each pillar flipped, folded to states by the same
-- rules as the account itself. A trial's `account_id` is its number.
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
        pillars.calculated_state,
        {{ rank_of_state('pillars.calculated_state') }} as state_rank
    from {{ ref('pillar_health_history') }} as pillars
    inner join accounts
        on pillars.health_date = accounts.health_date
        and pillars.account_id = accounts.account_id
    where pillars.calculated_state <> 'not_calculated' and not pillars.is_overridden

),

conditions as (

    select
        conditions.*,
        pillars.segment_id as chosen_segment_id,
        pillars.calculated_state,
        pillars.state_rank,
        case when conditions.gap is not null and conditions.is_met is not null then 1 end
            as can_flip
    from {{ ref('health_conditions') }} as conditions
    inner join pillars
        on conditions.health_date = pillars.health_date
        and conditions.account_id = pillars.account_id
        and conditions.pillar_id = pillars.pillar_id

),

candidates as (

    select
        *,
        row_number() over (
            partition by account_id, pillar_id, can_flip
            order by condition_id
        ) as flip_position
    from conditions

),

trials as (

    select
        health_date,
        account_id,
        flip_position,
        chosen_segment_id,
        row_number() over (order by account_id, flip_position) as trial_id
    from candidates
    where can_flip = 1
    group by health_date, account_id, flip_position, chosen_segment_id

),

flips as (

    select
        trials.trial_id,
        candidates.*
    from candidates
    inner join trials
        on candidates.account_id = trials.account_id
        and candidates.flip_position = trials.flip_position
    where candidates.can_flip = 1

),

trial_conditions as (

    select
        flips.health_date,
        flips.trial_id as account_id,
        conditions.pillar_id,
        conditions.rule_set,
        conditions.clause,
        conditions.signal_id,
        case
            when conditions.condition_id = flips.condition_id then not conditions.is_met
            else conditions.is_met
        end as is_met
    from flips
    inner join conditions
        on flips.account_id = conditions.account_id
        and flips.pillar_id = conditions.pillar_id

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

outcomes as (

    select
        flips.*,
        trial_states.calculated_state as to_state,
        case
            when {{ rank_of_state('trial_states.calculated_state') }} > flips.state_rank
                then 'better'
            else 'worse'
        end as direction,
        -- Where the threshold is 0 there is nothing to relate the gap to.
        abs(flips.gap)
        / coalesce(nullif(abs({{ parse_number('flips.resolved_threshold') }}), 0), 1)
            as relative_gap
    from flips
    inner join trial_states
        on flips.trial_id = trial_states.account_id
        and flips.pillar_id = trial_states.pillar_id
    where trial_states.calculated_state <> flips.calculated_state

),

ranked as (

    select
        *,
        row_number() over (
            partition by account_id, pillar_id, direction
            order by round(relative_gap, 6), signal_id, operator, threshold, condition_id
        ) as position
    from outcomes

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
