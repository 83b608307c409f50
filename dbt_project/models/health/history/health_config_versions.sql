{{ config(materialized='incremental', incremental_strategy='replace_all') }}
-- Every configuration that health was calculated with.
-- depends_on: {{ ref('account_health_history') }}
with

versions as (

    select
        config_version,
        {{ first_health_date() }} as first_used_on,
        {{ last_health_date() }} as last_used_on,
        config
    from {{ ref('config_version') }}

    {% if is_incremental() -%}
    union all

    select
        config_version,
        first_used_on,
        last_used_on,
        config
    from {{ this }}
    {%- endif %}

)

select
    config_version,
    min(first_used_on) as first_used_on,
    max(last_used_on) as last_used_on,
    min(config) as config
from versions
group by config_version
