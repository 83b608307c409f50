-- How conditions can compare (`operators` in dbt_project.yml): one row per operator and type of
-- value that it goes with.
select operators.*
from (
    values
    {%- for operator, rules in var('operators').items() %}
    {%- set operator_loop = loop %}
    {%- for value_type in rules.value_types %}
    ({{ operator_loop.index }}, {{ quoted(operator) }}, {{ quoted(value_type) }})
    {{- ',' if not (loop.last and operator_loop.last) }}
    {%- endfor %}
    {%- endfor %}
) as operators (position, operator, value_type)
