{#- Whether the threshold of an operator is a list of values (`operators` in dbt_project.yml). -#}
{% macro takes_list(operator) -%}
{%- set operators = [] -%}
{%- for name, rules in var('operators').items() if rules.takes_list -%}
    {%- do operators.append(quoted(name)) -%}
{%- endfor -%}
({{ operator }} in ({{ operators | join(', ') }}))
{%- endmacro %}
