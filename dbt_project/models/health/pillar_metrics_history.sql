{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- Metrics of accounts that have a value on a health date.
select
    health_date,
    account_id,
    pillar_id,
    metric_id,
    value
from {{ ref('account_metrics') }}
where
    value is not null
    and metric_id <> '{{ account_mrr_metric() }}'
