{{ config(materialized='view') }}
-- Every metric of every account in scope on the dates of this run: one row per health date, account
-- and metric that has a value. What has no pillar is not published.
select
    health_date,
    account_id,
    pillar_id,
    metric_id,
    value
from {{ ref('metric_values') }}

union all

select
    health_date,
    account_id,
    pillar_id,
    metric_id,
    value
from {{ ref('derived_metrics') }}
