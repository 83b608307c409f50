{#- Schemas carry the plain names of the layers (`health`, `staging` ...), not `<target>_<name>`:
    the published schema is called `health` wherever the project runs. What is only tried has the var
    `schema_prefix` before all of them (`orchestration/insight/scratch.py`). -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ var('schema_prefix') ~ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
