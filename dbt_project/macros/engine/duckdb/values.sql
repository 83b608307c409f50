{#- How DuckDB spells values: times, numbers, texts, lists and JSON. -#}

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

{% macro duckdb__parse_number(text) -%}
case
    when regexp_full_match({{ text }}, '[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?')
        then {{ finite_number("try_cast(ltrim(" ~ text ~ ", '+') as double)") }}
end
{%- endmacro %}

{% macro duckdb__parse_grouped_number(text) -%}
case
    when regexp_full_match(
        {{ text }}, '[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?([eE][+-]?[0-9]+)?'
    )
        then {{ finite_number("try_cast(ltrim(replace(" ~ text ~ ", ',', ''), '+') as double)") }}
    else {{ parse_number(text) }}
end
{%- endmacro %}

{% macro duckdb__finite_number(number) -%}
case when isfinite({{ number }}) then {{ number }} end
{%- endmacro %}

{% macro duckdb__quoted(text) %}
    {{ return("'" ~ text | replace("'", "''") ~ "'") }}
{% endmacro %}

{% macro duckdb__singular(unit) -%}
regexp_replace({{ unit }}, '^(\S*[^\ssiu])s( |$)', '\1\2')
{%- endmacro %}

{% macro duckdb__hash_number(columns) -%}hash({{ columns | join(', ') }}){%- endmacro %}

{% macro duckdb__latest_text(text, time) -%}
coalesce(
            max_by({{ text }}, ({{ time }}, {{ text }})) filter ({{ time }} is not null),
            max({{ text }})
        )
{%- endmacro %}

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

{% macro duckdb__native_column_type(type) %}
    {%- set read_as_timestamp = ('TIMESTAMP WITH TIME ZONE', 'TIMESTAMP_NS', 'TIMESTAMPTZ_NS') -%}
    {{ return('timestamp' if type in read_as_timestamp else type) }}
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

{% macro duckdb__stored_text(stored) -%}
{%- if stored.type in ('DOUBLE', 'FLOAT') -%}
{{ native_text(stored.expression, stored.type) }}
{%- elif stored.type == 'VARCHAR' -%}
{{ trimmed(stored.expression) }}
{%- else -%}
{{ trimmed('cast(' ~ native_value(stored) ~ ' as varchar)') }}
{%- endif -%}
{%- endmacro %}

{#- Not `isnan` (see `native_text`). -#}
{% macro duckdb__is_not_a_number(number) -%}
(not isfinite(cast({{ number }} as double)) and cast({{ number }} as varchar) = 'nan')
{%- endmacro %}

{% macro duckdb__json_record(columns, texts) -%}
cast(to_json({
    {%- for column in columns %}
    '{{ column }}': cast({{ texts.get(column, column) }} as varchar){{ ',' if not loop.last }}
    {%- endfor %}
}) as varchar)
{%- endmacro %}

{% macro duckdb__record_as_known(record) -%}
regexp_replace(
            regexp_replace({{ record }}, ',"loaded_at":("([^"\\]|\\.)*"|null)', ''),
            ',"[a-z_]+":null', '', 'g'
        )
{%- endmacro %}

{% macro duckdb__json_list(columns, order_by) -%}
cast(to_json(list({
    {%- for column in columns %}
    '{{ column.split('.') | last }}': {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
} order by {{ order_by | join(', ') }})) as varchar)
{%- endmacro %}

{% macro duckdb__least_row(columns) -%}
min({
            {%- for column in columns %}
            '{{ column.split(' as ') | last }}': {{ column.split(' as ') | first }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        })
{%- endmacro %}

{% macro duckdb__field_of_row(row, field) -%}struct_extract({{ row }}, '{{ field }}'){%- endmacro %}

{% macro duckdb__json_text_list(text) -%}
cast(to_json(list(distinct {{ text }} order by {{ text }})) as varchar)
{%- endmacro %}

{% macro duckdb__json_text_object(key, text) -%}
cast(to_json(map(
            list({{ key }} order by {{ key }}), list({{ text }} order by {{ key }})
        )) as varchar)
{%- endmacro %}

{% macro duckdb__quantiles(number, shares) -%}quantile_cont({{ number }}, {{ shares }}){%- endmacro %}

{% macro duckdb__array_item(array, position) -%}{{ array }}[{{ position }}]{%- endmacro %}

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

{% macro duckdb__split_rows(relation, columns, text_column, separator) -%}
select
    {{ columns | join(', ') }},
    unnest(string_split({{ text_column }}, '{{ separator }}')) as value
from {{ relation }}
where {{ text_column }} is not null
{%- endmacro %}

{% macro duckdb__exact_sum(number) -%}fsum({{ number }}){%- endmacro %}

{% macro duckdb__arrays_overlap(one, other) -%}list_has_any({{ one }}, {{ other }}){%- endmacro %}

{% macro duckdb__array_text(array) -%}array_to_string(list_sort({{ array }}), '|'){%- endmacro %}

{% macro duckdb__dates_between(first, last) -%}
select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date) as health_date
{%- endmacro %}

{#- A pair that was found before adds nothing, so that a circle comes to its end. -#}
{% macro duckdb__all_parents(links) -%}
with recursive

belonging as (

    select
        health_date,
        account_id,
        parent_account_id
    from {{ links }}

    union

    select
        belonging.health_date,
        belonging.account_id,
        links.parent_account_id
    from belonging
    inner join {{ links }} as links
        on belonging.health_date = links.health_date
        and belonging.parent_account_id = links.account_id

)

select
    health_date,
    account_id,
    parent_account_id
from belonging
{%- endmacro %}

{% macro duckdb__number_set(number) -%}bit_or(cast(1 as bigint) << {{ number }}){%- endmacro %}

{% macro duckdb__is_in_number_set(number, number_set) -%}
({{ number_set }} & (cast(1 as bigint) << {{ number }})) <> 0
{%- endmacro %}

{% macro duckdb__epoch_seconds(time) -%}(epoch_us({{ time }}) / 1000000.0){%- endmacro %}

{% macro duckdb__no_texts() -%}cast(null as varchar[]){%- endmacro %}

{% macro duckdb__empty_texts() -%}cast([] as varchar[]){%- endmacro %}
