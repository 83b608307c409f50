-- Everything that is wrong with the configuration: one row per wrong row and problem
-- (docs/configuration.md, "Wrong configuration"). `config_version` stops the run when there is any.
{%- set themes = ['cells', 'segments', 'metrics', 'conditions', 'names', 'raw_values'] %}
{% for theme in themes %}
select
    file_name,
    row_key,
    problem,
    cure
from {{ ref('errors_in_' ~ theme) }}
{{ 'union' if not loop.last }}
{% endfor %}
