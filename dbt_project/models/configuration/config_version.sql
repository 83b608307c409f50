-- The configuration that this run publishes with: one row. Stops the run when it is wrong.
-- depends_on: {{ ref('config_errors') }}
{%- if can_be_queried(ref('config_errors')) %}
{%- do check_configuration(ref('config_errors')) %}
{%- endif %}

select
    configuration_key,
    config_version,
    config
from {{ ref('configurations') }}
where configuration_key = 'current'
