{{ config(meta={'uncompressed': ['account_id', 'user_id']}) }}
-- What users did lately, grouped once for the tables of the latest health date that look back on
-- it: one row per account, user (null: not said), product and block of features. First and last
-- times are of all days that are not compacted; `events_14d` and the sets of features and of days
-- ago are of the 14 days before the date, and null without any.
-- depends_on: {{ ref('account_health_history') }}
with

events as (

    select
        account_id,
        user_id,
        product,
        feature,
        first_at,
        last_at,
        case when {{ is_in_adoption_window('event_day') }} then event_count end as count_14d,
        case
            when {{ is_in_adoption_window('event_day') }}
                then {{ dbt.datediff('event_day', latest_health_date(), 'day') }}
        end as days_ago
    from {{ ref('int_events_daily') }}
    where {{ is_recent('event_day', ref('int_features_compacted')) }}

),

numbered_features as (

    select
        feature,
        row_number() over (order by feature) - 1 as number
    from (
        select distinct feature
        from {{ ref('int_events_daily') }}
        where {{ is_in_adoption_window('event_day') }}
    ) as in_window

),

-- Distinct features are counted as sets in one number. It has room for 63; the next 63 are of
-- another block.
features as (

    select
        feature,
        cast(floor(number / 63) as integer) as block,
        cast(mod(number, 63) as integer) as position
    from numbered_features

)

select
    events.account_id,
    events.user_id,
    events.product,
    features.block,
    min(events.first_at) as first_at,
    max(events.last_at) as last_at,
    sum(events.count_14d) as events_14d,
    {{ number_set('case when events.days_ago is not null then features.position end') }}
        as features,
    {{ number_set('events.days_ago') }} as days
from events
left join features on events.feature = features.feature
group by
    events.account_id,
    events.user_id,
    events.product,
    features.block
