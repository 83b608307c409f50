-- What `_configuration__seeds.yml` says of the columns of the configuration, one row per column.
-- `also` and `words` are lists, separated by `|`.
{%- set rules = [
    'required', 'kind', 'names', 'also', 'words',
    'minimum', 'maximum', 'above', 'is_whole', 'must_be',
] %}
select columns.*
from (
    values
    {%- for seed in configuration_seeds() %}
    {%- set seed_loop = loop %}
    {%- for column in configuration_columns(seed) %}
    {%- set meta = configuration_column_meta(seed, column) %}
    (
        '{{ seed }}', '{{ column }}', {{ loop.index }}
        {%- for rule in rules %}, {{ literal(meta[rule]) | trim }}{% endfor %}  -- noqa: LT05
    ){{ ',' if not (loop.last and seed_loop.last) }}
    {%- endfor %}
    {%- endfor %}
) as columns (
    seed, column_name, position, {{ rules | join(', ') }}
)
