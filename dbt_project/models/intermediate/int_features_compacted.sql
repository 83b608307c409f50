{{
    config(
        materialized='incremental',
        incremental_strategy='compact_events',
    )
}}
-- The same as `int_users_compacted` about features, modules and products: one row per account,
-- feature, module and product.
-- depends_on: {{ ref('config_measurements') }}
-- depends_on: {{ ref('event_read_range') }}
-- depends_on: {{ ref('int_events_daily') }}
-- depends_on: {{ ref('int_health_dates') }}
{{
    compacted_events(
        ['feature', 'module', 'product'],
        compaction(this if is_incremental() else none) if execute else {},
    )
}}
