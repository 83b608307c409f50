-- The health dates of this run, one row each.
-- depends_on: {{ ref('config_version') }}
{{ dates_between(first_health_date(), last_health_date()) }}
