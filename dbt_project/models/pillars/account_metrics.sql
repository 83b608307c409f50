{{ config(materialized='view') }}
-- Every metric of every account in scope on the dates of this run: one row per health date, account
-- and metric that has a value.
select
    health_date,
    account_id,
    metric_id,
    value
from {{ ref('pillar_metrics_history') }}
where health_date between {{ first_health_date() }} and {{ last_health_date() }}

union all

select
    health_date,
    account_id,
    metric_id,
    value
from {{ ref('unpublished_metrics') }}
