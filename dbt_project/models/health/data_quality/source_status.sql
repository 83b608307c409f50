{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- What the data of each raw table is worth on a health date (docs/health.md, "Sources").
select
    health_date,
    table_name,
    status,
    rows_before_date,
    latest_at,
    rejected_ratio
from {{ ref('int_evaluated_sources') }}
where configuration_key = 'current'
