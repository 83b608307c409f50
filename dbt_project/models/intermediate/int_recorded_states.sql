{{ config(materialized='ephemeral') }}
-- The calculated states that the history had before this run, those of the run's dates left out:
-- one row per health date, account and pillar or `overall`. Read as `int_recorded_dates` is.
{%- if execute %}
{%- set accounts = adapter.get_relation(target.database, 'health', 'account_health_history') %}
{%- set pillars = adapter.get_relation(target.database, 'health', 'pillar_health_history') %}
{%- endif %}
{%- if accounts and pillars %}
select
    health_date,
    account_id,
    'overall' as pillar_id,
    calculated_overall_state as calculated_state
from {{ accounts }}
where not health_date between {{ first_health_date() }} and {{ last_health_date() }}

union all

select
    health_date,
    account_id,
    pillar_id,
    calculated_state
from {{ pillars }}
where not health_date between {{ first_health_date() }} and {{ last_health_date() }}
{%- else %}
select
    cast(null as date) as health_date,
    cast(null as {{ dbt.type_string() }}) as account_id,
    cast(null as {{ dbt.type_string() }}) as pillar_id,
    cast(null as {{ dbt.type_string() }}) as calculated_state
where false
{%- endif %}
