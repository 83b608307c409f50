{{
    config(
        materialized='incremental',
        incremental_strategy='compact_events',
    )
}}
-- What is left to know of events long past about users: one row per account and user, and one for
-- an account's events without a user, over all days before `settled_on`. Together with the daily
-- roll-up from `settled_on` on it answers, for any health date of the run, what depends on a user's
-- first or last day, without reading the whole history.
-- depends_on: {{ ref('config_measurements') }}
-- depends_on: {{ ref('event_read_range') }}
-- depends_on: {{ ref('int_events_daily') }}
-- depends_on: {{ ref('int_health_dates') }}
{{
    compacted_events(
        ['user_id'], compaction(this if is_incremental() else none) if execute else {}
    )
}}
