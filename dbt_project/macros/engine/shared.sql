{#- What is said in several places and every engine spells alike. -#}

{#- Text without the blanks around it; blank is null. Blanks are all that Unicode calls white
    space. Trimming costs many times what a look at both ends does, and hardly any text needs it. -#}
{% macro trimmed(text) -%}
case
            when {{ text }} between '!' and '~' and substr({{ text }}, -1) between '!' and '~'
                then {{ text }}
            else nullif(trim(both '{{ white_space() }}' from {{ text }}), '')
        end
{%- endmacro %}

{% macro white_space() -%}
{{ ' \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680'
    '\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a'
    '\u2028\u2029\u202f\u205f\u3000' }}
{%- endmacro %}

{#- A number as a person would write it: no exponent, no needless zeros, at most six decimals. -#}
{% macro number_text(number) -%}
case
    when {{ number }} = floor({{ number }}) and abs({{ number }}) < 1e15
        then cast(cast({{ number }} as bigint) as {{ dbt.type_string() }})
    when abs({{ number }}) < 1e30
        then regexp_replace(
            regexp_replace(
                cast(cast({{ number }} as decimal(38, 6)) as {{ dbt.type_string() }}), '[.]?0+$', ''
            ),
            '^-0$',
            '0'
        )
    else cast({{ number }} as {{ dbt.type_string() }})
end
{%- endmacro %}

{#- A number with so many decimals, halves away from zero as its six decimals read. -#}
{% macro rounded_as_written(number, decimals) -%}
case
            when abs({{ number }}) < 1e15
                then cast(round(cast({{ number }} as decimal(38, 6)), {{ decimals }}) as double)
            else {{ number }}
        end
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

{#- Does an array hold a value. -#}
{% macro array_has(array, value) -%}array_contains({{ array }}, {{ value }}){%- endmacro %}

{#- Sets of numbers (`number_set`): what is in any of several, and how many numbers are in one. -#}
{% macro number_set_of_sets(number_set) -%}bit_or({{ number_set }}){%- endmacro %}
{% macro number_set_size(number_set) -%}bit_count({{ number_set }}){%- endmacro %}
