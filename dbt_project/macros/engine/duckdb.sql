{#- Everything that DuckDB spells in its own way. Another engine needs its own version of each macro
    in this folder (`spark__...`), and nothing else. -#}

{#- A time as docs/raw_tables.md allows it, as a UTC timestamp; null for anything else. Fractions
    beyond microseconds are cut, because rounding up could carry a record over midnight.

    formats: other formats that are declared, tried first in their order -#}
{% macro parse_time(text, formats=()) %}
    {{ return(adapter.dispatch('parse_time', 'health')(text, formats)) }}
{% endmacro %}
{% macro duckdb__parse_time(text, formats) -%}
{%- set date = '[0-9]{4}(-[0-9]{1,2}-[0-9]{1,2}|/[0-9]{1,2}/[0-9]{1,2}|[0-9]{4})' -%}
{%- set clock = '([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?' -%}
{%- set offset = '[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?' -%}
{%- set zone = '([zZ]|(?i:utc|gmt)|' ~ offset ~ '( *(?i:utc))?)' -%}
{%- set offset_at_end = '([+-][0-9]{2}):?([0-9]{2})? *(?i:utc)?$' -%}
{%- if formats -%}
coalesce(
    {%- for format in formats %}
    case
        -- Words that DuckDB takes for times whatever the format.
        when lower({{ text }}) not in ('epoch', 'infinity', '-infinity')
            then cast(try_strptime({{ text }}, {{ quoted(format) }}) as timestamp)
    end,
    {%- endfor %}
{% endif -%}
case
    when regexp_full_match(
        {{ text }},
        '{{ date }}(([tT]| +){{ clock }}( *{{ zone }})?)?'
    ) and {{ text }} not like '0000%'
        then try_cast(
            case
                when regexp_matches({{ text }}, '^[0-9]{8}')
                    then
                        substr({{ text }}, 1, 4) || '-' || substr({{ text }}, 5, 2)
                        || '-' || substr({{ text }}, 7, 2)
                else replace(regexp_extract({{ text }}, '^[0-9/-]+'), '/', '-')
            end
            || ' ' || replace(
                coalesce(
                    nullif(
                        regexp_extract(
                            {{ text }}, '[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?'
                        ), ''
                    ),
                    '0:00'
                ), ',', '.'
            )
            as timestamp
        ) - case
            when {{ text }} like '%:%' and regexp_matches({{ text }}, '{{ offset_at_end }}')
                then to_minutes(
                    60 * cast(regexp_extract({{ text }}, '{{ offset_at_end }}', 1) as integer)
                    + cast(
                        regexp_extract({{ text }}, '([+-])[0-9]{2}:?([0-9]{2})? *(?i:utc)?$', 1)
                        || '0' || regexp_extract({{ text }}, '{{ offset_at_end }}', 2) as integer
                    )
                )
            else to_minutes(0)
        end
    when regexp_full_match({{ text }}, '[0-9]{10}|[0-9]{13}|[0-9]{16}')
        then make_timestamp(
            cast({{ text }} as bigint)
            * case length({{ text }}) when 10 then 1000000 when 13 then 1000 else 1 end
        )
end
{%- if formats %}
)
{%- endif -%}
{%- endmacro %}

{#- Condition that a text is a format that `parse_time` can be told. -#}
{% macro is_time_format(text) %}
    {{ return(adapter.dispatch('is_time_format', 'health')(text)) }}
{% endmacro %}
{% macro duckdb__is_time_format(text) -%}
regexp_full_match({{ text }}, '([^%]|%(-?[dmyHIMSj]|[aAwbBYpfgnzZUWcxX%]))*%-?[dmyYjcxbB]([^%]|%(-?[dmyHIMSj]|[aAwbBYpfgnzZUWcxX%]))*')
{%- endmacro %}

{#- A finite decimal, sign and exponent allowed; null for anything else. -#}
{% macro parse_number(text) %}
    {{ return(adapter.dispatch('parse_number', 'health')(text)) }}
{% endmacro %}
{% macro duckdb__parse_number(text) -%}
case
    when regexp_full_match({{ text }}, '[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?')
        then {{ finite_number("try_cast(ltrim(" ~ text ~ ", '+') as double)") }}
end
{%- endmacro %}

{#- The same of a number in raw data, where commas may part groups of three digits. -#}
{% macro parse_grouped_number(text) %}
    {{ return(adapter.dispatch('parse_grouped_number', 'health')(text)) }}
{% endmacro %}
{% macro duckdb__parse_grouped_number(text) -%}
case
    when regexp_full_match(
        {{ text }}, '[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?([eE][+-]?[0-9]+)?'
    )
        then {{ finite_number("try_cast(ltrim(replace(" ~ text ~ ", ',', ''), '+') as double)") }}
    else {{ parse_number(text) }}
end
{%- endmacro %}

{% macro finite_number(number) %}
    {{ return(adapter.dispatch('finite_number', 'health')(number)) }}
{% endmacro %}
{% macro duckdb__finite_number(number) -%}
case when isfinite({{ number }}) then {{ number }} end
{%- endmacro %}

{#- Text without the blanks around it; blank is null. Blanks are all that Unicode calls white
    space. -#}
{% macro trimmed(text) %}
    {{ return(adapter.dispatch('trimmed', 'health')(text)) }}
{% endmacro %}
{#- Trimming costs many times what a look at both ends does, and hardly any text needs it. -#}
{% macro duckdb__trimmed(text) -%}
case
            when {{ text }} between '!' and '~' and substr({{ text }}, -1) between '!' and '~'
                then {{ text }}
            else nullif(trim({{ text }}, '{{ white_space() }}'), '')
        end
{%- endmacro %}

{% macro white_space() -%}
{{ ' \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680'
    '\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a'
    '\u2028\u2029\u202f\u205f\u3000' }}
{%- endmacro %}

{#- A number as a person would write it: no exponent, no needless zeros, at most six decimals. -#}
{% macro number_text(number) %}
    {{ return(adapter.dispatch('number_text', 'health')(number)) }}
{% endmacro %}
{% macro duckdb__number_text(number) -%}
case
    when {{ number }} = trunc({{ number }}) and abs({{ number }}) < 1e15
        then cast(cast({{ number }} as bigint) as varchar)
    when abs({{ number }}) < 1e30
        then regexp_replace(
            regexp_replace(
                cast(cast({{ number }} as decimal(38, 6)) as varchar), '\.?0+$', ''
            ),
            '^-0$',
            '0'
        )
    else cast({{ number }} as varchar)
end
{%- endmacro %}

{#- A number with so many decimals, halves away from zero as its six decimals read. -#}
{% macro rounded_as_written(number, decimals) %}
    {{ return(adapter.dispatch('rounded_as_written', 'health')(number, decimals)) }}
{% endmacro %}
{% macro duckdb__rounded_as_written(number, decimals) -%}
case
            when abs({{ number }}) < 1e15
                then cast(round(cast({{ number }} as decimal(38, 6)), {{ decimals }}) as double)
            else {{ number }}
        end
{%- endmacro %}

{#- The unit of one: without the s that ends its first word. -#}
{% macro singular(unit) %}
    {{ return(adapter.dispatch('singular', 'health')(unit)) }}
{% endmacro %}
{% macro duckdb__singular(unit) -%}
regexp_replace({{ unit }}, '^(\S*[^\ssiu])s( |$)', '\1\2')
{%- endmacro %}

{#- A number that values that are the same share, and few that are not. -#}
{% macro hash_number(columns) %}
    {{ return(adapter.dispatch('hash_number', 'health')(columns)) }}
{% endmacro %}
{% macro duckdb__hash_number(columns) -%}hash({{ columns | join(', ') }}){%- endmacro %}

{#- The text of the row of a group with the greatest time; the greatest text where none has a time. -#}
{% macro latest_text(text, time) %}
    {{ return(adapter.dispatch('latest_text', 'health')(text, time)) }}
{% endmacro %}
{% macro duckdb__latest_text(text, time) -%}
coalesce(
            max_by({{ text }}, ({{ time }}, {{ text }})) filter ({{ time }} is not null),
            max({{ text }})
        )
{%- endmacro %}

{#- Types of a raw file that hold a time or a number as it is, by kind of column. -#}
{% macro is_native_type(kind, type) %}
    {{ return(adapter.dispatch('is_native_type', 'health')(kind, type)) }}
{% endmacro %}
{% macro duckdb__is_native_type(kind, type) %}
    {%- set native_types = {
        'time': [
            'DATE', 'TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS',
            'TIMESTAMP WITH TIME ZONE', 'TIMESTAMPTZ_NS',
        ],
        'number': [
            'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT',
            'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT', 'UHUGEINT',
            'FLOAT', 'DOUBLE', 'DECIMAL',
        ],
    } -%}
    {{ return(type.split('(')[0] in native_types.get(kind, [])) }}
{% endmacro %}

{#- A value as it is stored in a type of its kind, and the type of that. Times with a zone are UTC. -#}
{% macro native_value(stored) %}
    {{ return(adapter.dispatch('native_value', 'health')(stored)) }}
{% endmacro %}
{% macro duckdb__native_value(stored) -%}
{%- if stored.type == 'TIMESTAMP WITH TIME ZONE' -%}
cast({{ stored.expression }} as timestamp)
{%- elif stored.type in ('TIMESTAMP_NS', 'TIMESTAMPTZ_NS') -%}
{#- A cast would round, and carry a record over midnight. -#}
make_timestamp(epoch_ns({{ stored.expression }}) // 1000)
{%- else -%}
{{ stored.expression }}
{%- endif -%}
{%- endmacro %}
{% macro native_column_type(type) %}
    {%- set read_as_timestamp = ('TIMESTAMP WITH TIME ZONE', 'TIMESTAMP_NS', 'TIMESTAMPTZ_NS') -%}
    {{ return('timestamp' if type in read_as_timestamp else type) }}
{% endmacro %}

{#- The text of such a value, and of a value of any other type. Whole doubles are written without the
    `.0` that they get where a program knew no missing integers, up to where doubles are exact. -#}
{% macro native_text(expression, type) %}
    {{ return(adapter.dispatch('native_text', 'health')(expression, type)) }}
{% endmacro %}
{% macro duckdb__native_text(expression, type) -%}
{%- if type in ('DOUBLE', 'FLOAT') -%}
{#- NaN first: statistics of Parquet files leave it out, and DuckDB takes comparisons for true by them, and
    `isnan` for false. It may cast for rows of another branch, too: a NaN must not stop it. -#}
case
                when not isfinite({{ expression }}) then cast({{ expression }} as varchar)
                when {{ expression }} = trunc({{ expression }})
                    and abs({{ expression }}) <= 9007199254740992
                    then cast(try_cast({{ expression }} as bigint) as varchar)
                else cast({{ expression }} as varchar)
            end
{%- else -%}
cast({{ expression }} as varchar)
{%- endif -%}
{%- endmacro %}
{% macro stored_text(stored) %}
    {{ return(adapter.dispatch('stored_text', 'health')(stored)) }}
{% endmacro %}
{% macro duckdb__stored_text(stored) -%}
{%- if stored.type in ('DOUBLE', 'FLOAT') -%}
{{ native_text(stored.expression, stored.type) }}
{%- elif stored.type == 'VARCHAR' -%}
{{ trimmed(stored.expression) }}
{%- else -%}
{{ trimmed('cast(' ~ native_value(stored) ~ ' as varchar)') }}
{%- endif -%}
{%- endmacro %}

{% macro is_not_a_number(number) %}
    {{ return(adapter.dispatch('is_not_a_number', 'health')(number)) }}
{% endmacro %}
{#- Not `isnan` (see `native_text`). -#}
{% macro duckdb__is_not_a_number(number) -%}
(not isfinite(cast({{ number }} as double)) and cast({{ number }} as varchar) = 'nan')
{%- endmacro %}

{#- The named columns as a JSON object of texts.

    texts: expressions of the text, by column; else the column itself is cast -#}
{% macro json_record(columns, texts={}) %}
    {{ return(adapter.dispatch('json_record', 'health')(columns, texts)) }}
{% endmacro %}
{% macro duckdb__json_record(columns, texts) -%}
cast(to_json({
    {%- for column in columns %}
    '{{ column }}': cast({{ texts.get(column, column) }} as varchar){{ ',' if not loop.last }}
    {%- endfor %}
}) as varchar)
{%- endmacro %}

{#- Rows of a group as a JSON list of objects with the named columns, `[]` never: a group has rows.
    Columns are given as `relation.column`, texts, booleans or numbers. -#}
{% macro json_list(columns, order_by) %}
    {{ return(adapter.dispatch('json_list', 'health')(columns, order_by)) }}
{% endmacro %}
{% macro duckdb__json_list(columns, order_by) -%}
cast(to_json(list({
    {%- for column in columns %}
    '{{ column.split('.') | last }}': {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
} order by {{ order_by | join(', ') }})) as varchar)
{%- endmacro %}

{#- The row of a group that comes first by its columns in their order, as one value with a field for each.
    A column is a name, or `expression as name`. And one field of such a value. -#}
{% macro least_row(columns) %}
    {{ return(adapter.dispatch('least_row', 'health')(columns)) }}
{% endmacro %}
{% macro duckdb__least_row(columns) -%}
min({
            {%- for column in columns %}
            '{{ column.split(' as ') | last }}': {{ column.split(' as ') | first }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        })
{%- endmacro %}
{% macro field_of_row(row, field) %}
    {{ return(adapter.dispatch('field_of_row', 'health')(row, field)) }}
{% endmacro %}
{% macro duckdb__field_of_row(row, field) -%}struct_extract({{ row }}, '{{ field }}'){%- endmacro %}

{#- The distinct texts of a group as a sorted JSON list. -#}
{% macro json_text_list(text) %}
    {{ return(adapter.dispatch('json_text_list', 'health')(text)) }}
{% endmacro %}
{% macro duckdb__json_text_list(text) -%}
cast(to_json(list(distinct {{ text }} order by {{ text }})) as varchar)
{%- endmacro %}

{#- The rows of a group as a JSON object of texts, sorted by key; keys must not repeat. -#}
{% macro json_text_object(key, text) %}
    {{ return(adapter.dispatch('json_text_object', 'health')(key, text)) }}
{% endmacro %}
{% macro duckdb__json_text_object(key, text) -%}
cast(to_json(map(
            list({{ key }} order by {{ key }}), list({{ text }} order by {{ key }})
        )) as varchar)
{%- endmacro %}

{#- Values below which shares of the known values of a group lie, between two values if need be: an array
    in the order of the shares, null without values; and one of an array, counted from 1. All at once, because
    each quantile by itself would keep every value. -#}
{% macro quantiles(number, shares) %}
    {{ return(adapter.dispatch('quantiles', 'health')(number, shares)) }}
{% endmacro %}
{% macro duckdb__quantiles(number, shares) -%}quantile_cont({{ number }}, {{ shares }}){%- endmacro %}
{% macro array_item(array, position) %}
    {{ return(adapter.dispatch('array_item', 'health')(array, position)) }}
{% endmacro %}
{% macro duckdb__array_item(array, position) -%}{{ array }}[{{ position }}]{%- endmacro %}

{#- One row per object of the list `name` in a JSON text: the keys of its row, and its members as text
    columns. -#}
{% macro json_rows(relation, keys, json_column, name, columns) %}
    {{ return(adapter.dispatch('json_rows', 'health')(
        relation, keys, json_column, name, columns
    )) }}
{% endmacro %}
{% macro duckdb__json_rows(relation, keys, json_column, name, columns) -%}
select
    {{ keys | join(', ') }}
    {%- for column in columns %},
    json_extract_string(item, '$.{{ column }}') as {{ column }}
    {%- endfor %}
from (
    select
        {{ keys | join(', ') }},
        unnest(cast(json_extract({{ json_column }}, '$.{{ name }}') as json[])) as item
    from {{ relation }}
) as items
{%- endmacro %}

{#- All rows of a table with the named columns as texts; one that the table lacks reads as null. -#}
{% macro text_rows(relation, columns) %}
    {{ return(adapter.dispatch('text_rows', 'health')(relation, columns)) }}
{% endmacro %}
{% macro duckdb__text_rows(relation, columns) -%}
select
    {%- for column in columns %}
    cast({{ column }} as varchar) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from (
    select * from {{ relation }}
    union all by name
    select
        {%- for column in columns %}
        cast(null as varchar) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
) as all_columns
{%- endmacro %}

{#- One row per distinct value of a `|`-separated list, trimmed, without blanks:
    (columns..., value). -#}
{% macro list_values(relation, columns, list_column) -%}
select distinct {{ columns | join(', ') }}, trim(value) as value
from (
    {{ split_rows(relation, columns, list_column, '|') }}
) as split
where trim(value) <> ''
{%- endmacro %}

{#- One row per part of a separated text, repeats kept: (columns..., value). -#}
{% macro split_rows(relation, columns, text_column, separator) %}
    {{ return(adapter.dispatch('split_rows', 'health')(
        relation, columns, text_column, separator
    )) }}
{% endmacro %}
{% macro duckdb__split_rows(relation, columns, text_column, separator) -%}
select
    {{ columns | join(', ') }},
    unnest(string_split({{ text_column }}, '{{ separator }}')) as value
from {{ relation }}
where {{ text_column }} is not null
{%- endmacro %}

{#- The sum of doubles to the last digit, whatever the order in which threads add: a plain sum differs
    there, and what is rounded afterwards may then lie on either side of a tie. -#}
{% macro exact_sum(number) %}
    {{ return(adapter.dispatch('exact_sum', 'health')(number)) }}
{% endmacro %}
{% macro duckdb__exact_sum(number) -%}fsum({{ number }}){%- endmacro %}

{#- Arrays: does one hold a value, have two a value in common. -#}
{% macro array_has(array, value) -%}array_contains({{ array }}, {{ value }}){%- endmacro %}
{% macro arrays_overlap(one, other) %}
    {{ return(adapter.dispatch('arrays_overlap', 'health')(one, other)) }}
{% endmacro %}
{% macro duckdb__arrays_overlap(one, other) -%}list_has_any({{ one }}, {{ other }}){%- endmacro %}
{% macro array_text(array) %}
    {{ return(adapter.dispatch('array_text', 'health')(array)) }}
{% endmacro %}
{% macro duckdb__array_text(array) -%}array_to_string(list_sort({{ array }}), '|'){%- endmacro %}

{#- One row per date from first to last: (health_date). -#}
{% macro dates_between(first, last) %}
    {{ return(adapter.dispatch('dates_between', 'health')(first, last)) }}
{% endmacro %}
{% macro duckdb__dates_between(first, last) -%}
select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date) as health_date
{%- endmacro %}

{#- Incremental strategy: the rows of this run's health dates take the place of those there. -#}
{% macro get_incremental_replace_health_dates_sql(arguments) %}
    delete from {{ arguments.target_relation }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }};
    {{ insert_new_rows(arguments) }}
{% endmacro %}

{#- Incremental strategy: the same, and of the date after the run in the history as well. -#}
{% macro get_incremental_replace_health_dates_and_next_sql(arguments) %}
    delete from {{ arguments.target_relation }}
    where health_date between {{ first_health_date() }} and {{ next_health_date() }};
    {{ insert_new_rows(arguments) }}
{% endmacro %}

{#- Incremental strategy: all rows are replaced, in one transaction and keeping the table, so that a
    model can read what it held before. -#}
{% macro get_incremental_replace_all_sql(arguments) %}
    delete from {{ arguments.target_relation }};
    {{ insert_new_rows(arguments) }}
{% endmacro %}

{#- Incremental strategy of tables of the latest health date: all rows are replaced when the run
    calculates that date, none when it does not. -#}
{% macro get_incremental_replace_latest_sql(arguments) %}
    delete from {{ arguments.target_relation }}
    where {{ is_latest_date_in_run() }};
    {{ insert_new_rows(arguments) }}
{% endmacro %}

{#- Incremental strategy: the event days that this run read take the place of those there. -#}
{% macro get_incremental_replace_event_days_sql(arguments) %}
    delete from {{ arguments.target_relation }}
    where {{ is_event_day_read('event_day') }};
    {{ insert_new_rows(arguments) }}
{% endmacro %}

{% macro insert_new_rows(arguments) %}
    {%- set columns = get_quoted_csv(arguments.dest_columns | map(attribute='name')) -%}
    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arguments.temp_relation }};
{% endmacro %}

{#- Incremental strategy of `int_events_compacted`: replaces all rows, or none (see `compaction`). -#}
{% macro get_incremental_compact_events_sql(arguments) %}
    {%- if compaction(arguments.target_relation).keep -%}
    select 1
    {%- else -%}
    delete from {{ arguments.target_relation }};
    {{ insert_new_rows(arguments) }}
    {%- endif -%}
{% endmacro %}

{#- Numbers from 0 to 62 as a set in one number: those of a group, whether one is in it, those of a group of
    sets, and how many there are in one. Counts distinct days or features without a row for each. -#}
{% macro number_set(number) %}
    {{ return(adapter.dispatch('number_set', 'health')(number)) }}
{% endmacro %}
{% macro duckdb__number_set(number) -%}bit_or(cast(1 as bigint) << {{ number }}){%- endmacro %}
{% macro is_in_number_set(number, number_set) %}
    {{ return(adapter.dispatch('is_in_number_set', 'health')(number, number_set)) }}
{% endmacro %}
{% macro duckdb__is_in_number_set(number, number_set) -%}
({{ number_set }} & (cast(1 as bigint) << {{ number }})) <> 0
{%- endmacro %}
{% macro number_set_of_sets(number_set) -%}bit_or({{ number_set }}){%- endmacro %}
{% macro number_set_size(number_set) -%}bit_count({{ number_set }}){%- endmacro %}

{#- Seconds since the epoch, fractions kept. -#}
{% macro epoch_seconds(time) %}
    {{ return(adapter.dispatch('epoch_seconds', 'health')(time)) }}
{% endmacro %}
{% macro duckdb__epoch_seconds(time) -%}(epoch_us({{ time }}) / 1000000.0){%- endmacro %}

{#- Lists of texts: null, and with nothing in it. -#}
{% macro no_texts() %}
    {{ return(adapter.dispatch('no_texts', 'health')()) }}
{% endmacro %}
{% macro duckdb__no_texts() -%}cast(null as varchar[]){%- endmacro %}
{% macro empty_texts() %}
    {{ return(adapter.dispatch('empty_texts', 'health')()) }}
{% endmacro %}
{% macro duckdb__empty_texts() -%}cast([] as varchar[]){%- endmacro %}

{#- DuckDB names the catalog after the file. Were it the name of a schema of ours, nobody could ask
    for `health.account_health` any more: the name would be ambiguous. -#}
{% macro check_database_name() %}
    {%- set schemas = [
        'configuration', 'staging', 'intermediate', 'pillars', 'signals', 'health', 'operations',
    ] -%}
    {%- if execute and target.type == 'duckdb' and target.database | lower in schemas -%}
        {{ exceptions.raise_compiler_error(
            "The warehouse file cannot be called " ~ target.database ~ ", because that is a schema "
            ~ "in it and its tables could not be named. Set HEALTH_DB_PATH to another name, say "
            ~ "warehouse.duckdb."
        ) }}
    {%- endif -%}
{% endmacro %}

{#- What the sender of alerts notes, and the model of alerts reads: made here, because dbt may be run
    before anything was ever sent. -#}
{% macro create_operations_tables() -%}
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
