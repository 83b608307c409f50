{#- Whether the threshold of an operator is a list of values (`operators` in dbt_project.yml). -#}
{% macro takes_list(operator) -%}
{%- set operators = [] -%}
{%- for name, rules in var('operators').items() if rules.takes_list -%}
    {%- do operators.append(quoted(name)) -%}
{%- endfor -%}
({{ operator }} in ({{ operators | join(', ') }}))
{%- endmacro %}

{#- The operator that holds where the given one does not (`operators` in dbt_project.yml). -#}
{% macro opposite_of(operator) -%}
case {{ operator }}
{%- for name, rules in var('operators').items() %} when {{ quoted(name) }} then {{ quoted(rules.opposite) }}{% endfor %} end
{%- endmacro %}
