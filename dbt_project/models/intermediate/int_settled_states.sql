-- The settled states that are others than the calculated ones (docs/health.md, "Settled state"):
-- one row per health date, account and pillar or `overall` whose calculated state has not held for
-- the settle days of its segment yet, and that had one that did.
{%- set most_settle_days = most_settle_days() %}
with

overalls as (

    select
        health_date,
        account_id,
        segment_id
    from {{ ref('int_evaluated_overalls') }}
    where configuration_key = 'current'

),

segments as (

    select
        segment_id,
        settle_days
    from {{ ref('configured_segments') }}
    where
        configuration_key = 'current'
        and settle_days > 0

),

-- The dates of the history up to the run's last by their number: days without a date do not count.
dates as (

    select
        health_date,
        row_number() over (order by health_date) as date_number
    from (
        select health_date
        from {{ ref('int_recorded_dates') }}
        where health_date < {{ first_health_date() }}

        union

        select health_date
        from overalls
    ) as health_dates

),

dates_of_run as (

    select *
    from dates
    where health_date >= {{ first_health_date() }}

),

-- What begins after the run has no date here.
starts as (

    select
        starts.account_id,
        starts.pillar_id,
        starts.calculated_state,
        dates.date_number
    from {{ ref('int_calculated_state_starts') }} as starts
    inner join dates on starts.health_date = dates.health_date
    where {{ 'true' if most_settle_days else 'false' }}

),

-- What began so shortly before the run, or in it, that it may not be settled on one of its dates.
unsettled_pillars as (

    select distinct
        starts.account_id,
        starts.pillar_id
    from starts
    where
        starts.date_number
        > (select min(dates_of_run.date_number) from dates_of_run) - {{ most_settle_days }}

),

stretches as (

    select
        starts.*,
        lead(starts.date_number) over (
            partition by starts.account_id, starts.pillar_id
            order by starts.date_number
        ) as next_number
    from starts
    inner join unsettled_pillars
        on starts.account_id = unsettled_pillars.account_id
        and starts.pillar_id = unsettled_pillars.pillar_id

),

unsettled as (

    select
        dates.health_date,
        stretches.account_id,
        stretches.pillar_id,
        stretches.calculated_state,
        stretches.date_number as started_on_number,
        segments.settle_days
    from stretches
    inner join dates_of_run as dates
        on dates.date_number between stretches.date_number
        and stretches.date_number + {{ most_settle_days }} - 1
    inner join overalls
        on dates.health_date = overalls.health_date
        and stretches.account_id = overalls.account_id
    inner join segments on overalls.segment_id = segments.segment_id
    where
        stretches.calculated_state is not null
        and coalesce(dates.date_number < stretches.next_number, true)
        and dates.date_number < stretches.date_number + segments.settle_days

),

settled as (

    select
        unsettled.health_date,
        unsettled.account_id,
        unsettled.pillar_id,
        unsettled.calculated_state,
        stretches.calculated_state as settled_state,
        row_number() over (
            partition by unsettled.health_date, unsettled.account_id, unsettled.pillar_id
            order by stretches.date_number desc
        ) as position
    from unsettled
    inner join stretches
        on unsettled.account_id = stretches.account_id
        and unsettled.pillar_id = stretches.pillar_id
        and unsettled.started_on_number > stretches.date_number
    where
        stretches.calculated_state is not null
        and stretches.next_number - stretches.date_number > unsettled.settle_days

)

select
    health_date,
    account_id,
    pillar_id,
    settled_state
from settled
where
    position = 1
    and settled_state <> calculated_state
