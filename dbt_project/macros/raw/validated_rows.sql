{#- A raw table read, with exact copies collapsed, every row validated and every value typed, by the
    rules in `_staging__sources.yml` (docs/raw_tables.md).

    One row per distinct row. Columns: the table's own (typed; null where the value is ignored), and
    - rejected_reason: why the row counts nowhere; null for a row that counts
    - value_issues: `effect:reason:column` of each ignored or changed value, separated by `;`
    - record_key, record_time, record (JSON; only where something is wrong)

    accounts: relation with the valid account ids; none for a table without an account of its own
    rates: relation with the currencies that have a rate, for a table with amounts of money
    entries: relation with the validated entries, for a table that they act on
    named_ids: relation with the ids that the column of `names` may hold, for a table with one
    days: {'from', 'to', 'and_undated'}; only rows from the one day up to but not including the other
        are read (texts; `to` none for no end), and those without a usable time if they are asked for;
        all rows where it is none
    show: the step whose rows are given. To look into one:
        dbt show --inline "{{ validated_rows('tickets', accounts=ref('stg_accounts'), show='ranked') }}" -#}
{% macro validated_rows(
    table, accounts=none, days=none, rates=none, entries=none, named_ids=none, show='final'
) %}
{%- if execute -%}
{%- set raw = rules_of_rows(table, entries) -%}
with

{{ typed_rows(table, raw.columns, days, entries=entries) }},

-- Only rows whose key is there again can be copies or duplicates; hashes that are alike by chance cost
-- a little time and change nothing.
repeated as (

    {{ repeated_keys(raw) | indent }}

),

single_rows as (

    {{ rows_of_single_keys(raw) | indent }}

),

-- Exact copies count once, before anything else.
collapsed_rows as (

    {{ rows_without_copies(raw) | indent }}

),

validated_single_rows as (

    {{ rows_with_reason(raw, 'single_rows', accounts, rates, named_ids) | indent }}

),

validated_collapsed_rows as (

    {{ rows_with_reason(raw, 'collapsed_rows', accounts, rates, named_ids) | indent }}

),

ranked as (

    {{ rows_with_duplicate_rank(raw) | indent }}

),

-- Values are looked at only in rows that are not rejected for another reason than a duplicate key.
ignored as (

    {{ rows_with_ignored_values(raw) | indent }}

),
{%- if raw.end %}

ends as (

    {{ ends_by_entries(raw, entries) | indent }}

),

-- What is entered ends a row whatever its own end is worth, and is compared with its start like it.
ended as (

    {{ rows_with_entered_ends(raw) | indent }}

),
{%- endif %}

changed as (

    {{ rows_with_changed_values(raw) | indent }}

),

noted as (

    {{ rows_with_notes(raw) | indent }}

),

final as (

    {{ rows_as_validated(raw) | indent }}

)

select * from {{ show }}
{%- endif -%}
{% endmacro %}

{#- What the steps of `validated_rows` ask of a raw table:
    - table, key, and `columns` as `raw_columns` gives them, also `by_name`
    - main_time: the typed column of the record's own time
    - required: the columns that must have a value, some only in rows of some kinds
    - names: of all columns; copied: those by which exact copies are known, which is all but the time of the
      load
    - entries: how entries act on it, and `end`: the column by which they end a row, if they do
    - key_hash: expression by which rows of the same key are found; of all columns where there is no key -#}
{% macro rules_of_rows(table, entries=none) %}
    {%- set definition = raw_definition(table) -%}
    {%- set columns = raw_columns(table) -%}
    {%- set by_name = {} -%}
    {%- for column in columns -%}
        {%- do by_name.update({column.name: column}) -%}
    {%- endfor -%}
    {%- set required = [] -%}
    {%- for column in columns if column.required or column.required_for -%}
        {%- do required.append(column) -%}
    {%- endfor -%}
    {%- set names = columns | map(attribute='name') | list -%}
    {%- set copied = names | reject('equalto', 'loaded_at') | list -%}
    {%- set known_by = [] -%}
    {%- for name in definition.key or copied -%}
        {%- do known_by.append(key_part(by_name[name]) if definition.key else name) -%}
    {%- endfor -%}
    {{ return({
        'table': table,
        'key': definition.key,
        'columns': columns,
        'by_name': by_name,
        'main_time': by_name[definition.main_time].value,
        'required': required,
        'names': names,
        'copied': copied,
        'has_loaded_at': 'loaded_at' in by_name,
        'entries': definition.entries,
        'end': (
            definition.entries.end
            if entries and takes_entries(definition, raw_table(table)) else none
        ),
        'key_hash': hash_number(known_by),
    }) }}
{% endmacro %}

{% macro repeated_keys(raw) -%}
select {{ raw.key_hash }} as key_hash
from read
group by {{ raw.key_hash }}
having count(*) > 1
{%- endmacro %}

{% macro rows_of_single_keys(raw) -%}
select read.*
from read
left join repeated on {{ raw.key_hash }} = repeated.key_hash
where repeated.key_hash is null
{%- endmacro %}

{#- Of exact copies the one that was loaded last. -#}
{% macro rows_without_copies(raw) -%}
select
    {{ raw.copied | join(',\n    ') }}
    {%- for name in raw.copied if raw.by_name[name].value != name %},
    any_value({{ raw.by_name[name].value }}) as {{ raw.by_name[name].value }}
    {%- endfor %}
    {%- if raw.has_loaded_at %},
    {{ latest_text('loaded_at', 'loaded_at__value') }} as loaded_at,
    max(loaded_at__value) as loaded_at__value
    {%- endif %}
from read
where {{ raw.key_hash }} in (select repeated.key_hash from repeated)
group by {{ raw.copied | join(', ') }}
{%- endmacro %}

{#- Adds `row_reason`: the first reason for which a row counts nowhere, a duplicate key apart.

    What must be known is joined: Spark compares each row of `not in` within a `case` with each that is known. -#}
{% macro rows_with_reason(raw, rows, accounts, rates, named_ids) -%}
{%- set lookups = {} -%}
{%- for column in raw.columns -%}
    {%- if column.names and named_ids -%}
        {%- do lookups.update({column.name: known_ids(named_ids, raw_definition(column.names).key[0])}) -%}
    {%- elif column.kind == 'currency' and rates -%}
        {%- do lookups.update({column.name: known_currencies(rates)}) -%}
    {%- endif -%}
{%- endfor -%}
select
    {%- for column in raw.columns %}
    {{ column.name }},
    {%- if column.value != column.name %}
    {{ column.value }},
    {%- endif %}
    {%- endfor %}
    case
        {%- for column in raw.required %}
        when {{ is_needed(column) }}{{ is_missing(column) }} then 'missing_{{ column.name }}'
        {%- endfor %}
        {%- for column in raw.required if column.kind in ('time', 'number') %}
        when {{ is_needed(column) }}{{ column.value }} is null then 'invalid_{{ column.name }}'
        {%- endfor %}
        {%- for column in raw.columns %}
        {%- if column in raw.required and column.kind == 'word' %}
        when {{ is_needed(column) }}{{ column.value }} is null then 'unknown_{{ column.name }}'
        {%- elif column.name in lookups %}
        when
            {{ is_needed(column) }}{{ column.value }} is not null
            and {{ column.name }}__known.known_value is null
            then 'unknown_{{ column.name }}'
        {%- endif %}
        {%- endfor %}
        {%- for column in raw.required if column.kind == 'time' %}
        when {{ is_needed(column) }}{{ column.value }} < {{ plausible_from() }}
            then 'implausible_{{ column.name }}'
        {%- endfor %}
        {%- for column in raw.required if column.kind == 'number' and out_of_range(column) %}
        when {{ is_needed(column) }}({{ out_of_range(column) }}) then 'out_of_range_{{ column.name }}'
        {%- endfor %}
        {%- if accounts %}
        when known_accounts.known_value is null then 'unknown_account'
        {%- endif %}
    end as row_reason
from {{ rows }}
{%- for name, known in lookups.items() %}
left join (
    {{ known | indent }}
) as {{ name }}__known on {{ raw.by_name[name].value }} = {{ name }}__known.known_value
{%- endfor %}
{%- if accounts %}
left join (
    {{ known_ids(accounts, 'account_id') }}
) as known_accounts on account_id = known_accounts.known_value
{%- endif %}
{%- endmacro %}

{% macro known_ids(relation, key) -%}
select distinct known.{{ key }} as known_value from {{ relation }} as known
{%- endmacro %}

{% macro known_currencies(rates) -%}
select {{ quoted(reporting_currency()) }} as known_value
union
select known_rates.currency from {{ rates }} as known_rates
{%- endmacro %}

{#- Adds `duplicate_rank`: 1 for the row of a key that counts, which is the one loaded last. Events of two days
    are never duplicates of each other, so that days can be read apart. -#}
{% macro rows_with_duplicate_rank(raw) -%}
select
    *,
    1 as duplicate_rank
from validated_single_rows

union all

select
    *,
    {%- if raw.key %}
    case
        when row_reason is null then row_number() over (
            partition by
                row_reason is null,
                {%- if raw.table == 'events' %}
                cast({{ raw.main_time }} as date),
                {%- endif %}
                {%- for name in raw.key %}
                {{ key_part(raw.by_name[name]) }}{{ ',' if not loop.last }}
                {%- endfor %}
            order by
                {%- if raw.has_loaded_at %}
                case
                    when loaded_at__value >= {{ plausible_from() }} then loaded_at__value
                end desc nulls last,
                {%- endif %}
                {{ raw.main_time }} desc
                {%- for name in raw.copied %},
                {{ raw.by_name[name].text }} desc nulls last
                {%- endfor %}
        )
    end as duplicate_rank
    {%- else %}
    1 as duplicate_rank
    {%- endif %}
from validated_collapsed_rows
{%- endmacro %}

{#- Adds `<column>__ignored` for each column whose value may be ignored: the note why, if it is. -#}
{% macro rows_with_ignored_values(raw) -%}
select
    *
    {%- for column in raw.columns if is_ignorable(column) %},
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
    end as {{ column.name }}__ignored
    {%- endfor %}
from ranked
{%- endmacro %}

{#- Adds `<column>__ended_at`: when an entry ended the row, if one did. -#}
{% macro rows_with_entered_ends(raw) -%}
select
    ignored.*,
    ends.ended_at as {{ raw.end }}__ended_at
from ignored
left join ends
    {%- for column in ended_by_columns(raw) %}
    {{ 'on' if loop.first else 'and' }} ignored.{{ column }} = ends.{{ column }}
    {%- endfor %}
{%- endmacro %}

{#- The end of a row as it counts before it is compared with its start: an entry's, where that is earlier. -#}
{% macro end_of_row(raw, column) -%}
{%- set own_end -%}
case when {{ column.name }}__ignored is null then {{ column.value }} end
{%- endset -%}
{{ 'least(' ~ own_end ~ ', ' ~ column.name ~ '__ended_at)' if column.name == raw.end else own_end }}
{%- endmacro %}

{#- What a record shows of an end: the entry's where that counts, and what stands in the file where that
    breaks a rule. -#}
{% macro text_of_end(raw) -%}
{%- set column = raw.by_name[raw.end] -%}
case
            when
                row_reason is null
                and {{ column.name }}__ignored is null
                and {{ column.name }}__ended_at < coalesce({{ column.value }}, {{ end_of_time() }})
                then cast({{ column.name }}__ended_at as {{ dbt.type_string() }})
            else {{ column.text }}
        end
{%- endmacro %}

{#- Adds `<column>__changed` for each end that must not lie before its start: the note, if it did. -#}
{% macro rows_with_changed_values(raw) -%}
select
    *
    {%- for column in raw.columns if column.not_before %},
    case
        when
            {{ end_of_row(raw, column) }} < {{ raw.by_name[column.not_before].value }}
            and row_reason is null
            then 'value_changed:ends_before_start'
    end as {{ column.name }}__changed
    {%- endfor %}
from {{ 'ended' if raw.end else 'ignored' }}
{%- endmacro %}

{#- Adds the verdict: `rejected_reason` and `value_issues`. -#}
{% macro rows_with_notes(raw) -%}
{%- set notes = [] -%}
{%- for column in raw.columns -%}
    {%- if is_ignorable(column) -%}
        {%- do notes.append(column.name ~ "__ignored || ':" ~ column.name ~ "'") -%}
    {%- endif -%}
    {%- if column.not_before -%}
        {%- do notes.append(column.name ~ "__changed || ':" ~ column.name ~ "'") -%}
    {%- endif -%}
{%- endfor -%}
select
    *,
    case
        when row_reason is not null then row_reason
        when duplicate_rank > 1 then 'duplicate_key'
    end as rejected_reason,
    {% if notes -%}
    nullif(concat_ws(';', {{ notes | join(', ') }}), '')
    {%- else -%}
    cast(null as {{ dbt.type_string() }})
    {%- endif %} as value_issues
from changed
{%- endmacro %}

{#- The values that hold, the verdict, and the record where something is wrong. -#}
{% macro rows_as_validated(raw) -%}
{%- set texts = {} -%}
{%- for column in raw.columns -%}{%- do texts.update({column.name: column.text}) -%}{%- endfor -%}
{%- if raw.end -%}{%- do texts.update({raw.end: text_of_end(raw)}) -%}{%- endif -%}
select
    {%- for column in raw.columns %}
    {% if column.not_before -%}
        case
            when {{ column.name }}__changed is not null
                then {{ raw.by_name[column.not_before].value }}
            else {{ end_of_row(raw, column) }}
        end
    {%- elif is_ignorable(column) -%}
        case when {{ column.name }}__ignored is null then {{ column.value }} end
    {%- else -%}
        {{ column.value }}
    {%- endif %} as {{ column.name }},
    {%- endfor %}
    rejected_reason,
    value_issues,
    {% if not raw.key -%}
    cast(null as {{ dbt.type_string() }})
    {%- elif raw.key | length == 1 -%}
    {{ raw.by_name[raw.key[0]].text }}
    {%- else -%}
    {% for name in raw.key -%}
    coalesce({{ raw.by_name[name].text }}, ''){{ " || '|' || " if not loop.last }}
    {%- endfor %}
    {%- endif %} as record_key,
    {{ raw.main_time }} as record_time,
    case
        when rejected_reason is not null or value_issues is not null
            then {{ json_record(raw.names, texts) }}
    end as record
from noted
{%- endmacro %}
