{#- Tables whose rows outlive a run follow their models: a new column is added in place, null in the rows
    that are there, also by a full refresh, which history outlives. A column that is gone or has another
    type stops the run, because what the rows hold would be lost or read wrongly. -#}

{#- Gives tables that the version before left under another name the one that they have now. Where both are
    there, the one of this version is the newer, and stays. dbt is told, which otherwise goes on to take the
    new name for absent. -#}
{% macro carry_over_renamed_tables() %}
    {%- if not execute or flags.WHICH not in ['build', 'run'] -%}{{ return('') }}{%- endif -%}
    {%- set statements = [] -%}
    {%- for before, name in var('renamed_tables').items() -%}
        {%- set layer, previous = before.split('.') -%}
        {%- set schema = generate_schema_name(layer, none) -%}
        {%- set there = adapter.get_relation(target.database, schema, previous) -%}
        {%- if there and not adapter.get_relation(target.database, schema, name) -%}
            {%- do statements.append('alter table ' ~ there ~ ' rename to ' ~ name) -%}
            {%- do adapter.cache_renamed(there, there.incorporate(path={'identifier': name})) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(run_statements(statements)) }}
{% endmacro %}

{#- Drops tables that no run makes any more. -#}
{% macro drop_gone_tables() %}
    {%- if not execute or flags.WHICH not in ['build', 'run'] -%}{{ return('') }}{%- endif -%}
    {%- set statements = [] -%}
    {%- for layer, names in var('gone_tables').items() -%}
        {%- set schema = generate_schema_name(layer, none) -%}
        {%- for name in names -%}
            {%- set there = adapter.get_relation(target.database, schema, name) -%}
            {%- if there and there.is_table -%}
                {%- do statements.append('drop table ' ~ there) -%}
                {%- do adapter.cache_dropped(there) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(run_statements(statements)) }}
{% endmacro %}

{#- Adds the columns that are declared for incremental models and for what runs note, before anything is
    built: a model may read its own table, or one that is built after it. -#}
{% macro add_declared_columns() %}
    {%- if not execute or flags.WHICH not in ['build', 'run'] -%}{{ return('') }}{%- endif -%}
    {%- set relations = {} -%}
    {%- for node in growing_nodes() -%}
        {%- do relations.update({node.unique_id: api.Relation.create(
            node.database, node.schema, node.alias or node.identifier, type='table'
        )}) -%}
    {%- endfor -%}
    {%- set tables = columns_of_tables(relations.values()) -%}
    {%- set statements = [] -%}
    {%- for node in growing_nodes() -%}
        {%- set relation = relations[node.unique_id] -%}
        {%- set present = tables.get(node.schema ~ '.' ~ relation.identifier) -%}
        {%- set columns = typed_columns(node) -%}
        {%- if present is not none and columns -%}
            {%- set declared = columns.keys() | map('lower') | list -%}
            {%- set has_contract = node.resource_type == 'model' and node.contract.enforced -%}
            {%- set is_whole = has_contract or node.resource_type == 'source' -%}
            {%- if
                declared | reject('in', present) | list
                or (is_whole and present | reject('in', declared) | list)
            -%}
                {%- do statements.extend(statements_for_new_columns(
                    relation,
                    get_column_schema_from_query(get_empty_schema_sql(columns)),
                    node,
                    may_have_others=not is_whole
                )) -%}
            {%- endif -%}
            {%- for column in columns.values()
                if has_contract and present.get(column.name | lower) is false and not is_not_null(column)
            -%}
                {%- do statements.append(
                    'alter table ' ~ relation ~ ' alter column ' ~ column.name ~ ' drop not null'
                ) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(run_statements(statements)) }}
{% endmacro %}

{#- Incremental models, and sources that are tables of runs' notes, as nodes of the graph. -#}
{% macro growing_nodes() %}
    {%- set nodes = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == 'model' and node.config.materialized == 'incremental' -%}
        {%- do nodes.append(node) -%}
    {%- endfor -%}
    {%- for source in graph.sources.values() if source.source_name == 'operations' -%}
        {%- do nodes.append(source) -%}
    {%- endfor -%}
    {{ return(nodes) }}
{% endmacro %}

{#- The columns of a node that are declared with their type. -#}
{% macro typed_columns(node) %}
    {%- set columns = {} -%}
    {%- for name, column in node.columns.items() if column.data_type -%}
        {%- do columns.update({name: column}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}

{% macro is_not_null(column) %}
    {{ return('not_null' in (column.constraints or []) | map(attribute='type') | map('string') | list) }}
{% endmacro %}

{#- The statements that add to a table the columns that it lacks, nothing where it has them all.

    columns: all that it shall have
    node: model or source that declares them
    may_have_others: whether the table may have more columns than these -#}
{% macro statements_for_new_columns(relation, columns, node, may_have_others=false) %}
    {%- set present = {} -%}
    {%- for column in get_column_schema_from_query('select * from ' ~ relation) -%}
        {%- do present.update({(column.name | lower): column.dtype}) -%}
    {%- endfor -%}
    {%- set wanted = {} -%}
    {%- for column in columns -%}{%- do wanted.update({(column.name | lower): column.dtype}) -%}{%- endfor -%}
    {%- set alter = 'alter table ' ~ relation.include(database=false) ~ ' ' -%}
    {%- set problems = [] -%}
    {%- set cures = [] -%}
    {%- set statements = [] -%}
    {%- for name in present if name not in wanted and not may_have_others -%}
        {%- do problems.append('column ' ~ name ~ ' (' ~ present[name] ~ ') is in the table only') -%}
        {%- do cures.append(alter ~ 'drop column ' ~ name ~ ';') -%}
    {%- endfor -%}
    {%- set only_in_table = problems | length -%}
    {%- for name, type in wanted.items() -%}
        {%- if name in present and present[name] | string != type | string -%}
            {%- do problems.append(
                'column ' ~ name ~ ' is ' ~ present[name] ~ ' in the table and ' ~ type ~ ' in its model'
            ) -%}
            {%- do cures.append(alter ~ 'alter column ' ~ name ~ ' type ' ~ type ~ ';') -%}
        {%- elif name not in present -%}
            {%- if only_in_table -%}
                {%- do cures.append(
                    alter ~ 'rename column ... to ' ~ name ~ '; (where it is a previous one by a new name)'
                ) -%}
            {%- endif -%}
            {%- if is_not_null(node.columns.get(name, {})) -%}
                {%- do problems.append(
                    'column ' ~ name ~ ' is new and declared not null, but the rows that are there have'
                    ~ ' no value for it: declare it without `not_null`'
                ) -%}
            {%- endif -%}
            {%- do statements.append('alter table ' ~ relation ~ ' ' ~ added_column(name, type)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if problems -%}
        {{ exceptions.raise_compiler_error(
            'Table ' ~ relation.include(database=false) ~ ' does not fit its model any more, and its rows'
            ~ ' outlive a run:\n  - ' ~ problems | join('\n  - ') ~ '\n' ~ way_on(node, cures)
        ) }}
    {%- endif -%}
    {{ return(statements) }}
{% endmacro %}

{% macro way_on(node, cures) %}
    {%- set ways = ['Give the model its previous columns back'] -%}
    {%- if node.config.get('full_refresh') is not sameas false and node.resource_type == 'model' -%}
        {%- do ways.append(
            'or rebuild the table from all raw data: `dbt build --full-refresh` in dbt_project/, once'
        ) -%}
    {%- elif cures -%}
        {%- do ways.append(
            'or change the table: back up the warehouse, and run ' ~ where_statements_are_run()
            ~ '\n    ' ~ cures | join('\n    ') ~ '\n'
        ) -%}
    {%- endif -%}
    {%- do ways.append('or, if a newer version wrote this warehouse, run that version') -%}
    {{ return(ways | join('; ') ~ '.') }}
{% endmacro %}
