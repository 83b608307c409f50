{{
    config(
        materialized='incremental',
        incremental_strategy='compact_events',
    )
}}
-- The same as `int_users_compacted` about the users of a feature, module or product: one row per
-- account, user, feature, module and product. Hardly smaller than the daily roll-up, and so empty
-- unless a metric counts, over the lifetime, the users of some features, modules or products.
-- depends_on: {{ ref('config_measurements') }}
-- depends_on: {{ ref('event_read_range') }}
-- depends_on: {{ ref('int_events_daily') }}
-- depends_on: {{ ref('int_health_dates') }}
{{
    compacted_events(
        ['user_id', 'feature', 'module', 'product'],
        compaction(this if is_incremental() else none) if execute else {},
    )
}}
