-- What the history says of the present states: one row per account and pillar or `overall` on the
-- latest health date, with the first date of the unbroken run of its state, the state before that,
-- and a letter for each of the last 60 days, oldest first.
with

latest as (

    select max(health_date) as health_date
    from {{ ref('account_health_history') }}

),

days as (

    select
        dates.health_date,
        -- The line is long only as dbt's macro writes it.
        {{ dbt.datediff('dates.health_date', 'latest.health_date', 'day') }} as days_ago -- noqa: LT05
    from (select distinct health_date from {{ ref('account_health_history') }}) as dates
    inner join latest on dates.health_date > latest.health_date - 60

),

-- 60 days are millions of rows, which carry what tells them apart alone.
states as (

    select
        health_date,
        account_id,
        'overall' as pillar_id,
        overall_state as state
    from {{ ref('account_health_history') }}
    where health_date > (select latest.health_date - 60 from latest)

    union all

    select
        health_date,
        account_id,
        pillar_id,
        state
    from {{ ref('pillar_health_history') }}
    where health_date > (select latest.health_date - 60 from latest)

),

days_by_state as (

    select
        states.account_id,
        states.pillar_id,
        case when days.days_ago = 0 then states.state end as present_state,
        case when states.state = 'good' then days.days_ago end as good_day,
        case when states.state = 'average' then days.days_ago end as average_day,
        case when states.state = 'poor' then days.days_ago end as poor_day,
        case when states.state = 'not_calculated' then days.days_ago end as not_calculated_day
    from states
    inner join days on states.health_date = days.health_date

),

-- The present state, and the days on which each state was shown as a set in one number, 0 where it
-- never was.
present as (

    select
        account_id,
        pillar_id,
        max(present_state) as state,
        coalesce({{ number_set('good_day') }}, 0) as good_days,
        coalesce({{ number_set('average_day') }}, 0) as average_days,
        coalesce({{ number_set('poor_day') }}, 0) as poor_days,
        coalesce({{ number_set('not_calculated_day') }}, 0) as not_calculated_days
    from days_by_state
    group by account_id, pillar_id
    having max(present_state) is not null

),

-- Many accounts share their days, and each is spelt once.
patterns as (

    select distinct
        good_days,
        average_days,
        poor_days,
        not_calculated_days
    from present

),

letters as (

    select
        *,
        {{ last_60_letters() }} as last_60_days
    from patterns

),

-- When the last state that was another one than now began.
other_states as (

    select
        present.account_id,
        present.pillar_id,
        max(case when starts.state <> present.state then starts.health_date end) as began_on
    from present
    inner join {{ ref('int_state_starts') }} as starts
        on present.account_id = starts.account_id
        and present.pillar_id = starts.pillar_id
    group by present.account_id, present.pillar_id

),

state_runs as (

    select
        other_states.account_id,
        other_states.pillar_id,
        min(
            case
                when other_states.began_on is null or starts.health_date > other_states.began_on
                    then starts.health_date
            end
        ) as state_since,
        max(case when starts.health_date = other_states.began_on then starts.state end)
            as previous_state
    from other_states
    inner join {{ ref('int_state_starts') }} as starts
        on other_states.account_id = starts.account_id
        and other_states.pillar_id = starts.pillar_id
    group by other_states.account_id, other_states.pillar_id

)

select
    latest.health_date,
    present.account_id,
    present.pillar_id,
    state_runs.state_since,
    state_runs.previous_state,
    letters.last_60_days
from present
cross join latest
inner join state_runs
    on present.account_id = state_runs.account_id
    and present.pillar_id = state_runs.pillar_id
inner join letters
    on present.good_days = letters.good_days
    and present.average_days = letters.average_days
    and present.poor_days = letters.poor_days
    and present.not_calculated_days = letters.not_calculated_days
