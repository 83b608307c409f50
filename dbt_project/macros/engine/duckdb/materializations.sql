{#- How tables and views are written to DuckDB.

    dbt's own materializations build beside the table, rename twice, drop, and ask for the columns
    again and again, which costs many times what the statement takes. DuckDB replaces a table or view
    in one statement within a transaction. These take the place of dbt's by their names; what a model
    says of itself (config, contract, hooks) means the same. What no model here uses is not supported:
    indexes, grants, Python models, SQL headers. -#}

{% materialization view, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- call written_by_model(target_relation) -%}
        {%- if config.get('contract').enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif %}
        {{ drop_of_other_type(target_relation) }}
        create or replace view {{ target_relation }} as (
            {{ sql }}
        );
    {%- endcall -%}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- call written_by_model(target_relation) -%}
        {{ new_table(target_relation, statements_in_steps(sql)) }}
    {%- endcall -%}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- The strategies are in `macros/engine/strategies.sql`. Only a model that reads the table it writes
    needs a copy of the new rows first. -#}
{% materialization incremental, adapter='duckdb' %}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set steps = statements_in_steps(sql) -%}
    {%- if existing_relation is none or existing_relation.is_view or should_full_refresh() -%}
        {%- call written_by_model(target_relation) -%}
            {{ new_table(target_relation, steps) }}
        {%- endcall -%}
    {%- else -%}
        {%- set dest_columns = columns_of_model(steps[0]) -%}
        {%- set new_columns = statements_for_new_columns(target_relation, dest_columns, model) -%}
        {%- set reads_itself = target_relation | string in sql -%}
        {%- set copied = make_temp_relation(target_relation).include(database=false, schema=false) -%}
        {%- set strategy = adapter.get_incremental_strategy_macro(
            context, config.require('incremental_strategy')
        ) -%}
        {%- call written_by_model(target_relation) -%}
            {{ duckdb__run_statements(new_columns) }}
            {%- if reads_itself %}
            create or replace temporary table {{ copied }} as (
                {{ steps[0] }}
            );
            {{ further_steps(copied, steps) }}
            {%- endif %}
            {{ strategy({
                'target_relation': target_relation,
                'temp_relation': copied if reads_itself else '(\n' ~ steps[0] ~ '\n) as new_rows',
                'dest_columns': dest_columns,
            }) }}
            {{ further_steps(target_relation, steps) if not reads_itself }}
        {%- endcall -%}
    {%- endif -%}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro duckdb__replace_rows(arguments, condition) %}
    {%- set columns = get_quoted_csv(arguments.dest_columns | map(attribute='name')) -%}
    delete from {{ arguments.target_relation }} where {{ condition }};
    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arguments.temp_relation }};
{% endmacro %}

{#- A condition may ask the warehouse. -#}
{% macro duckdb__known_now(expression, type) %}{{ return(expression) }}{% endmacro %}

{% macro further_steps(relation, steps) %}
    {%- for step in steps[1:] %}
    insert into {{ relation }} by name
    {{ step }};
    {%- endfor %}
{% endmacro %}

{#- Runs the model's statements, its comments and its hooks in one transaction. -#}
{% macro written_by_model(relation) %}
    {%- set statements = caller() -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') %}
        {{ statements }}
        {{ comments_on(relation) }}
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{% endmacro %}

{#- The table as the model's steps make it (`macros/dates/steps.sql`). -#}
{% macro new_table(relation, steps) %}
    {{ drop_of_other_type(relation) }}
    {%- set columns = stored_columns(steps[0]) -%}
    {%- if columns %}
    create or replace table {{ relation }} ({{ columns | join(', ') }});
    insert into {{ relation }} by name
    {{ steps[0] }};
    {%- else %}
    create or replace table {{ relation }} as (
        {{ steps[0] }}
    );
    {%- endif %}
    {{ further_steps(relation, steps) }}
{% endmacro %}

{#- The columns and constraints of a model with a contract, as dbt renders them; the columns of the query where
    `meta.uncompressed` says how some are stored; none otherwise: they come with the rows.

    Columns that are named so are stored as they are: of ids that hardly repeat nearby the dictionaries take longer than
    the rows, every night that writes all rows anew. -#}
{% macro stored_columns(sql) %}
    {%- set uncompressed = config.get('meta', {}).get('uncompressed', []) -%}
    {%- set has_contract = config.get('contract').enforced -%}
    {%- set columns = {} -%}
    {%- if has_contract -%}
        {%- do get_assert_columns_equivalent(sql) -%}
        {%- for column in adapter.render_raw_columns_constraints(raw_columns=model.columns) -%}
            {%- do columns.update({(model.columns | list)[loop.index0]: column}) -%}
        {%- endfor -%}
    {%- elif uncompressed -%}
        {%- for column in get_column_schema_from_query(sql) -%}
            {%- do columns.update({column.name: column.quoted ~ ' ' ~ column.data_type}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set lines = [] -%}
    {%- for name, column in columns.items() -%}
        {%- do lines.append(column ~ (' using compression uncompressed' if name in uncompressed else '')) -%}
    {%- endfor -%}
    {%- if has_contract -%}
        {%- do lines.extend(adapter.render_raw_model_constraints(raw_constraints=model.constraints)) -%}
    {%- endif -%}
    {{ return(lines) }}
{%- endmacro %}

{#- `create or replace` replaces only its like. -#}
{% macro drop_of_other_type(relation) %}
    {%- set existing_relation = load_cached_relation(relation) -%}
    {%- if existing_relation and existing_relation.type != relation.type %}
    drop {{ existing_relation.type }} {{ relation }};
    {%- endif %}
{% endmacro %}

{#- The columns of a model; those of its contract, if it has one, which is checked. -#}
{% macro columns_of_model(sql) %}
    {%- if config.get('contract').enforced -%}
        {%- do get_assert_columns_equivalent(sql) -%}
        {{ return(get_column_schema_from_query(get_empty_schema_sql(model.columns))) }}
    {%- endif -%}
    {{ return(get_column_schema_from_query(sql)) }}
{% endmacro %}

{#- Descriptions as comments, where `persist_docs` asks for them. -#}
{% macro comments_on(relation) %}
    {%- if config.persist_relation_docs() and model.description %}
    comment on {{ relation.type }} {{ relation }} is {{ duckdb_escape_comment(model.description) }};
    {%- endif %}
    {%- if config.persist_column_docs() %}
    {%- for column in model.columns.values() if column.description %}
    comment on column {{ relation }}.{{ column.name }}
    is {{ duckdb_escape_comment(column.description) }};
    {%- endfor %}
    {%- endif %}
{% endmacro %}
