{#- Raw tables are tables of the schema `raw`, typed or texts, whatever makes them. -#}

{% macro spark__raw_table(table) %}
    {%- set relation = adapter.get_relation(none, 'raw', table) -%}
    {%- if not relation -%}{{ return(none) }}{%- endif -%}
    {%- set stored = {} -%}
    {%- set types = {} -%}
    {%- for column in adapter.get_columns_in_relation(relation) if not column.name.startswith('#') -%}
        {%- set name = column.name | lower -%}
        {%- do types.update({name: column.dtype | lower}) -%}
        {%- do stored.update({name: {'expression': '`' ~ column.name ~ '`', 'type': types[name]}}) -%}
    {%- endfor -%}
    {%- set columns = {} -%}
    {%- for column in raw_definition(table).columns if column.name in stored -%}
        {%- do columns.update({column.name: stored[column.name]}) -%}
    {%- endfor -%}
    {%- set problems = problems_of_raw_columns(table, types) -%}
    {{ return({
        'location': 'raw.' ~ table,
        'problem': 'raw.' ~ table ~ ': ' ~ problems | join('; ') ~ '.' if problems else none,
        'groups': [{'relation': relation, 'columns': columns}],
        'columns': columns,
        'other_columns': stored.keys() | reject('in', columns) | list,
    }) }}
{% endmacro %}

{#- What keeps columns of these types from being a raw table, in words; `health register` asks as well. Those of
    a type that is neither text, number nor time are named, not cast in silence. -#}
{% macro problems_of_raw_columns(table, types) %}
    {%- set problems = [] -%}
    {%- for column in raw_definition(table).columns -%}
        {%- if types.get(column.name, '').split('<')[0] in ('array', 'map', 'struct', 'binary') -%}
            {%- do problems.append(
                'column ' ~ column.name ~ ' is of type ' ~ types[column.name]
                ~ '; give it as a text, a number or a time'
            ) -%}
        {%- elif column.required and column.name not in types -%}
            {%- do problems.append('column ' ~ column.name ~ ' is missing') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(problems) }}
{% endmacro %}

{% macro spark__where_raw_tables_are() %}
    {{ return('in the schema raw. Create it there: raw.accounts, and whatever other raw tables you have.') }}
{% endmacro %}

{#- One row for each raw table, which is its own file. -#}
{% macro spark__raw_files() -%}
{%- set rows = [] -%}
{%- for table in raw_table_names() -%}
    {%- set file = raw_table(table) -%}
    {%- if file -%}{%- do rows.append((table, file)) -%}{%- endif -%}
{%- endfor -%}
{%- for table, file in rows %}
select
    '{{ table }}' as table_name,
    '{{ file.location }}' as file,
    'table' as format,
    {% if file.problem -%}
    cast(null as bigint)
    {%- else -%}
    (select count(*) from {{ file.location }})
    {%- endif %} as row_count,
    {{ quoted(tojson(file.columns.keys() | list)) }} as columns_read,
    '[]' as columns_ignored,
    {{ 'false' if file.problem else 'true' }} as is_read,
    {{ quoted(file.problem) if file.problem else 'cast(null as string)' }} as problem
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{#- The seed as the run before last left it would be wrong in silence: it must be loaded first, and says of
    which file it is. -#}
{% macro spark__raw_values() -%}
{%- set seed = graph.nodes.get('seed.health.raw_values') -%}
{%- set names = raw_value_columns() -%}
{%- if not seed -%}
select
    {%- for name in names %}
    cast(null as string) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
where false
{%- else -%}
{%- set relation = adapter.get_relation(none, seed.schema, seed.alias) -%}
{%- set checksums = run_query(
    'show tblproperties ' ~ relation ~ " ('health.checksum')"
).columns[1].values() if relation else [] -%}
{%- if seed.checksum.checksum not in checksums -%}
    {{ exceptions.raise_compiler_error(
        'seeds/raw_values.csv is not loaded as it is. Run `dbt seed` first: on Spark the file is read from'
        ~ ' its table.'
    ) }}
{%- endif -%}
{%- set present = column_names(relation) -%}
select
    {%- for name in names %}
    {{ trimmed(name) if name in present else 'cast(null as string)' }} as {{ name }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from {{ relation }}
{%- endif -%}
{%- endmacro %}

{#- `health` sends the list before it calculates; dbt alone reads what was sent last. Names of schemas that are
    tried have a prefix, the list has none. -#}
{% macro spark__erased_ids(kind) -%}
(
        {% if adapter.get_relation(none, 'operations', 'erasure_list') -%}
        select id as erased_id from operations.erasure_list where kind = '{{ kind }}'
        {%- else -%}
        select cast(null as string) as erased_id where false
        {%- endif %}
    )
{%- endmacro %}
