{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- Metrics of accounts that have a value on a health date.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
select
    health_date,
    account_id,
    pillar_id,
    metric_id,
    value
from {{ ref('account_metrics') }}
where
    health_date between {{ step.first }} and {{ step.last }}
    and pillar_id is not null
{{ step.closing }}
{%- endfor %}
