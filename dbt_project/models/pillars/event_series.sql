-- What is counted of events, and of which: one row per kind of thing and filter that a measurement
-- asks for. `days_back`: how many days before a health date it can matter; null for ever.
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

)

select
    thing_kind,
    filter_id,
    dimension,
    dimension_values,
    case
        when max(case when window_days is null then 1 else 0 end) = 0
            then cast(max(window_days + lag_days) as integer)
    end as days_back
from of_things
where thing_kind is not null
group by
    thing_kind,
    filter_id,
    dimension,
    dimension_values
