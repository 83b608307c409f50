{#- dbt's own macro, with one addition: `__this_run__` in a test's `where` stands for the health
    dates of this run. A history is tested as it is written, not over and over again. -#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if not where -%}{{ return(relation) }}{%- endif -%}
    {%- set dates = 'health_date between ' ~ first_health_date() ~ ' and ' ~ last_health_date() -%}
    {%- set condition = where | replace('__this_run__', dates) -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ condition ~ ') dbt_subquery') }}
{%- endmacro %}
