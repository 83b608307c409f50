-- The configuration of this run: one row. `config_version` is a hash of its content, whatever the
-- order of rows; `config` holds the content as JSON. Stops the run when the configuration is wrong.
-- depends_on: {{ ref('config_errors') }}
{%- if can_be_queried(ref('config_errors')) %}
{%- do check_configuration(ref('config_errors')) %}
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

configuration as (

    select
        {{ dbt.concat([
            "'{'",
            dbt.listagg('content', "', '", 'order by file_name'),
            "'}'",
        ]) }} as config
    from files

)

select
    {{ dbt.hash('config') }} as config_version,
    config
from configuration
