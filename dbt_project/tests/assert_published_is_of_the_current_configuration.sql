{{ config(meta={'dagster': {'ref': {'name': 'account_health_history'}}}) }}
-- What is published says what the run's own configuration says: on its first date, on which the previous
-- one is evaluated as well, each table has as many rows as the current one gave.
with

{% for published, evaluated in [
    ('source_status', 'int_evaluated_sources'),
    ('segment_membership', 'int_evaluated_segments'),
    ('pillar_health_history', 'int_evaluated_pillars'),
    ('account_health_history', 'int_evaluated_overalls'),
] -%}
{{ published }}_counts as (

    select
        '{{ published }}' as table_name,
        (
            select count(*)
            from {{ ref(published) }}
            where health_date = {{ first_health_date() }}
        ) as published,
        (
            select count(*)
            from {{ ref(evaluated) }}
            where health_date = {{ first_health_date() }} and configuration_key = 'current'
        ) as evaluated

){{ ',' if not loop.last }}

{% endfor -%}
{% for published in [
    'source_status', 'segment_membership', 'pillar_health_history', 'account_health_history',
] -%}
select *
from {{ published }}_counts
where published <> evaluated
{{ 'union all' if not loop.last }}
{% endfor %}
