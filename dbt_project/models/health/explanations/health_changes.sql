{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- Changes of state with their cause (docs/published_tables.md, "Changes and their cause") and the
-- conditions that flipped.
{%- set condition_columns -%}
conditions.account_id,
        conditions.segment_id,
        conditions.pillar_id,
        conditions.rule_set,
        conditions.clause,
        conditions.signal_id,
        conditions.observed,
        conditions.operator,
        conditions.threshold,
        conditions.scaled_by,
        conditions.resolved_threshold,
        conditions.is_met
{%- endset %}
with

changes as (

    select * from {{ ref('int_changed_states') }}

),

changed_accounts as (

    select distinct
        health_date,
        account_id,
        previous_date
    from changes

),

-- The conditions of the date before the run, as they were published.
published_conditions as (

    select
        changed_accounts.health_date as changed_on,
        {{ condition_columns }}
    from changed_accounts
    inner join {{ ref('health_explanations') }} as conditions
        on changed_accounts.account_id = conditions.account_id
        and changed_accounts.previous_date = conditions.health_date
    where
        conditions.health_date = {{ previous_health_date() }}
        and conditions.health_date < {{ first_health_date() }}
        and conditions.rule_set in ('good', 'poor', 'healthy', 'poor_band')

),

published_accounts as (

    select distinct
        changed_on,
        account_id
    from published_conditions

),

-- The conditions of the date before each change: as they were published, else as this run evaluated
-- them.
conditions_before as (

    select * from published_conditions

    union all

    select
        changed_accounts.health_date as changed_on,
        {{ condition_columns }}
    from changed_accounts
    inner join {{ ref('int_changed_conditions') }} as conditions
        on changed_accounts.account_id = conditions.account_id
        and changed_accounts.previous_date = conditions.health_date
    left join published_accounts
        on changed_accounts.health_date = published_accounts.changed_on
        and changed_accounts.account_id = published_accounts.account_id
    where published_accounts.account_id is null

),

conditions_now as (

    select
        changed_accounts.health_date as changed_on,
        {{ condition_columns }}
    from changed_accounts
    inner join {{ ref('int_changed_conditions') }} as conditions
        on changed_accounts.account_id = conditions.account_id
        and changed_accounts.health_date = conditions.health_date

),

flipped as (

    select
        conditions_now.changed_on,
        conditions_now.account_id,
        conditions_now.pillar_id,
        conditions_now.rule_set,
        conditions_now.clause,
        conditions_now.signal_id,
        conditions_now.operator,
        conditions_now.threshold,
        conditions_now.scaled_by,
        conditions_before.observed as observed_before,
        conditions_now.observed,
        conditions_before.is_met as was_met,
        conditions_now.is_met
    from conditions_now
    inner join conditions_before
        on conditions_now.changed_on = conditions_before.changed_on
        and conditions_now.account_id = conditions_before.account_id
        and conditions_now.segment_id = conditions_before.segment_id
        and conditions_now.pillar_id = conditions_before.pillar_id
        and conditions_now.rule_set = conditions_before.rule_set
        and coalesce(conditions_now.clause, '') = coalesce(conditions_before.clause, '')
        and conditions_now.signal_id = conditions_before.signal_id
        and conditions_now.operator = conditions_before.operator
        and conditions_now.threshold = conditions_before.threshold
        and coalesce(conditions_now.scaled_by, '') = coalesce(conditions_before.scaled_by, '')
    where
        {{ truth_level('conditions_now.is_met') }}
        <> {{ truth_level('conditions_before.is_met') }}

),

-- A change of the overall has the conditions of all pillars.
flipped_lists as (

    select
        changes.health_date,
        changes.account_id,
        changes.pillar_id,
        {{ json_list(
            [
                'flipped.pillar_id', 'flipped.rule_set', 'flipped.clause', 'flipped.signal_id',
                'flipped.operator', 'flipped.threshold', 'flipped.observed_before',
                'flipped.observed', 'flipped.was_met', 'flipped.is_met',
            ],
            order_by=[
                'flipped.pillar_id', 'flipped.rule_set', 'flipped.clause', 'flipped.signal_id',
                'flipped.operator', 'flipped.threshold', 'flipped.scaled_by',
            ],
        ) }} as flipped_conditions,
        min(
            case when flipped.was_met is null or flipped.is_met is null then 1 else 0 end
        ) = 1 as are_unknown_on_a_date
    from changes
    inner join flipped
        on changes.health_date = flipped.changed_on
        and changes.account_id = flipped.account_id
        and (changes.pillar_id = flipped.pillar_id or changes.pillar_id = 'overall')
    group by changes.health_date, changes.account_id, changes.pillar_id

),

pillar_reasons as (

    select
        changed_accounts.health_date,
        changed_accounts.account_id,
        now.pillar_id,
        coalesce(now.reason, '') as reason,
        coalesce(before.reason, '') as previous_reason
    from changed_accounts
    inner join {{ ref('pillar_health_history') }} as now
        on changed_accounts.account_id = now.account_id
        and changed_accounts.health_date = now.health_date
    inner join {{ ref('pillar_health_history') }} as before
        on changed_accounts.account_id = before.account_id
        and changed_accounts.previous_date = before.health_date
        and now.pillar_id = before.pillar_id
    where
        now.health_date >= {{ first_health_date() }}
        and before.health_date >= {{ previous_health_date() }}

),

-- Pillars of which a source became fit or unfit. The reasons that come first do not say whether the
-- sources are fit: a pillar may be configured while its source has been unfit for days.
changed_sources as (

    select
        health_date,
        account_id,
        pillar_id
    from pillar_reasons
    where
        (reason = 'source_unavailable') <> (previous_reason = 'source_unavailable')
        and reason not in ('created_today', 'no_segment', 'pillar_not_configured')
        and previous_reason not in ('created_today', 'no_segment', 'pillar_not_configured')

),

weights as (

    select
        segment_id,
        pillar_id
    from {{ ref('configured_pillar_weights') }}
    where configuration_key = 'current'

),

source_changes as (

    select
        health_date,
        account_id,
        pillar_id
    from changed_sources

    union

    select
        changes.health_date,
        changes.account_id,
        changes.pillar_id
    from changes
    inner join weights on changes.segment_id = weights.segment_id
    inner join changed_sources
        on changes.health_date = changed_sources.health_date
        and changes.account_id = changed_sources.account_id
        and weights.pillar_id = changed_sources.pillar_id
    where changes.pillar_id = 'overall'

),

-- What states would be on the first date with the previous configuration, where that is another
-- one.
previous_states as (

    select
        health_date,
        account_id,
        pillar_id,
        calculated_state
    from {{ ref('int_evaluated_pillars') }}
    where configuration_key = 'previous'

    union all

    select
        health_date,
        account_id,
        'overall' as pillar_id,
        calculated_overall_state as calculated_state
    from {{ ref('int_evaluated_overalls') }}
    where configuration_key = 'previous'

)

select
    changes.health_date,
    changes.account_id,
    changes.pillar_id,
    changes.from_state,
    changes.to_state,
    -- The line is long only as dbt's macro writes it.
    cast({{ dbt.datediff('changes.from_state_since', 'changes.health_date', 'day') }} as integer) -- noqa: LT05
        as days_in_from_state,
    case
        when
            changes.from_state = 'not_calculated'
            and changes.to_calculated_state <> 'not_calculated'
            and not changes.was_ever_calculated
            then 'first_calculated'
        -- One that shows another state than is calculated: it began, ended or gave way to another.
        when
            (changes.was_overridden and changes.from_state <> changes.from_calculated_state)
            or (changes.is_overridden and changes.to_state <> changes.to_calculated_state)
            then 'override'
        when coalesce(changes.from_segment_id, '') <> coalesce(changes.segment_id, '')
            then 'segment'
        -- An override shows its state, whatever the configuration.
        when
            changes.from_config_version <> changes.config_version
            and not changes.is_overridden
            and previous_states.calculated_state = changes.from_state
            then 'configuration'
        when source_changes.account_id is not null or flipped_lists.are_unknown_on_a_date
            then 'data'
        else 'behaviour'
    end as cause,
    coalesce(flipped_lists.flipped_conditions, '[]') as flipped_conditions,
    history.mrr
from changes
inner join {{ ref('account_health_history') }} as history
    on changes.health_date = history.health_date
    and changes.account_id = history.account_id
left join previous_states
    on changes.health_date = previous_states.health_date
    and changes.account_id = previous_states.account_id
    and changes.pillar_id = previous_states.pillar_id
left join source_changes
    on changes.health_date = source_changes.health_date
    and changes.account_id = source_changes.account_id
    and changes.pillar_id = source_changes.pillar_id
left join flipped_lists
    on changes.health_date = flipped_lists.health_date
    and changes.account_id = flipped_lists.account_id
    and changes.pillar_id = flipped_lists.pillar_id
