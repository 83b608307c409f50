{#- How Spark spells values: times, numbers, texts, lists and JSON. Backslashes stand nowhere in these
    regular expressions, because a literal of Spark takes one for the beginning of an escape; those of
    declared formats have some, which `quoted` writes. -#}

{% macro spark__parse_time(text, formats) -%}
{%- set date = '[0-9]{4}(-[0-9]{1,2}-[0-9]{1,2}|/[0-9]{1,2}/[0-9]{1,2}|[0-9]{4})' -%}
{%- set clock = '([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?' -%}
{%- set offset = '[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?' -%}
{%- set zone = '([zZ]|(?i:utc|gmt)|' ~ offset ~ '( *(?i:utc))?)' -%}
{%- set offset_at_end = '([+-][0-9]{2}):?([0-9]{2})? *(?i:utc)?$' -%}
{%- if formats -%}
coalesce(
    {%- for format in formats %}
    {{ spark__parse_declared_time(text, format) }},
    {%- endfor %}
{% endif -%}
case
    when {{ text }} rlike '^{{ date }}(([tT]| +){{ clock }}( *{{ zone }})?)?$'
        and {{ text }} not like '0000%'
        then timestampadd(
            minute,
            - case
                when {{ text }} like '%:%' and {{ text }} rlike '{{ offset_at_end }}'
                    then
                        60 * cast(regexp_extract({{ text }}, '{{ offset_at_end }}', 1) as int)
                        + cast(concat(
                            regexp_extract(
                                {{ text }}, '([+-])[0-9]{2}:?([0-9]{2})? *(?i:utc)?$', 1
                            ),
                            '0',
                            regexp_extract({{ text }}, '{{ offset_at_end }}', 2)
                        ) as int)
                else 0
            end,
            try_cast(concat(
                case
                    when {{ text }} rlike '^[0-9]{8}'
                        then concat(
                            substr({{ text }}, 1, 4), '-', substr({{ text }}, 5, 2), '-',
                            substr({{ text }}, 7, 2)
                        )
                    else replace(regexp_extract({{ text }}, '^[0-9/-]+', 0), '/', '-')
                end,
                ' ',
                coalesce(nullif(regexp_extract({{ text }}, '[0-9]{1,2}:[0-9]{2}', 0), ''), '0:00'),
                coalesce(
                    nullif(regexp_extract({{ text }}, '[0-9]{1,2}:[0-9]{2}(:[0-9]{2})', 1), ''), ':00'
                ),
                replace(regexp_extract({{ text }}, '[.,][0-9]{1,6}', 0), ',', '.')
            ) as timestamp)
        )
    when {{ text }} rlike '^([0-9]{10}|[0-9]{13}|[0-9]{16})$'
        then timestamp_micros(
            cast({{ text }} as bigint)
            * case length({{ text }}) when 10 then 1000000 when 13 then 1000 else 1 end
        )
end
{%- if formats %}
)
{%- endif -%}
{%- endmacro %}

{#- A time in a declared format, put together from what a regular expression takes: formats of Spark's own
    (`to_timestamp`) take other texts than DuckDB's, also where their codes look the same. -#}
{% macro spark__parse_declared_time(text, format) -%}
{%- set reading = reading_of_time_format(format) -%}
{%- set takes = quoted(reading.takes) -%}
{%- set groups = [] -%}
{%- set texts = {} -%}
{%- set numbers = {} -%}
{%- for code, group in reading.parts.values() -%}
    {%- do texts.update({code: 'said[' ~ loop.index0 ~ ']'}) -%}
    {%- do numbers.update({code: 'cast(' ~ texts[code] ~ ' as int)'}) -%}
    {%- do groups.append('$' ~ group) -%}
{%- endfor -%}
{%- set year -%}
{%- if 'y' in texts -%}
{#- 1969 to 2068. -#}
1969 + ({{ numbers['y'] }} + 31) % 100
{%- else -%}
{{ numbers['Y'] or 1900 }}
{%- endif -%}
{%- endset -%}
{%- set name_of_month = texts['b'] or texts['B'] -%}
{%- set month -%}
{%- if name_of_month -%}
(instr('janfebmaraprmayjunjulaugsepoctnovdec', lower(substr({{ name_of_month }}, 1, 3))) + 2) div 3
{%- else -%}
{{ numbers['m'] or 1 }}
{%- endif -%}
{%- endset -%}
{%- set hour = numbers['H'] or numbers['I'] or 0 -%}
case
        when {{ text }} rlike {{ takes }}
            then transform(
                array(split(regexp_replace({{ text }}, {{ takes }}, '{{ groups | join(' ') }}'), ' ')),
                said -> timestamp_micros(
                    1000000 * (
                        86400 * cast(
                            {%- if 'j' in texts %}
                            case
                                when {{ numbers['j'] }} <= dayofyear(make_date({{ year }}, 12, 31))
                                    then unix_date(make_date({{ year }}, 1, 1)) + {{ numbers['j'] }} - 1
                            end
                            {%- else %}
                            unix_date(make_date({{ year }}, {{ month }}, {{ numbers['d'] or 1 }}))
                            {%- endif %}
                            as bigint
                        )
                        {%- if 'p' in texts %}
                        + 3600 * case
                            when {{ hour }} <= 12
                                then {{ hour }} % 12 + if(lower({{ texts['p'] }}) = 'pm', 12, 0)
                        end
                        {%- else %}
                        + 3600 * {{ hour }}
                        {%- endif %}
                        + 60 * {{ numbers['M'] or 0 }}
                        + {{ numbers['S'] or 0 }}
                        {%- if 'z' in texts %}
                        {%- set offset = "rpad(replace(" ~ texts['z'] ~ ", ':', ''), 7, '0')" %}
                        - cast(concat(substr({{ offset }}, 1, 1), '1') as int) * (
                            3600 * cast(substr({{ offset }}, 2, 2) as int)
                            + 60 * cast(substr({{ offset }}, 4, 2) as int)
                            + cast(substr({{ offset }}, 6, 2) as int)
                        )
                        {%- endif %}
                    )
                    {%- if 'f' in texts %}
                    + cast(rpad({{ texts['f'] }}, 6, '0') as int)
                    {%- endif %}
                )
            )[0]
    end
{%- endmacro %}

{% macro spark__parse_number(text) -%}
case
    when {{ text }} rlike '^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?$'
        then {{ finite_number("try_cast(" ~ text ~ " as double)") }}
end
{%- endmacro %}

{% macro spark__parse_grouped_number(text) -%}
case
    when {{ text }} rlike '^[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+([.][0-9]*)?([eE][+-]?[0-9]+)?$'
        then {{ finite_number("try_cast(replace(" ~ text ~ ", ',', '') as double)") }}
    else {{ parse_number(text) }}
end
{%- endmacro %}

{% macro spark__finite_number(number) -%}
case when abs({{ number }}) < double('Infinity') then {{ number }} end
{%- endmacro %}

{% macro spark__quoted(text) %}
    {{ return("'" ~ text | replace("\\", "\\\\") | replace("'", "\\'") ~ "'") }}
{% endmacro %}

{% macro spark__singular(unit) -%}
regexp_replace({{ unit }}, '^([^ ]*[^ siu])s( |$)', '$1$2')
{%- endmacro %}

{#- As wide as DuckDB's, which is unsigned. -#}
{% macro spark__hash_number(columns) -%}xxhash64({{ columns | join(', ') }}){%- endmacro %}

{% macro spark__latest_text(text, time) -%}
coalesce(
            max_by({{ text }}, struct({{ time }}, {{ text }})) filter (where {{ time }} is not null),
            max({{ text }})
        )
{%- endmacro %}

{% macro spark__is_native_type(kind, type) %}
    {%- set native_types = {
        'time': ['date', 'timestamp', 'timestamp_ntz'],
        'number': ['tinyint', 'smallint', 'int', 'bigint', 'float', 'double', 'decimal'],
    } -%}
    {{ return(type.split('(')[0] in native_types.get(kind, [])) }}
{% endmacro %}

{% macro spark__native_value(stored) -%}
{{
    'cast(' ~ stored.expression ~ ' as timestamp)'
    if stored.type == 'timestamp_ntz' else stored.expression
}}
{%- endmacro %}

{% macro spark__native_column_type(type) %}
    {{ return('timestamp' if type == 'timestamp_ntz' else type) }}
{% endmacro %}

{#- Spark writes an exponent from 1e7 on and below 0.001, DuckDB from 1e15 on and below 0.0001. -#}
{% macro spark__native_text(expression, type) -%}
{%- if type | lower in ('double', 'float') -%}
case
                when {{ expression }} = floor({{ expression }})
                    and abs({{ expression }}) <= 9007199254740992
                    then cast(cast({{ expression }} as bigint) as string)
                when cast({{ expression }} as string) like '%E%'
                    and abs({{ expression }}) between 1e-4 and 1e15
                    then regexp_replace(
                        cast(cast(cast({{ expression }} as string) as decimal(38, 22)) as string),
                        '0+$', ''
                    )
                when isnan({{ expression }}) then 'nan'
                when abs({{ expression }}) = double('infinity')
                    then replace(cast({{ expression }} as string), 'Infinity', 'inf')
                else cast({{ expression }} as string)
            end
{%- else -%}
cast({{ expression }} as string)
{%- endif -%}
{%- endmacro %}

{% macro spark__stored_text(stored) -%}
{%- if stored.type in ('double', 'float') -%}
{{ native_text(stored.expression, stored.type) }}
{%- elif stored.type == 'string' -%}
{{ trimmed(stored.expression) }}
{%- else -%}
{{ trimmed('cast(' ~ native_value(stored) ~ ' as string)') }}
{%- endif -%}
{%- endmacro %}

{% macro spark__is_not_a_number(number) -%}isnan(cast({{ number }} as double)){%- endmacro %}

{#- Nulls are kept, as in what DuckDB makes. -#}
{% macro spark__json_text(value) -%}to_json({{ value }}, map('ignoreNullFields', 'false')){%- endmacro %}

{% macro spark__json_record(columns, texts) -%}
{%- set value -%}
named_struct(
    {%- for column in columns %}
    '{{ column }}', cast({{ texts.get(column, column) }} as string){{ ',' if not loop.last }}
    {%- endfor %}
)
{%- endset -%}
{{ spark__json_text(value) }}
{%- endmacro %}

{% macro spark__record_as_known(record) -%}
regexp_replace(
            regexp_replace({{ record }}, r',"loaded_at":("([^"\\]|\\.)*"|null)', ''),
            ',"[a-z_]+":null', ''
        )
{%- endmacro %}

{#- What the rows are ordered by stands first in what is sorted; nulls come last, as in DuckDB. -#}
{% macro spark__json_list(columns, order_by) -%}
{%- set value -%}
transform(array_sort(collect_list(named_struct(
    {%- for column in order_by %}
    'is_null_{{ loop.index }}', {{ column }} is null, 'by_{{ loop.index }}', {{ column }},
    {%- endfor %}
    'row', named_struct(
        {%- for column in columns %}
        '{{ column.split('.') | last }}', {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    )
))), item -> item.row)
{%- endset -%}
{{ spark__json_text(value) }}
{%- endmacro %}

{% macro spark__least_row(columns) -%}
min(named_struct(
            {%- for column in columns %}
            '{{ column.split(' as ') | last }}', {{ column.split(' as ') | first }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        ))
{%- endmacro %}

{% macro spark__field_of_row(row, field) -%}{{ row }}.{{ field }}{%- endmacro %}

{% macro spark__json_text_list(text) -%}to_json(array_sort(collect_set({{ text }}))){%- endmacro %}

{% macro spark__json_text_object(key, text) -%}
{{ spark__json_text('map_from_entries(array_sort(collect_list(struct(' ~ key ~ ', ' ~ text ~ '))))') }}
{%- endmacro %}

{% macro spark__quantiles(number, shares) -%}
percentile({{ number }}, array({{ shares | join(', ') }}))
{%- endmacro %}

{% macro spark__array_item(array, position) -%}element_at({{ array }}, {{ position }}){%- endmacro %}

{% macro spark__json_rows(relation, keys, json_column, name, columns) -%}
select
    {{ keys | join(', ') }}
    {%- for column in columns %},
    item['{{ column }}'] as {{ column }}
    {%- endfor %}
from (
    select
        {{ keys | join(', ') }},
        explode(from_json(
            get_json_object({{ json_column }}, '$.{{ name }}'), 'array<map<string,string>>'
        )) as item
    from {{ relation }}
) as items
{%- endmacro %}

{% macro spark__text_rows(relation, columns) -%}
{%- set present = column_names(relation) -%}
select
    {%- for column in columns %}
    cast({{ column if column in present else 'null' }} as string) as {{ column }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from {{ relation }}
{%- endmacro %}

{% macro spark__split_rows(relation, columns, text_column, separator) -%}
select
    {{ columns | join(', ') }},
    explode(split({{ text_column }}, '[{{ separator }}]')) as value
from {{ relation }}
where {{ text_column }} is not null
{%- endmacro %}

{#- Added in the order of the numbers, and what each addition loses is added at the end (Neumaier). -#}
{% macro spark__exact_sum(number) -%}
case
            when count({{ number }}) > 0
                then aggregate(
                    array_sort(collect_list({{ number }})),
                    named_struct('total', cast(0 as double), 'lost', cast(0 as double)),
                    (state, item) -> named_struct(
                        'total', state.total + item,
                        'lost', state.lost + case
                            when abs(state.total) >= abs(item)
                                then (state.total - (state.total + item)) + item
                            else (item - (state.total + item)) + state.total
                        end
                    ),
                    state -> state.total + state.lost
                )
        end
{%- endmacro %}

{% macro spark__arrays_overlap(one, other) -%}arrays_overlap({{ one }}, {{ other }}){%- endmacro %}

{% macro spark__array_text(array) -%}array_join(array_sort({{ array }}), '|'){%- endmacro %}

{#- No date where the last is before the first. -#}
{% macro spark__dates_between(first, last) -%}
select explode(filter(
    sequence(least({{ first }}, {{ last }}), {{ last }}, interval 1 day), day -> day >= {{ first }}
)) as health_date
{%- endmacro %}

{#- Spark 3.5 knows no recursion: the parents are found level by level, as many as `parent_levels` says. An
    account whose parents come to an end, or round in a circle, stays as it is from there on. -#}
{% macro spark__all_parents(links) -%}
{%- for level in range(2, parent_levels() + 1) %}
{%- if loop.first %}
with

level_1 as (

    select
        health_date,
        account_id,
        parent_account_id as last_parent,
        array(parent_account_id) as parents
    from {{ links }}

),
{%- endif %}

level_{{ level }} as (

    select
        below.health_date,
        below.account_id,
        case
            when not array_contains(below.parents, links.parent_account_id)
                then links.parent_account_id
        end as last_parent,
        case
            when not array_contains(below.parents, links.parent_account_id)
                then array_append(below.parents, links.parent_account_id)
            else below.parents
        end as parents
    from level_{{ level - 1 }} as below
    left join {{ links }} as links
        on below.health_date = links.health_date
        and below.last_parent = links.account_id

){{ ',' if not loop.last }}
{%- endfor %}

select
    health_date,
    account_id,
    explode(parents) as parent_account_id
from level_{{ parent_levels() }}
{%- endmacro %}

{#- Levels of accounts that belong to each other, from one to its highest parent. -#}
{% macro parent_levels() %}{{ return(8) }}{% endmacro %}

{% macro spark__number_set(number) -%}bit_or(shiftleft(cast(1 as bigint), {{ number }})){%- endmacro %}

{% macro spark__is_in_number_set(number, number_set) -%}
({{ number_set }} & shiftleft(cast(1 as bigint), {{ number }})) <> 0
{%- endmacro %}

{% macro spark__epoch_seconds(time) -%}(cast(unix_micros({{ time }}) as double) / 1e6){%- endmacro %}

{% macro spark__no_texts() -%}cast(null as array<string>){%- endmacro %}

{% macro spark__empty_texts() -%}cast(array() as array<string>){%- endmacro %}
