{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- Metrics of accounts that have a value on a health date.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
{{ metric_values('pillar_id is not null', step) }}
{{ step.closing }}
{%- endfor %}
