-- What is measured without being a metric of the configuration, and so belongs to no pillar: one
-- row per health date, account and metric that has a value.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
{{ metric_values('pillar_id is null', step) }}
{{ step.closing }}
{%- endfor %}
