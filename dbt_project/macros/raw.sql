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

{#- Every raw table by its name, as `raw_table` gives it. Stops the run where there are no accounts
    to calculate for: no folder, no table, one that cannot be read. -#}
{% macro checked_raw_tables() %}
    {%- set tables = {} -%}
    {%- for table in raw_table_names() -%}
        {%- do tables.update({table: raw_table(table)}) -%}
    {%- endfor -%}
    {%- if not tables.accounts -%}
        {{ exceptions.raise_compiler_error(
            "Raw data cannot be read:\n  - no table `accounts` in the folder " ~ raw_folder()
            ~ ". Set HEALTH_RAW_DIR to the folder with your raw tables (accounts.csv, "
            ~ "accounts.parquet or a folder accounts/), or run `make sample` for sample data."
        ) }}
    {%- elif tables.accounts.problem -%}
        {{ exceptions.raise_compiler_error(
            "Raw data cannot be read:\n  - " ~ tables.accounts.problem
        ) }}
    {%- endif -%}
    {{ return(tables) }}
{% endmacro %}

{#- Whether a raw table is there and can be read; one that cannot counts as absent. -#}
{% macro is_readable(file) %}{{ return(file and not file.problem) }}{% endmacro %}

{#- The columns of a raw table by `_staging__sources.yml`, and how its files store them: a list of
    their meta with `native` (stored in one type of its kind throughout; `type`), `value` (name of the
    typed column), `text` (expression), and what `raw_values.csv` declares of it: `values`
    ([[raw value, value]]) and `time_formats`. -#}
{% macro raw_columns(table) %}
{%- set definition = raw_definition(table) -%}
{%- set file = raw_table(table) -%}
{%- set groups = file.groups if is_readable(file) else [] -%}
{%- set declared = declared_values(table) -%}
{%- for column in definition.columns -%}
    {%- set of_column = declared.get(column.name, {'values': [], 'time_formats': []}) -%}
    {%- set types = [] -%}
    {%- for group in groups if column.name in group.columns -%}
        {%- do types.append(group.columns[column.name].type) -%}
    {%- endfor -%}
    {%- set is_native = (
        types | unique | list | length == 1
        and is_native_type(column.kind, types[0])
        and not of_column['values']
    ) -%}
    {%- do column.update({
        'type': types[0] if is_native else 'VARCHAR',
        'native': is_native,
        'value': column.name ~ ('__value' if column.kind != 'text' else ''),
        'text': native_text(column.name, types[0]) if is_native else column.name,
        'values': of_column['values'],
        'time_formats': of_column['time_formats'],
    }) -%}
{%- endfor -%}
{{ return(definition.columns) }}
{% endmacro %}

{#- What `raw_values.csv` declares of a table, by column: {'values': [[raw value, value]],
    'time_formats': []}, formats in the order in which they are tried. -#}
{% macro declared_values(table) %}
    {%- set declared = {} -%}
    {%- for row in run_query(
        "select * from (" ~ raw_values() ~ ") as declared where table_name = " ~ quoted(table)
        ~ " order by column_name, time_format, raw_value, value"
    ).rows -%}
        {%- set of_column = declared.setdefault(row[1], {'values': [], 'time_formats': []}) -%}
        {%- if row[2] is not none -%}
            {%- do of_column['values'].append([row[2], row[4]]) -%}
        {%- elif row[3] is not none -%}
            {%- do of_column['time_formats'].append(row[3]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(declared) }}
{% endmacro %}

{#- CTEs that read a raw table, the last one named `read`: each column as it is stored, and typed. The
    files that store it alike are read together, each with its own types.

    days: as in `judged_rows`
    erased: whether the rows of those who are to be erased are read, instead of all others -#}
{% macro typed_rows(table, columns, days=none, erased=false) %}
{%- set file = raw_table(table) -%}
{%- set groups = file.groups if is_readable(file) else [] -%}
{%- set main_time = raw_definition(table).main_time ~ '__value' -%}
source as (

    {% for group in groups or [none] -%}
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
        {{ value_unless_erased(column, value) if stored else value }} as {{ column.name }},
        {%- endfor %}
    {%- if group %}
    from {{ group.relation }}
    {%- else %}
    where false
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

parsed as (

    select
        *,
        {%- for column in columns if column.value != column.name %}
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
        {%- endif %} as {{ column.value }},
        {%- endfor %}
    from source

),

read as (

    select * from parsed
    {%- set is_erased = is_erased(columns) %}
    {%- if erased %}
    where {{ is_erased or 'false' }}
    {%- elif is_erased %}
    where not {{ is_erased }}
    {%- endif %}
    {%- if days %}
    {{ 'and' if erased or is_erased else 'where' }} (
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
    )
    {%- endif %}

)
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
with

{{ typed_rows(table, raw_columns(table), days, erased=true) }}

select count(*) as row_count from read
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

{#- Condition that a column holds nothing: in times and numbers the words for nothing count as such. -#}
{% macro is_missing(column) -%}
{%- if column.kind in ('time', 'number') and not column.native -%}
({{ column.name }} is null or ({{ column.value }} is null and {{ is_null_word(column) }}))
{%- elif column.kind == 'number' -%}
({{ column.name }} is null or {{ is_not_a_number(column.name) }})
{%- else -%}
{{ column.name }} is null
{%- endif -%}
{%- endmacro %}

{% macro is_null_word(column) -%}
lower({{ column.name }}) in ('null', 'none', 'n/a', 'na', 'nan', '\n', '-')
{%- if column.kind == 'time' %} or {{ column.name }} like '0000%'{% endif -%}
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

{#- A raw table read, with exact copies collapsed, every row judged and every value typed, by the
    rules in `_staging__sources.yml` (docs/raw_tables.md).

    One row per distinct row. Columns: the table's own (typed; null where the value is ignored), and
    - rejected_reason: why the row counts nowhere; null for a row that counts
    - value_issues: `effect:reason:column` of each ignored or changed value, separated by `;`
    - record_key, record_time, record (JSON; only where something is wrong)

    accounts: relation with the valid account ids; none for a table without an account of its own
    rates: relation with the currencies that have a rate, for a table with amounts of money
    days: {'from', 'to', 'and_timeless'}; only rows from the one day up to but not including the other
        are read (texts; `to` none for no end), and those without a usable time if they are asked for;
        all rows where it is none -#}
{% macro judged_rows(table, accounts=none, days=none, rates=none) %}
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
    {%- do known_by.append(key_part(by_name[name]) if definition.key else name) -%}
{%- endfor -%}
{%- set key_hash = hash_number(known_by) -%}
{%- set texts = {} -%}
{%- for column in columns -%}{%- do texts.update({column.name: column.text}) -%}{%- endfor -%}
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
            when {{ is_missing(column) }} then 'missing_{{ column.name }}'
            {%- endfor %}
            {%- for column in required if column.kind in ('time', 'number') %}
            when {{ column.value }} is null then 'invalid_{{ column.name }}'
            {%- endfor %}
            {%- for column in columns %}
            {%- if column.required and column.kind == 'word' %}
            when {{ column.value }} is null then 'unknown_{{ column.name }}'
            {%- elif column.kind == 'currency' and rates %}
            when {{ column.value }} not in (
                select {{ quoted(reporting_currency()) }}
                union all
                select known_rates.currency from {{ rates }} as known_rates
            ) then 'unknown_{{ column.name }}'
            {%- endif %}
            {%- endfor %}
            {%- for column in required if column.kind == 'time' %}
            when {{ column.value }} < {{ plausible_from() }} then 'implausible_{{ column.name }}'
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
                    {{ key_part(by_name[name]) }}{{ ',' if not loop.last }}
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
        {%- for column in columns if is_ignorable(column) %}
        case
            when {{ is_missing(column) }} or row_reason is not null then null
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
            {%- if is_ignorable(column) -%}
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
        {%- elif is_ignorable(column) -%}
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
                then {{ json_record(names, texts) }}
        end as record
    from noted

)

select * from final
{%- endif -%}
{% endmacro %}

{#- What a column of the key is compared by. -#}
{% macro key_part(column) -%}
{{ 'cast(' ~ column.value ~ ' as date)' if column.key_by_day else column.value }}
{%- endmacro %}

{#- A record's JSON as it is known again by: without `loaded_at`, which changes with every load, and
    without what is null, which a column that is new is in all records. -#}
{% macro known_again_by(record) -%}
regexp_replace(
        regexp_replace({{ record }}, ',"loaded_at":("([^"\\]|\\.)*"|null)', ''),
        ',"[a-z_]+":null', '', 'g'
    )
{%- endmacro %}

{#- Rows that count of a table with money, the amount in the reporting currency
    (docs/raw_tables.md, "Money"): by the latest rate on or before the day of the given time, else
    by the earliest. -#}
{% macro accepted_rows_in_reporting_currency(base_model, table, amount, time) %}
{%- if execute -%}
with

accepted as (

    {{ accepted_rows(base_model, table) }}

),

-- A rate holds from its day until the next; the first also before.
rates as (

    select
        currency,
        rate,
        case
            when lag(rate_on) over (partition by currency order by rate_on) is null
                then cast('0001-01-01' as date)
            else cast(rate_on as date)
        end as valid_from,
        coalesce(
            cast(lead(rate_on) over (partition by currency order by rate_on) as date),
            cast('9999-12-31' as date)
        ) as valid_until
    from {{ ref('stg_exchange_rates') }}

)

select
    {%- for column in raw_definition(table).columns %}
    {% if column.name == amount -%}
    accepted.{{ amount }} * coalesce(rates.rate, 1) as {{ amount }}
    {%- else -%}
    accepted.{{ column.name }}
    {%- endif %}{{ ',' if not loop.last }}
    {%- endfor %}
from accepted
left join rates
    on accepted.currency = rates.currency
    and accepted.currency <> {{ quoted(reporting_currency()) }}
    and cast(accepted.{{ time }} as date) >= rates.valid_from
    and cast(accepted.{{ time }} as date) < rates.valid_until
{%- endif -%}
{% endmacro %}

{#- The currency of amounts that name none, in capitals; blank where it has no name. -#}
{% macro reporting_currency() %}{{ return(var('reporting_currency') | trim | upper) }}{% endmacro %}

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

{#- Times before this are taken for mistakes (docs/raw_tables.md). -#}
{% macro plausible_from() %}cast('2000-01-01' as timestamp){% endmacro %}

{% macro is_word(column) -%}
lower({{ column.name }}) in ('{{ column.words | join("', '") }}')
{%- if column.words_from %}
or lower({{ column.name }}) in (select {{ column.name }} from {{ ref('config_pillars') }})
{%- endif -%}
{%- endmacro %}

{#- Whether the row stays where a value of the column breaks a rule, and reads as null. -#}
{% macro is_ignorable(column) -%}
{{ return(not column.required and column.kind in ('time', 'number', 'word')) }}
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
{%- elif column.above is defined -%}
    {{ column.value }} <= {{ column.above }}
{%- endif -%}
{%- endmacro %}

{#- The raw tables of the contract as rows: (table_name). -#}
{% macro raw_table_list() %}
{%- for table in raw_table_names() %}
select '{{ table }}' as table_name
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}
