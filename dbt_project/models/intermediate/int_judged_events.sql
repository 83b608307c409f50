{{
    config(
        materialized='incremental',
        incremental_strategy='replace_event_days',
        meta={'in_steps': 'steps_of_events'},
    )
}}
-- Raw events judged, in one pass: those that count are rolled up to days, one row per event day,
-- account, user, feature, module and product (`record` is null); those that were rejected or have
-- a value that was ignored have a row of their own, with the record. An accepted one with such a
-- value is in both, and `rows_read` counts it once.
--
-- Built from the days that the run read; earlier days stay as they are. In the order of days, so
-- that a scan of some days passes the others over.
-- depends_on: {{ source('raw', 'events') }}
-- depends_on: {{ ref('event_read_range') }}
-- depends_on: {{ ref('stg_accounts') }}
{{ judged_events(event_days_read()) }}
