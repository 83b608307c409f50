{{
    config(
        materialized='incremental',
        incremental_strategy='replace_event_days',
        on_schema_change='fail',
    )
}}
-- How many events each day has, one row per event day (null: no readable time).
-- depends_on: {{ ref('event_read_range') }}
{{ source_days(ref('base_events')) }}
