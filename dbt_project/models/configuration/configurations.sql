-- The configurations that health can be evaluated with, one row per configuration key: `current`,
-- that of the files, and `previous`, that of the last health date before the run, if there is one.
-- All dates of a run have the current one; what the previous one would say is asked where it is
-- another.
--
-- `config_version` is a hash of its content, whatever the order of rows; `config` holds the content
-- as JSON. `health_date` is the date that the previous one was published for.
--
-- The history is read without a `ref`, because it is calculated from what is evaluated here: what
-- is read is the history as the runs before left it.
{%- if execute %}
{%- set history = adapter.get_relation(target.database, 'health', 'account_health_history') %}
{%- set versions = adapter.get_relation(target.database, 'health', 'health_config_versions') %}
{%- endif %}
with

{% for seed in configuration_seeds() %}
{{ seed }} as (

    {{ read_configuration(seed) }}

),
{% endfor %}
contents as (

    {% for seed in configuration_seeds() %}
    select
        '{{ seed }}' as file_name,
        {{ json_record(configuration_columns(seed)) if execute else 'null' }} as content
    from {{ seed }}
    union all
    {% endfor %}
    select
        'raw_values' as file_name,
        {{ json_record(raw_value_columns()) }} as content
    from ({{ raw_values() if execute else 'select 1' }}) as raw_values

),

files as (

    select
        file_name,
        {{ sentence(
            '"{}": [{}]', ['file_name', dbt.listagg('content', "', '", 'order by content')]
        ) }} as content
    from contents
    group by file_name

),

current_configuration as (

    select
        {{ dbt.concat([
            "'{'",
            dbt.listagg('content', "', '", 'order by file_name'),
            "'}'",
        ]) }} as config
    from files

),

previous_configuration as (

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
        cast(null as {{ dbt.type_string() }}) as config_version,
        config
    from current_configuration
    where false
    {%- endif %}

)

select
    'current' as configuration_key,
    cast(null as date) as health_date,
    {{ dbt.hash('config') }} as config_version,
    config
from current_configuration

union all

select
    'previous' as configuration_key,
    health_date,
    config_version,
    config
from previous_configuration
