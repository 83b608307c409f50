{#- What DuckDB says of the tables that are there, and how they are changed in place. -#}

{#- DuckDB names the catalog after the file. Were it the name of a schema of ours, nobody could ask
    for `health.account_health` any more: the name would be ambiguous. -#}
{% macro duckdb__check_database_name() %}
    {%- set schemas = [
        'configuration', 'staging', 'intermediate', 'pillars', 'signals', 'health', 'operations',
    ] -%}
    {%- if execute and target.database | lower in schemas -%}
        {{ exceptions.raise_compiler_error(
            "The warehouse file cannot be called " ~ target.database ~ ", because that is a schema "
            ~ "in it and its tables could not be named. Set HEALTH_DB_PATH to another name, say "
            ~ "warehouse.duckdb."
        ) }}
    {%- endif -%}
{% endmacro %}

{% macro duckdb__create_operations_tables() -%}
create schema if not exists operations;
create table if not exists operations.alert_deliveries (
    health_date date not null,
    alert_id varchar not null,
    account_id varchar not null,
    pillar_id varchar not null,
    status varchar not null,
    sent_at timestamp
);
{%- endmacro %}

{#- The statements of a hook, which dbt runs. -#}
{% macro duckdb__run_statements(statements) %}
    {%- set lines = [] -%}
    {%- for statement in statements -%}{%- do lines.append(statement ~ ';') -%}{%- endfor -%}
    {{ return(lines | join('\n')) }}
{% endmacro %}

{% macro duckdb__columns_of_tables(relations) %}
    {%- set tables = {} -%}
    {%- for row in run_query(
        "select table_schema || '.' || table_name, column_name, is_nullable "
        ~ "from information_schema.columns where table_catalog = '" ~ target.database ~ "'"
    ).rows -%}
        {%- do tables.setdefault(row[0], {}).update({(row[1] | lower): row[2] == 'YES'}) -%}
    {%- endfor -%}
    {{ return(tables) }}
{% endmacro %}

{% macro duckdb__added_column(name, type) %}{{ return('add column ' ~ name ~ ' ' ~ type) }}{% endmacro %}

{% macro duckdb__where_statements_are_run() %}
    {{ return('in any DuckDB client on ' ~ target.path) }}
{% endmacro %}

{% macro duckdb__schemas_with(table) %}
    {{ return(run_query(
        "select table_schema from information_schema.tables where table_name = " ~ quoted(table)
        ~ " and table_catalog = '" ~ target.database ~ "' order by table_schema"
    ).columns[0].values()) }}
{% endmacro %}
