-- What is counted of events, and of which: one row per kind of thing and filter that a measurement
-- asks for, as of `lag_days` before the health date. `days_back`: how many days before a health
-- date it can matter; null for ever.
--
-- Sums of days serve every lag. What is found by its last day is found for each by itself.
with

measurements as (

    select * from {{ ref('config_measurements') }}

),

of_things as (

    select
        *,
        case
            when operand = 'features_used' then 'feature'
            when operand = 'modules_used' then 'module'
            when operand in ('active_users', 'known_active_users') then 'user'
            when operand = 'days_since_last_event' then 'account'
            when operand = 'active_days' then 'day'
            when operand = 'events' and window_days is null then 'lifetime_events'
            when operand = 'events' then 'events'
        end as thing_kind
    from measurements

),

lagged as (

    select
        *,
        case when thing_kind in ('events', 'day') then 0 else lag_days end as series_lag_days
    from of_things

)

select
    thing_kind,
    filter_id,
    dimension,
    dimension_values,
    cast(series_lag_days as integer) as lag_days,
    case
        when max(case when window_days is null then 1 else 0 end) = 0
            then cast(max(window_days + lag_days) as integer)
    end as days_back
from lagged
where thing_kind is not null
group by
    thing_kind,
    filter_id,
    dimension,
    dimension_values,
    series_lag_days
