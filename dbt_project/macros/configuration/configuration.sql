{#- A configuration file as text, trimmed, empty cells null, with exactly the columns that
    `_configuration__seeds.yml` names: a column that the file lacks reads as null. -#}
{% macro read_configuration(seed) %}
{%- set relation = ref(seed) -%}
{%- if execute -%}
select
    {%- for column in configuration_columns(seed) %}
    {{ trimmed(column) }} as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from ({{ text_rows(relation, configuration_columns(seed)) }}) as {{ seed }}_rows
{%- endif -%}
{% endmacro %}

{#- The same file in each of the `configurations`: the same columns, with the `configuration_key`. -#}
{% macro rows_of_configurations(seed) -%}
{{ json_rows(
    ref('configurations'), ['configuration_key'], 'config', seed, configuration_columns(seed)
) }}
{%- endmacro %}

{% macro configuration_seeds() %}
    {{ return([
        'pillars', 'segments', 'segment_rules', 'attributes', 'metrics', 'health_rules',
        'score_rules', 'pillar_weights', 'milestones', 'alert_rules', 'plans', 'sources',
        'pillar_sources',
    ]) }}
{% endmacro %}

{% macro configuration_columns(seed) %}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {{ return(graph.nodes['seed.health.' ~ seed].columns.keys() | list) }}
{% endmacro %}

{#- What `_configuration__seeds.yml` says of a file as a whole: its `key`, and its `conditions`. -#}
{% macro configuration_meta(seed) %}
    {%- if not execute -%}{{ return({'key': []}) }}{%- endif -%}
    {{ return(graph.nodes['seed.health.' ~ seed].config.meta) }}
{% endmacro %}

{#- What it says of a column, {} where it says nothing but a description. -#}
{% macro configuration_column_meta(seed, column) %}
    {%- if not execute -%}{{ return({}) }}{%- endif -%}
    {{ return(graph.nodes['seed.health.' ~ seed].columns[column].config.meta or {}) }}
{% endmacro %}

{#- What an empty cell of a column stands for. -#}
{% macro configuration_default(seed, column) %}
    {{ return(configuration_column_meta(seed, column).default) }}
{% endmacro %}

{#- The rows of a file as `read_configuration` gives them, each with the key by which messages name it
    (`row_key`). -#}
{% macro configuration_rows(seed) %}
select
    source.*,
    {{ configuration_row_key(configuration_meta(seed).key) }} as row_key
from ({{ read_configuration(seed) }}) as source
{% endmacro %}

{#- Columns that the files lack and should not: [(seed, column)]. What was added once people had files of
    their own reads as empty. -#}
{% macro missing_configuration_columns() %}
    {%- set missing = [] -%}
    {%- for seed in configuration_seeds() if can_be_queried(ref(seed)) -%}
        {%- set present = column_names(ref(seed)) -%}
        {%- for column in configuration_columns(seed)
            if column not in present
            and not configuration_column_meta(seed, column).can_be_missing -%}
            {%- do missing.append((seed, column)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(missing) }}
{% endmacro %}

{#- Names of the columns of a table, lower case. -#}
{% macro column_names(relation) %}
    {%- set columns = get_column_schema_from_query('select * from ' ~ relation) -%}
    {{ return(columns | map(attribute='name') | map('lower') | list) }}
{% endmacro %}

{#- Stops the run with one message that lists every wrong row of the configuration. -#}
{% macro check_configuration(errors) %}
    {%- set rows = run_query(
        'select file_name, row_key, problem, cure from ' ~ errors
        ~ ' order by file_name, row_key, problem'
    ).rows -%}
    {%- if rows | length > 0 -%}
        {%- set lines = [] -%}
        {%- for row in rows -%}
            {%- do lines.append('seeds/%s [%s]: %s %s' | format(row[0], row[1], row[2], row[3])) -%}
        {%- endfor -%}
        {{ exceptions.raise_compiler_error(
            'The configuration is wrong in ' ~ rows | length ~ ' place(s); nothing was calculated.'
            ~ '\n  - ' ~ lines | join('\n  - ')
        ) }}
    {%- endif -%}
{% endmacro %}

{#- A sentence as SQL text: each `{}` stands for the next of the text expressions. -#}
{% macro sentence(words, expressions) -%}
{%- set parts = [] -%}
{%- for text in words.split('{}') -%}
    {%- if text -%}{%- do parts.append("'" ~ text ~ "'") -%}{%- endif -%}
    {%- if not loop.last -%}{%- do parts.append(expressions[loop.index0]) -%}{%- endif -%}
{%- endfor -%}
{{ dbt.concat(parts) }}
{%- endmacro %}

{#- The key of a configuration row as text: its cells, separated by commas. -#}
{% macro configuration_row_key(columns) -%}
{%- set cells = [] -%}
{%- for column in columns -%}
    {%- do cells.append("coalesce(" ~ column ~ ", '')") -%}
    {%- do cells.append("','") if not loop.last -%}
{%- endfor -%}
{{ dbt.concat(cells) if cells | length > 1 else cells | first }}
{%- endmacro %}

{#- The name for people of what has an id: the one that is given, else the id with blanks for
    underscores. -#}
{% macro name_of_id(name, id) -%}
coalesce({{ name }}, replace({{ id }}, '_', ' '))
{%- endmacro %}

{#- A value of YAML as a literal: a list as its parts separated by `|`, nothing as null. -#}
{% macro literal(value) -%}
{%- if value is none or value is undefined -%} null
{%- elif value is boolean or value is number -%} {{ value | lower }}
{%- elif value is string -%} {{ quoted(value) }}
{%- else -%} {{ quoted(value | join('|')) }}
{%- endif -%}
{%- endmacro %}
