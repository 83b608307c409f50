{{ config(meta={'dagster': {'ref': {'name': 'account_health_history'}}}) }}
-- What is published is what the current configuration says: on the first date of the run, on which
-- the previous one is evaluated as well, each table has as many rows as the current one gave.
-- Nothing is said of a date that the tables of the last run do not hold.
{%- set tables = [
    ('source_status', 'int_evaluated_sources'),
    ('segment_membership', 'int_evaluated_segments'),
    ('pillar_health_history', 'int_evaluated_pillars'),
    ('account_health_history', 'int_evaluated_overalls'),
] %}
with

counts as (

    {% for published, evaluated in tables -%}
    select
        '{{ published }}' as table_name,
        (
            select count(*)
            from {{ ref(published) }}
            where health_date = {{ first_health_date() }}
        ) as published_rows,
        (
            select count(*)
            from {{ ref(evaluated) }}
            where health_date = {{ first_health_date() }} and configuration_key = 'current'
        ) as evaluated_rows
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select *
from counts
where published_rows <> evaluated_rows and evaluated_rows > 0
