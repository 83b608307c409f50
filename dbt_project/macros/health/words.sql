{#- How numbers, thresholds and comparisons read in sentences for people (docs/published_tables.md, "The main
    reason"). -#}

{#- A number as a person would say it, without its unit: two decimals, a ratio as a percentage with one.

    is_exact: whether it keeps all its decimals -#}
{% macro spoken_number(number, unit, is_exact=false) -%}
{%- set share = number if is_exact else rounded_as_written(number, 3) -%}
{%- set plain = number if is_exact else rounded_as_written(number, 2) -%}
case
            when {{ unit }} = 'ratio' then {{ dbt.concat([number_text('(100 * ' ~ share ~ ')'), "'%'"]) }}
            else {{ number_text('(' ~ plain ~ ')') }}
        end
{%- endmacro %}

{#- What stands after a spoken number: a blank and its unit. Percentages have theirs, and what only says between
    which numbers a score lies is no unit. -#}
{% macro spoken_unit(text, unit) -%}
{%- set words = "nullif(trim(replace(" ~ unit ~ ", 'currency', " ~ quoted(var('reporting_currency')) ~ ")), '')" -%}
case
    when {{ unit }} is null or {{ unit }} = 'ratio' or {{ unit }} like 'score%' then ''
    when {{ words }} is null then ''
    when {{ text }} in ('1', '-1') then {{ dbt.concat(["' '", singular(words)]) }}
    else {{ dbt.concat(["' '", words]) }}
end
{%- endmacro %}

{#- How a comparison with a threshold begins. Tags are several, so that one that equals is one of them. -#}
{% macro spoken_comparison(operator, value_type) -%}
case
    when {{ value_type }} = 'tags' and {{ operator }} in ('=', 'in') then {{ quoted(var('operators')['in'].words) }}
    when {{ value_type }} = 'tags' then {{ quoted(var('operators')['not_in'].words) }}
    {%- for name, rules in var('operators').items() %}
    when {{ operator }} = {{ quoted(name) }} then {{ quoted(rules.words) }}
    {%- endfor %}
    else ''
end
{%- endmacro %}

{#- The parts of a list as a person would write them. -#}
{% macro spoken_list(texts) -%}
replace({{ array_text(texts) }}, '|', ', ')
{%- endmacro %}
