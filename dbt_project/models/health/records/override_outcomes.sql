{{ config(materialized='table') }}
-- What became of every override: the state that it replaced when it first and last applied, and
-- whether the account left within the 90 days that begin with the override's day.
with

overrides as (

    select * from {{ ref('stg_health_overrides') }}

),

histories as (

    select
        health_date,
        account_id,
        'overall' as pillar_id,
        overall_state as state,
        calculated_overall_state as calculated_state
    from {{ ref('account_health_history') }}
    where is_overridden

    union all

    select
        health_date,
        account_id,
        pillar_id,
        state,
        calculated_state
    from {{ ref('pillar_health_history') }}
    where is_overridden

),

-- The history does not say by which override a state was replaced: the latest that applied on the
-- date and sets that state (int_overrides_by_health_date). One that came too late for a date is not
-- in its state.
candidates as (

    select
        overrides.override_id,
        histories.health_date,
        histories.calculated_state,
        row_number() over (
            partition by histories.health_date, histories.account_id, histories.pillar_id
            order by overrides.created_at desc, overrides.override_id desc
        ) as position
    from overrides
    inner join histories
        on overrides.account_id = histories.account_id
        and overrides.pillar_id = histories.pillar_id
        and overrides.state = histories.state
        and histories.health_date > cast(overrides.created_at as date)
        and histories.health_date
        <= coalesce(cast(overrides.expires_at as date), {{ end_of_time() }})

),

applied as (

    select
        override_id,
        health_date,
        calculated_state,
        row_number() over (partition by override_id order by health_date) as from_first,
        row_number() over (partition by override_id order by health_date desc) as from_last
    from candidates
    where position = 1

),

ends as (

    select
        override_id,
        max(case when from_first = 1 then calculated_state end) as calculated_state_at_start,
        max(case when from_last = 1 then calculated_state end) as calculated_state_at_end,
        min(health_date) as first_applied_on,
        max(health_date) as last_applied_on
    from applied
    group by override_id

),

latest as (

    select max(health_date) as health_date
    from {{ ref('account_health_history') }}

)

select
    overrides.override_id,
    overrides.account_id,
    overrides.pillar_id,
    overrides.state,
    ends.calculated_state_at_start,
    ends.calculated_state_at_end,
    ends.first_applied_on,
    ends.last_applied_on,
    -- Null while the days last, even if the account has left: else those that leave would be
    -- counted before those that stay.
    case
        when
            latest.health_date >= cast(overrides.created_at as date) + 90
            and not coalesce(accounts.churned_at < overrides.created_at, false)
            then coalesce(
                cast(accounts.churned_at as date) < cast(overrides.created_at as date) + 90, false
            )
    end as left_within_90_days,
    overrides.reason,
    overrides.author,
    overrides.created_at,
    overrides.expires_at
from overrides
cross join latest
inner join {{ ref('stg_accounts') }} as accounts
    on overrides.account_id = accounts.account_id
left join ends on overrides.override_id = ends.override_id
