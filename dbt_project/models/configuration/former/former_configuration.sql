{{ config(materialized='table') }}
-- The configuration that the last health date before this run was calculated with: one row, or none
-- where there is no such date. `is_different`: this run has another one.
--
-- The history is read without a `ref`, because it is calculated from what is measured for this
-- configuration: what is read here is the history as the runs before left it.
{%- if execute %}
{%- set history = adapter.get_relation(target.database, 'health', 'account_health_history') %}
{%- set versions = adapter.get_relation(target.database, 'health', 'health_config_versions') %}
{%- endif %}
with

present as (

    select config_version from {{ ref('config_version') }}

),

former as (

    {% if history and versions -%}
    select
        history.health_date,
        versions.config_version,
        versions.config
    from (
        select
            health_date,
            min(config_version) as config_version
        from {{ history }}
        where
            health_date = (
                select max(dates.health_date)
                from {{ history }} as dates
                where dates.health_date < {{ first_health_date() }}
            )
        group by health_date
    ) as history
    inner join {{ versions }} as versions on history.config_version = versions.config_version
    {%- else -%}
    select
        cast(null as date) as health_date,
        config_version,
        cast(null as {{ dbt.type_string() }}) as config
    from present
    where false
    {%- endif %}

)

select
    former.health_date,
    former.config_version,
    former.config,
    former.config_version <> present.config_version as is_different
from former
cross join present
