{{ config(meta={'in_steps': 'steps_of_health_dates'}) }}
-- What is measured without being a metric of the configuration, and so belongs to no pillar: one
-- row per health date, account and metric that has a value.
{{ metric_values('pillar_id is null') }}
