{#- Raw tables read: each column as it is stored, and typed. Nothing is validated here. -#}

{#- CTEs that read a raw table, the last one named `read`: each column as it is stored, and typed.

    days, entries: as in `validated_rows`
    erased: whether the rows of those who are to be erased are read, instead of all others -#}
{% macro typed_rows(table, columns, days=none, erased=false, entries=none) %}
{%- set definition = raw_definition(table) -%}
source as (

    {{ stored_rows(raw_table(table), columns) }}
    {%- if entries and takes_entries(definition, raw_table(table)) %}
    union all
    {{ entered_rows(definition, columns, entries) }}
    {%- endif %}

),

parsed as (

    {{ parsed_rows(columns) }}

),

read as (

    select * from parsed
    {%- set conditions = [] -%}
    {%- set is_erased = is_erased(columns) -%}
    {%- if erased -%}
        {%- do conditions.append(is_erased or 'false') -%}
    {%- elif is_erased -%}
        {%- do conditions.append('not ' ~ is_erased) -%}
    {%- endif -%}
    {%- if days -%}
        {%- do conditions.append(is_in_days(definition.main_time ~ '__value', days)) -%}
    {%- endif %}
    {{ 'where ' ~ conditions | join('\n    and ') if conditions }}

)
{%- endmacro %}

{#- The columns of a raw table as its files store them. Files that store them alike are read together, each
    group with its own types. -#}
{% macro stored_rows(file, columns) -%}
{%- set groups = file.groups if is_readable(file) else [] -%}
{%- for group in groups or [none] -%}
select
        {%- for column in columns %}
        {% set stored = group.columns.get(column.name) if group -%}
        {%- set value -%}
        {%- if not stored -%}
            cast(null as {{ native_column_type(column.type) }})
        {%- elif column.native -%}
            {{ native_value(stored) }}
        {%- else -%}
            {{ declared_value(stored_text(stored), column['values']) }}
        {%- endif -%}
        {%- endset -%}
        {{ value_unless_erased(column, value) if stored else value }} as {{ column.name }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    {%- if group %}
    from {{ group.relation }}
    {%- else %}
    where false
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {% endfor %}
{%- endmacro %}

{#- Adds the typed value of each column that is no text, null where it cannot be read. -#}
{% macro parsed_rows(columns) -%}
select
        *
        {%- for column in columns if column.value != column.name %},
        {% if column.kind == 'time' -%}
            {{
                'try_cast(' ~ column.name ~ ' as timestamp)'
                if column.native else parse_time(column.name, column.time_formats)
            }}
        {%- elif column.kind == 'number' and column.native -%}
            {{ finite_number('cast(' ~ column.name ~ ' as double)') }}
        {%- elif column.kind == 'number' -%}
            {{ parse_grouped_number(column.name) }}
        {%- elif column.kind == 'currency' -%}
            upper({{ column.name }})
        {%- else -%}
            case when {{ is_word(column) }} then lower({{ column.name }}) end
        {%- endif %} as {{ column.value }}
        {%- endfor %}
    from source
{%- endmacro %}

{#- Condition that a main time is in the days of `validated_rows`. -#}
{% macro is_in_days(main_time, days) -%}
(
        {% if days.and_undated -%}
        {{ main_time }} is null
        or {{ main_time }} < {{ plausible_from() }}
        or
        {%- endif %}
        {%- if days.to %}
        (
            {{ main_time }} >= cast('{{ days.from }}' as timestamp)
            and {{ main_time }} < cast('{{ days.to }}' as timestamp)
        )
        {%- else %}
        {{ main_time }} >= cast('{{ days.from }}' as timestamp)
        {%- endif %}
    )
{%- endmacro %}

{#- A trimmed text, or what `raw_values.csv` declares that it stands for. -#}
{% macro declared_value(text, values) -%}
{%- if values -%}
case lower({{ text }})
            {%- for raw_value, value in values %}
            when lower({{ quoted(raw_value) }}) then {{ quoted(value) if value is not none else 'null' }}
            {%- endfor %}
            else {{ text }}
        end
{%- else -%}
{{ text }}
{%- endif -%}
{%- endmacro %}

{% macro is_word(column) -%}
lower({{ column.name }}) in ('{{ column.words | join("', '") }}')
{%- if column.words_from %}
or lower({{ column.name }}) in (select {{ column.name }} from {{ ref('config_pillars') }})
{%- endif -%}
{%- endmacro %}

{#- Condition that a row is of somebody who is to be erased; blank where that is nobody. -#}
{% macro is_erased(columns) -%}
{%- set conditions = [] -%}
{%- for kind in erased_kinds() -%}
    {%- for column in columns if column.name == kind ~ '_id' -%}
        {%- do conditions.append(
            'coalesce(' ~ column.name ~ ' in ' ~ erased_ids(kind) ~ ', false)'
        ) -%}
    {%- endfor -%}
{%- endfor -%}
{{ '(' ~ conditions | join(' or ') ~ ')' if conditions }}
{%- endmacro %}

{#- A value that names an account beside the row's own: null where that one is to be erased. -#}
{% macro value_unless_erased(column, value) -%}
{%- if column.name == 'parent_account_id' and 'account' in erased_kinds() -%}
case when {{ value }} in {{ erased_ids('account') }} then null else {{ value }} end
{%- else -%}
{{ value }}
{%- endif -%}
{%- endmacro %}

{#- Of which kinds somebody is to be erased. -#}
{% macro erased_kinds() %}
    {%- set kinds = [] -%}
    {%- for kind in ['account', 'user'] -%}
        {%- if run_query('select count(*) from ' ~ erased_ids(kind) ~ ' as erased').rows[0][0] -%}
            {%- do kinds.append(kind) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(kinds) }}
{% endmacro %}

{#- How many rows of a raw table are left out because their user or account is to be erased. -#}
{% macro erased_rows(table, days=none) -%}
{%- set columns = raw_columns(table) -%}
{%- if not is_erased(columns) -%}
select cast(0 as bigint) as row_count
{%- else -%}
with

{{ typed_rows(table, columns, days, erased=true) }}

select count(*) as row_count from read
{%- endif -%}
{%- endmacro %}

{#- How many rows of a raw table there are to read, by the day of their main time, those without a
    usable time left out: (day, row_count). -#}
{% macro raw_rows_by_day(table, days) -%}
{%- set columns = raw_columns(table) -%}
{%- set main_time = raw_definition(table).main_time ~ '__value' -%}
with

{{ typed_rows(table, columns, days) }}

select
    cast(cast({{ main_time }} as date) as {{ dbt.type_string() }}) as day,
    count(*) as row_count
from read
where {{ main_time }} >= {{ plausible_from() }}
group by cast({{ main_time }} as date)
order by cast({{ main_time }} as date)
{%- endmacro %}

{#- The first day of a raw table's main time, those that are implausible left out: (day). -#}
{% macro first_raw_day(table) -%}
{%- set main_time = raw_definition(table).main_time ~ '__value' -%}
with

{{ typed_rows(table, raw_columns(table)) }}

select cast(cast(min({{ main_time }}) as date) as {{ dbt.type_string() }}) as first_day
from read
where {{ main_time }} >= {{ plausible_from() }}
{%- endmacro %}
