{#- What Spark says of the tables that are there, and how they are changed in place. -#}

{% macro spark__check_database_name() %}{% endmacro %}

{% macro spark__create_operations_tables() %}
    {{ return(run_statements([
        'create schema if not exists operations',
        'create table if not exists operations.alert_deliveries ('
        ~ 'health_date date not null, alert_id string not null, account_id string not null, '
        ~ 'pillar_id string not null, status string not null, sent_at timestamp) '
        ~ 'using iceberg partitioned by (health_date)',
    ])) }}
{% endmacro %}

{#- Run here, because Spark takes one statement at a time. -#}
{% macro spark__run_statements(statements) %}
    {%- for sql in statements -%}
        {%- call statement('hook') -%}{{ sql }}{%- endcall -%}
    {%- endfor -%}
    {{ return('') }}
{% endmacro %}

{#- Spark does not say which columns may be null: all are taken to. -#}
{% macro spark__columns_of_tables(relations) %}
    {%- set tables = {} -%}
    {%- for relation in relations if adapter.get_relation(none, relation.schema, relation.identifier) -%}
        {%- set columns = {} -%}
        {%- for name in column_names(relation) -%}{%- do columns.update({name: true}) -%}{%- endfor -%}
        {%- do tables.update({relation.schema ~ '.' ~ relation.identifier: columns}) -%}
    {%- endfor -%}
    {{ return(tables) }}
{% endmacro %}

{% macro spark__added_column(name, type) %}
    {{ return('add columns (' ~ name ~ ' ' ~ type ~ ')') }}
{% endmacro %}

{% macro spark__where_statements_are_run() %}
    {{ return('in Spark SQL on ' ~ target.host) }}
{% endmacro %}

{% macro spark__schemas_with(table) %}
    {%- set found = [] -%}
    {%- for schema in ['checks', 'health', 'main', 'operations'] if adapter.get_relation(none, schema, table) -%}
        {%- do found.append(schema) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}
