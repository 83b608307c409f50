{#- Definition of a raw table from `_staging__sources.yml`:
    {'key', 'main_time', 'columns': [meta]}. -#}
{% macro raw_definition(table) %}
    {%- for source in raw_sources() if source.name == table -%}
        {%- set columns = [] -%}
        {%- for column in source.columns.values() -%}
            {%- set meta = {'name': column.name, 'kind': 'text', 'required': false} -%}
            {%- do meta.update(column.meta or column.config.meta) -%}
            {%- do columns.append(meta) -%}
        {%- endfor -%}
        {{ return({
            'key': source.meta.key,
            'main_time': source.meta.main_time,
            'columns': columns,
        }) }}
    {%- endfor -%}
{% endmacro %}

{#- Names of the raw tables, in the order of the contract. -#}
{% macro raw_table_names() %}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {{ return(raw_sources() | map(attribute='name') | list) }}
{% endmacro %}

{% macro raw_sources() %}
    {{ return(graph.sources.values() | selectattr('source_name', 'equalto', 'raw') | list) }}
{% endmacro %}

{#- Every raw table by its name, as `raw_table` gives it. Stops the run with one message that lists
    everything about the raw files that would make the run worthless: no folder, no accounts, a
    required column that a file lacks. -#}
{% macro checked_raw_tables() %}
    {%- set tables = {} -%}
    {%- for table in raw_table_names() -%}
        {%- do tables.update({table: raw_table(table)}) -%}
    {%- endfor -%}
    {%- set problems = [] -%}
    {%- if not tables.accounts -%}
        {%- do problems.append(
            "no table `accounts` in the folder " ~ raw_folder() ~ ". Set HEALTH_RAW_DIR to the "
            ~ "folder with your raw tables (accounts.parquet, accounts.csv or accounts/), or run "
            ~ "`make sample` for sample data."
        ) -%}
    {%- endif -%}
    {%- for table in raw_table_names() if tables[table] -%}
        {%- set required = raw_definition(table).columns | selectattr('required') -%}
        {%- for column in required if column.name not in tables[table].columns -%}
            {%- do problems.append(
                tables[table].location ~ ": required column `" ~ column.name ~ "` is missing. "
                ~ "The columns there are: " ~ tables[table].columns | join(', ') ~ "."
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if problems -%}
        {{ exceptions.raise_compiler_error(
            "Raw data cannot be read:\n  - " ~ problems | join('\n  - ')
        ) }}
    {%- endif -%}
    {{ return(tables) }}
{% endmacro %}

{#- The columns of a raw table by `_staging__sources.yml`, and how its file stores them: a list of
    their meta with `stored` (none where the file lacks it), `native` (stored in a type of its kind),
    `value` (name of the typed column) and `text` (expression). -#}
{% macro raw_columns(table) %}
{%- set definition = raw_definition(table) -%}
{%- set file = raw_table(table) -%}
{%- set native_types = {
    'time': ['DATE', 'TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP WITH TIME ZONE'],
    'number': [
        'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT',
        'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT', 'UHUGEINT',
        'FLOAT', 'DOUBLE', 'DECIMAL',
    ],
} -%}
{%- for column in definition.columns -%}
    {%- set stored = file.columns.get(column.name) if file else none -%}
    {%- set type = (stored.type if stored else 'VARCHAR').upper() -%}
    {%- set is_native = type.split('(')[0] in native_types.get(column.kind, []) -%}
    {%- do column.update({
        'stored': stored,
        'native': is_native,
        'value': column.name ~ ('__value' if column.kind != 'text' else ''),
        'text': 'cast(' ~ column.name ~ ' as varchar)' if is_native else column.name,
    }) -%}
{%- endfor -%}
{{ return(definition.columns) }}
{% endmacro %}

{#- CTEs that read a raw table, the last one named `read`: each column as it is stored, and typed.

    days: as in `judged_rows` -#}
{% macro typed_rows(table, columns, days=none) %}
{%- set file = raw_table(table) -%}
{%- set main_time = raw_definition(table).main_time ~ '__value' -%}
source as (

    select
        {%- for column in columns %}
        {% if not column.stored -%}
            cast(null as varchar)
        {%- elif column.native and column.stored.type == 'TIMESTAMP WITH TIME ZONE' -%}
            cast("{{ column.stored.name }}" as timestamp)
        {%- elif column.native -%}
            "{{ column.stored.name }}"
        {%- elif column.stored.expression -%}
            {{ trimmed(column.stored.expression) }}
        {%- elif column.stored.type in ('DOUBLE', 'FLOAT') -%}
            {{ whole_number_text('"' ~ column.stored.name ~ '"') }}
        {%- elif column.stored.type == 'VARCHAR' -%}
            {{ trimmed('"' ~ column.stored.name ~ '"') }}
        {%- else -%}
            {{ trimmed('cast("' ~ column.stored.name ~ '" as varchar)') }}
        {%- endif %} as {{ column.name }},
        {%- endfor %}
    {%- if file %}
    from {{ file.relation }}
    {%- else %}
    where false
    {%- endif %}

),

parsed as (

    select
        *,
        {%- for column in columns if column.value != column.name %}
        {% if column.kind == 'time' -%}
            {{
                'try_cast(' ~ column.name ~ ' as timestamp)'
                if column.native else parse_time(column.name)
            }}
        {%- elif column.kind == 'number' and column.native -%}
            {{ finite_number('cast(' ~ column.name ~ ' as double)') }}
        {%- elif column.kind == 'number' -%}
            {{ parse_number(column.name) }}
        {%- else -%}
            case when {{ is_word(column) }} then lower({{ column.name }}) end
        {%- endif %} as {{ column.value }},
        {%- endfor %}
    from source

),

read as (

    select * from parsed
    {%- if days %}
    where
        {% if days.and_timeless -%}
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
    {%- endif %}

)
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

{#- A raw table read, with exact copies collapsed, every row judged and every value typed, by the
    rules in `_staging__sources.yml` (contract: raw.md).

    One row per distinct row. Columns: the table's own (typed; null where the value is ignored), and
    - rejected_reason: why the row counts nowhere; null for a row that counts
    - value_issues: `effect:reason:column` of each ignored or changed value, separated by `;`
    - record_key, record_time, record (JSON; only where something is wrong)

    accounts: relation with the valid account ids; none for the table of accounts itself
    days: {'from', 'to', 'and_timeless'}; only rows from the one day up to but not including the other
        are read (texts; `to` none for no end), and those without a usable time if they are asked for;
        all rows where it is none -#}
{% macro judged_rows(table, accounts=none, days=none) %}
{%- if execute -%}
{%- set definition = raw_definition(table) -%}
{%- set columns = raw_columns(table) -%}
{%- set by_name = {} -%}
{%- for column in columns -%}
    {%- do by_name.update({column.name: column}) -%}
{%- endfor -%}
{%- set main_time = by_name[definition.main_time].value -%}
{%- set required = columns | selectattr('required') | list -%}
{%- set has_loaded_at = 'loaded_at' in by_name -%}
{%- set names = columns | map(attribute='name') | list -%}
{%- set copied = names | reject('equalto', 'loaded_at') | list -%}
{%- set known_by = [] -%}
{%- for name in definition.key or copied -%}
    {%- do known_by.append(by_name[name].value if definition.key else name) -%}
{%- endfor -%}
{%- set key_hash = hash_number(known_by) -%}
with

{{ typed_rows(table, columns, days) }},

-- Only rows whose key is there again can be copies or duplicates; hashes that are alike by chance cost
-- a little time and change nothing.
repeated as (

    select {{ key_hash }} as key_hash
    from read
    group by {{ key_hash }}
    having count(*) > 1

),

single_rows as (

    select read.*
    from read
    left join repeated on {{ key_hash }} = repeated.key_hash
    where repeated.key_hash is null

),

-- Exact copies count once, before anything else.
collapsed_rows as (

    select
        {{ copied | join(',\n        ') }},
        {%- for name in copied if by_name[name].value != name %}
        any_value({{ by_name[name].value }}) as {{ by_name[name].value }},
        {%- endfor %}
        {%- if has_loaded_at %}
        {{ latest_text('loaded_at', 'loaded_at__value') }} as loaded_at,
        max(loaded_at__value) as loaded_at__value,
        {%- endif %}
    from read
    where {{ key_hash }} in (select repeated.key_hash from repeated)
    group by {{ copied | join(', ') }}

),

{% for rows in ['single', 'collapsed'] -%}
judged_{{ rows }}_rows as (

    select
        {%- for column in columns %}
        {{ column.name }},
        {%- if column.value != column.name %}
        {{ column.value }},
        {%- endif %}
        {%- endfor %}
        case
            {%- for column in required %}
            when {{ column.name }} is null then 'missing_{{ column.name }}'
            {%- endfor %}
            {%- for column in required if column.kind in ('time', 'number') %}
            when {{ column.value }} is null then 'invalid_{{ column.name }}'
            {%- endfor %}
            {%- for column in required if column.kind == 'word' %}
            when {{ column.value }} is null then 'unknown_{{ column.name }}'
            {%- endfor %}
            {%- for column in required if column.kind == 'time' %}
            when {{ column.value }} < {{ plausible_from() }} then 'implausible_{{ column.name }}'
            {%- if table == 'accounts' %}
            when {{ column.value }} > {{ last_health_date() }} + interval '2' day
                then 'implausible_{{ column.name }}'
            {%- endif %}
            {%- endfor %}
            {%- for column in required if column.kind == 'number' and out_of_range(column) %}
            when {{ out_of_range(column) }} then 'out_of_range_{{ column.name }}'
            {%- endfor %}
            {%- if accounts %}
            when account_id not in (select known.account_id from {{ accounts }} as known)
                then 'unknown_account'
            {%- endif %}
        end as row_reason
    from {{ rows }}_rows

),

{% endfor -%}
ranked as (

    select
        *,
        1 as duplicate_rank
    from judged_single_rows

    union all

    select
        *,
        {%- if definition.key %}
        case
            when row_reason is null then row_number() over (
                partition by
                    row_reason is null,
                    {%- if table == 'events' %}
                    cast({{ main_time }} as date),
                    {%- endif %}
                    {%- for name in definition.key %}
                    {{ by_name[name].value }}{{ ',' if not loop.last }}
                    {%- endfor %}
                order by
                    {%- if has_loaded_at %}
                    case
                        when loaded_at__value >= {{ plausible_from() }} then loaded_at__value
                    end desc nulls last,
                    {%- endif %}
                    {{ main_time }} desc
                    {%- for name in copied %},
                    {{ by_name[name].text }} desc nulls last
                    {%- endfor %}
            )
        end as duplicate_rank
        {%- else %}
        1 as duplicate_rank
        {%- endif %}
    from judged_collapsed_rows

),

-- Values are looked at only in rows that are not rejected for another reason than a duplicate key.
ignored as (

    select
        *,
        {%- for column in columns if not column.required and column.kind != 'text' %}
        case
            when {{ column.name }} is null or row_reason is not null then null
            {%- set reason = 'unknown' if column.kind == 'word' else 'invalid' %}
            when {{ column.value }} is null then 'value_ignored:{{ reason }}_{{ column.name }}'
            {%- if column.kind == 'time' %}
            when {{ column.value }} < {{ plausible_from() }}
                then 'value_ignored:implausible_{{ column.name }}'
            {%- elif out_of_range(column) %}
            when {{ out_of_range(column) }} then 'value_ignored:out_of_range_{{ column.name }}'
            {%- endif %}
        end as {{ column.name }}__ignored,
        {%- endfor %}
    from ranked

),

changed as (

    select
        *,
        {%- for column in columns if column.not_before %}
        case
            when
                {{ column.name }}__ignored is null
                and {{ column.value }} < {{ by_name[column.not_before].value }}
                and row_reason is null
                then 'value_changed:ends_before_start'
        end as {{ column.name }}__changed,
        {%- endfor %}
    from ignored

),

noted as (

    select
        *,
        case
            when row_reason is not null then row_reason
            when duplicate_rank > 1 then 'duplicate_key'
        end as rejected_reason,
        {%- set notes = [] -%}
        {%- for column in columns -%}
            {%- if not column.required and column.kind != 'text' -%}
                {%- do notes.append(column.name ~ "__ignored || ':" ~ column.name ~ "'") -%}
            {%- endif -%}
            {%- if column.not_before -%}
                {%- do notes.append(column.name ~ "__changed || ':" ~ column.name ~ "'") -%}
            {%- endif -%}
        {%- endfor %}
        {% if notes -%}
        nullif(concat_ws(';', {{ notes | join(', ') }}), '')
        {%- else -%}
        cast(null as varchar)
        {%- endif %} as value_issues
    from changed

),

final as (

    select
        {%- for column in columns %}
        {% if column.not_before -%}
            case
                when {{ column.name }}__changed is not null
                    then {{ by_name[column.not_before].value }}
                when {{ column.name }}__ignored is null then {{ column.value }}
            end
        {%- elif not column.required and column.kind != 'text' -%}
            case when {{ column.name }}__ignored is null then {{ column.value }} end
        {%- else -%}
            {{ column.value }}
        {%- endif %} as {{ column.name }},
        {%- endfor %}
        rejected_reason,
        value_issues,
        {% if not definition.key -%}
        cast(null as varchar)
        {%- elif definition.key | length == 1 -%}
        {{ by_name[definition.key[0]].text }}
        {%- else -%}
        {% for name in definition.key -%}
        coalesce({{ by_name[name].text }}, ''){{ " || '|' || " if not loop.last }}
        {%- endfor %}
        {%- endif %} as record_key,
        {{ main_time }} as record_time,
        case
            when rejected_reason is not null or value_issues is not null
                then {{ json_record(names) }}
        end as record
    from noted

)

select * from final
{%- endif -%}
{% endmacro %}

{#- A record's JSON without `loaded_at`, by which it is known again: that changes with every load. -#}
{% macro known_again_by(record) -%}
regexp_replace({{ record }}, ',"loaded_at":("([^"\\]|\\.)*"|null)', '')
{%- endmacro %}

{#- Rows that count, with the table's own columns. -#}
{% macro accepted_rows(base_model, table) %}
{%- if execute -%}
select
    {%- for column in raw_definition(table).columns %}
    {{ column.name }},
    {%- endfor %}
from {{ base_model }}
where rejected_reason is null
{%- endif -%}
{% endmacro %}

{#- Times before this are taken for mistakes (raw.md). -#}
{% macro plausible_from() %}cast('2000-01-01' as timestamp){% endmacro %}

{% macro is_word(column) -%}
lower({{ column.name }}) in ('{{ column.words | join("', '") }}')
{%- if column.words_from %}
or lower({{ column.name }}) in (select {{ column.name }} from {{ ref('config_pillars') }})
{%- endif -%}
{%- endmacro %}

{#- Condition that a number is outside its range, blank where it has none. -#}
{% macro out_of_range(column) -%}
{%- if column.ranges -%}
    {%- for word, range in column.ranges.items() -%}
        (
            {{ column.range_by }}__value = '{{ word }}'
            and ({{ column.value }} < {{ range[0] }} or {{ column.value }} > {{ range[1] }})
        )
        {{- ' or ' if not loop.last }}
    {%- endfor -%}
{%- elif column.minimum is defined and column.maximum is defined -%}
    {{ column.value }} < {{ column.minimum }} or {{ column.value }} > {{ column.maximum }}
{%- elif column.minimum is defined -%}
    {{ column.value }} < {{ column.minimum }}
{%- endif -%}
{%- endmacro %}

{#- The raw tables of the contract as rows: (table_name). -#}
{% macro raw_table_list() %}
{%- for table in raw_table_names() %}
select '{{ table }}' as table_name
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}
