{#- Schemas carry the plain names of the layers (`health`, `staging` ...), not `<target>_<name>`:
    the published schema is called `health` wherever the project runs. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
