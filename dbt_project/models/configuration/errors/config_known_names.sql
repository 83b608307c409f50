-- What a cell of the configuration can name, one row per kind of thing (`names` of a column in
-- `_configuration__seeds.yml`) and name.
{% for seed in configuration_seeds() %}
{%- set rows_of_file = read_configuration(seed) %}
{%- for column in configuration_columns(seed) %}
{%- set what = configuration_column_meta(seed, column).defines %}
{%- if what %}
select
    '{{ what }}' as what,
    {{ column }} as known_name
from ({{ rows_of_file }}) as rows_of_file
where {{ column }} is not null

union

{% endif %}
{%- endfor %}
{%- endfor %}
select
    'measure' as what,
    measure as known_name
from {{ ref('measures') }}

union

select
    'raw table' as what,
    table_name as known_name
from ({{ raw_table_list() }}) as raw_tables

union

select
    'signal' as what,
    signal_id as known_name
from {{ ref('config_signals') }}
where signal_id is not null
