{#- What dbt's commands do on a warehouse that does not hold everything yet. `build` builds each table
    before it is read. `compile` and `docs generate` build nothing: what the SQL of a model depends on
    is taken for empty where it is not there. The others need tables, and say so in one line. -#}

{#- Whether a relation can be asked for its rows while models are compiled. A command that builds has
    built it, and is not let off a question because a look for the relation failed. -#}
{% macro can_be_queried(relation) %}
    {{ return(execute and (flags.WHICH in ['build', 'run'] or load_relation(relation) is not none)) }}
{% endmacro %}

{#- Stops a command that reads tables which are not there and which it does not build. -#}
{% macro check_tables_read() %}
    {%- if execute -%}
        {%- do require_tables(tables_read_by(selected_resources) | reject('in', selected_resources)) -%}
    {%- endif -%}
{% endmacro %}

{#- dbt's own, for `dbt show`, which runs no hooks. -#}
{% macro get_show_sql(compiled_code, sql_header, limit) -%}
    {%- do require_tables(tables_read(model.depends_on.nodes)) -%}
    {{ dbt.get_show_sql(compiled_code, sql_header, limit) }}
{%- endmacro %}

{#- The ids of all seeds and models that are there as tables or views and read by nodes, tests
    included. -#}
{% macro tables_read_by(node_ids) %}
    {%- set parents = [] -%}
    {%- for node_id in node_ids -%}
        {#- A unit test is no node of the graph; it reads what the model in its name reads. -#}
        {%- set parts = node_id.split('.') -%}
        {%- set model_id = 'model.' ~ parts[1] ~ '.' ~ parts[2] -%}
        {%- set node = graph.nodes.get(model_id if parts[0] == 'unit_test' else node_id) -%}
        {%- do parents.extend(node.depends_on.nodes if node else []) -%}
    {%- endfor -%}
    {{ return(tables_read(parents)) }}
{% endmacro %}

{#- The same of nodes that are read themselves: an ephemeral model stands for what it reads. -#}
{% macro tables_read(node_ids) %}
    {%- set found = [] -%}
    {%- for node_id in node_ids | unique if node_id in graph.nodes -%}
        {%- set node = graph.nodes[node_id] -%}
        {%- if node.config.materialized == 'ephemeral' -%}
            {%- do found.extend(tables_read(node.depends_on.nodes)) -%}
        {%- else -%}
            {%- do found.append(node_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | unique | list) }}
{% endmacro %}

{% macro require_tables(node_ids) %}
    {%- set missing = [] -%}
    {%- for node_id in node_ids -%}
        {%- set node = graph.nodes[node_id] -%}
        {%- if not load_relation(api.Relation.create(node.database, node.schema, node.alias)) -%}
            {%- do missing.append(node.schema ~ '.' ~ node.alias) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if missing -%}
        {{ exceptions.raise_compiler_error(
            "Run `dbt build` first: this warehouse does not have "
            ~ (missing | sort)[:3] | join(', ')
            ~ (" and " ~ (missing | length - 3) ~ " more tables" if missing | length > 3)
            ~ " yet, which `dbt " ~ invocation_args_dict.get('which', flags.WHICH) ~ "` reads here."
        ) }}
    {%- endif -%}
{% endmacro %}
