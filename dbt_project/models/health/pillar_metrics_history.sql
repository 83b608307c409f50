{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- Metrics of accounts that have a value on a health date. What is measured without being a metric
-- of the configuration belongs to no pillar.
select
    health_date,
    account_id,
    pillar_id,
    metric_id,
    value
from {{ ref('account_metrics') }}
where
    value is not null
    and pillar_id is not null
