{#- How tables and views are written to Spark, as Iceberg tables.

    Spark has no transactions: a statement is a commit. So each model that is there already is written in one
    statement, which a run that is stopped has made or has not. A table of dates is partitioned by them,
    and the rows of a run replace whole partitions. dbt's own incremental materialization deletes and
    inserts, and replaces no partition that has no new rows. -#}

{% materialization view, adapter='spark' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks) }}
    {%- set existing_relation = load_cached_relation(this) -%}
    {#- `create or replace view` says nothing and replaces nothing in Iceberg's session catalogue. -#}
    {%- if existing_relation -%}
        {%- call statement('drop') -%}drop {{ existing_relation.type }} if exists {{ this }}{%- endcall -%}
    {%- endif -%}
    {%- call statement('main') -%}{{ get_create_view_as_sql(target_relation, sql) }}{%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization table, adapter='spark' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if config.get('contract').enforced
        and existing_relation and existing_relation.is_table
        and column_names(this) == model.columns.keys() | map('lower') | list
    -%}
        {%- call statement('main') -%}
            {{ spark_overwrite(target_relation, 'true', rows_of_model(model.columns.keys())) }}
        {%- endcall -%}
    {%- else -%}
        {{ spark_new_table(target_relation) }}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- The strategies are in `macros/engine/strategies.sql`. -#}
{% materialization incremental, adapter='spark' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing_relation is none or existing_relation.is_view or should_full_refresh() -%}
        {{ spark_new_table(target_relation) }}
    {%- else -%}
        {#- In the order of the table, because Spark inserts by position; what is added later stands last. -#}
        {%- set columns = get_column_schema_from_query('select * from ' ~ target_relation) -%}
        {{ check_columns_of_model(columns | map(attribute='name') | map('lower') | list) }}
        {%- set strategy = adapter.get_incremental_strategy_macro(
            context, config.require('incremental_strategy')
        ) -%}
        {%- call statement('main') -%}
            {{ strategy({
                'target_relation': target_relation,
                'temp_relation': '(\n' ~ rows_of_model(columns | map(attribute='name')) ~ '\n) as new_rows',
                'dest_columns': columns,
            }) }}
        {%- endcall -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- The first rows of a table. With a contract the table is made first, with its types, what must not be null,
    and its descriptions. -#}
{% macro spark_new_table(relation) %}
    {%- set existing_relation = load_cached_relation(relation) -%}
    {%- if existing_relation and existing_relation.is_view -%}
        {%- call statement('drop') -%}drop view {{ relation }}{%- endcall -%}
    {%- endif -%}
    {%- set partition_column = spark_partition_column() -%}
    {%- set partitioned -%}
    using iceberg {{ 'partitioned by (' ~ partition_column ~ ')' if partition_column }}
    {%- endset -%}
    {%- if config.get('contract').enforced -%}
        {%- call statement('create') -%}
            create or replace table {{ relation }} (
                {%- for column in model.columns.values() %}
                {{ column.name }} {{ spark_type(column.data_type) }}
                {{- ' not null' if is_not_null(column) }}
                {#- Hive's metastore takes no more of a column. #}
                comment {{ quoted(column.description | truncate(256, leeway=0)) }}
                {{- ',' if not loop.last }}
                {%- endfor %}
            ) {{ partitioned }} comment {{ quoted(model.description) }}
        {%- endcall -%}
        {%- if 'account_id' in model.columns -%}
            {#- Within each file; maintenance (`rewrite_data_files` by sorting) makes it so of whole partitions. -#}
            {%- call statement('order') -%}
                alter table {{ relation }}
                write {{ 'distributed by partition' if partition_column }} locally ordered by account_id
            {%- endcall -%}
        {%- endif -%}
        {%- call statement('main') -%}
            {{ spark_overwrite(relation, 'true', rows_of_model(model.columns.keys())) }}
        {%- endcall -%}
    {%- else -%}
        {%- call statement('main') -%}
            create or replace table {{ relation }} {{ partitioned }} as
            {{ sql }}
        {%- endcall -%}
    {%- endif -%}
{% endmacro %}

{#- The rows of the model, with these columns; those of a contract have its types. -#}
{% macro rows_of_model(names) -%}
select
    {%- for name in names %}
    {% if config.get('contract').enforced -%}
    cast({{ name }} as {{ spark_type(model.columns[name].data_type) }}) as {{ name }}
    {%- else -%}
    {{ name }}
    {%- endif %}{{ ',' if not loop.last }}
    {%- endfor %}
from (
    {{ sql }}
) as rows_of_model
{%- endmacro %}

{#- Other columns than those of the table would be left out in silence. -#}
{% macro check_columns_of_model(present) %}
    {%- set wanted = (
        model.columns.keys() if config.get('contract').enforced else column_names('(' ~ sql ~ ')')
    ) | map('lower') | list -%}
    {%- if present | sort != wanted | sort -%}
        {{ exceptions.raise_compiler_error(
            'Table ' ~ this ~ ' has the columns ' ~ present | sort | join(', ') ~ ', and its model '
            ~ wanted | sort | join(', ') ~ '. ' ~ way_on(model, [])
        ) }}
    {%- endif -%}
{% endmacro %}

{#- By what the table of an incremental model is partitioned: what its strategy speaks of alone, if anything. -#}
{% macro spark_partition_column() %}
    {{ return({
        'replace_health_dates': 'health_date',
        'replace_health_dates_and_next': 'health_date',
        'replace_event_days': 'event_day',
    }.get(config.get('incremental_strategy'))) }}
{% endmacro %}

{#- One commit: the rows take the place of those of which the condition holds. These must fill whole
    partitions. -#}
{% macro spark_overwrite(relation, condition, rows) -%}
insert into {{ relation }} replace where {{ condition }}
{{ rows }}
{%- endmacro %}

{#- Where the table is not partitioned by what the condition speaks of, all of it is written again. -#}
{% macro spark__replace_rows(arguments, condition) -%}
{%- set columns = arguments.dest_columns | map(attribute='name') | join(', ') -%}
{%- set new_rows = 'select ' ~ columns ~ ' from ' ~ arguments.temp_relation -%}
{%- if condition == 'false' -%}
select 1
{%- elif condition == 'true' or spark_partition_column() -%}
{{ spark_overwrite(arguments.target_relation, condition, new_rows) }}
{%- else -%}
{%- set kept_rows -%}
select {{ columns }} from {{ arguments.target_relation }} where not coalesce({{ condition }}, false)
{%- endset -%}
{{ spark_overwrite(arguments.target_relation, 'true', kept_rows ~ '\nunion all\n' ~ new_rows) }}
{%- endif -%}
{%- endmacro %}

{#- Asked now: what replaces rows may not ask. -#}
{% macro spark__known_now(expression, type) %}
    {%- set value = run_query('select cast(' ~ expression ~ ' as string)').columns[0].values()[0] -%}
    {{ return(value if type == 'boolean' else 'cast(' ~ quoted(value) ~ ' as ' ~ type ~ ')') }}
{% endmacro %}
