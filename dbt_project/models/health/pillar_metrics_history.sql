{{
    config(
        materialized='incremental',
        incremental_strategy='replace_health_dates',
        meta={'in_steps': 'steps_of_health_dates'},
    )
}}
-- Metrics of accounts that have a value on a health date.
{{ metric_values('pillar_id is not null') }}
