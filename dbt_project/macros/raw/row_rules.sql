{#- The row rules (docs/raw_tables.md), as conditions on the columns of `raw_columns`. -#}

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

{#- Condition that a row needs the column, followed by `and`; blank where every row does. -#}
{% macro is_needed(column) -%}
{%- if column.required_for -%}kind__value in ('{{ column.required_for | join("', '") }}') and {% endif -%}
{%- endmacro %}

{% macro is_null_word(column) -%}
lower({{ column.name }}) in ('null', 'none', 'n/a', 'na', 'nan', {{ quoted('\\n') }}, '-')
{%- if column.kind == 'time' %} or {{ column.name }} like '0000%'{% endif -%}
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

{#- Times before this are taken for mistakes (docs/raw_tables.md). -#}
{% macro plausible_from() %}cast('2000-01-01' as timestamp){% endmacro %}

{#- What a column of the key is compared by. -#}
{% macro key_part(column) -%}
{{ 'cast(' ~ column.value ~ ' as date)' if column.key_by_day else column.value }}
{%- endmacro %}
