{#- Id of the measurement that every run makes for the MRR in the published tables. The leading
    underscore keeps it apart from the metrics of the configuration, of which no id can begin like
    this: they are lower snake case. -#}
{% macro account_mrr_metric() %}_mrr{% endmacro %}

{#- Begin of the ids of metrics that are measured for the previous configuration only. -#}
{% macro previous_metric_prefix() %}_previous:{% endmacro %}

{#- Begin of the ids of the values that a metric compares: what its base metric is on the health date, and
    what it was one window before. -#}
{% macro base_metric_prefix() %}_base:{% endmacro %}
{% macro earlier_metric_prefix() %}_earlier:{% endmacro %}

{#- Two operands of a measure, put together by its formula. -#}
{% macro compared_values(formula, first_value, second_value) -%}
case {{ formula }}
                when 'difference' then {{ first_value }} - {{ second_value }}
                when 'ratio' then {{ first_value }} / nullif({{ second_value }}, 0)
                when 'change' then {{ first_value }} / nullif({{ second_value }}, 0) - 1
            end
{%- endmacro %}

{#- The value of a metric. Numbers too large to add up are missing, not infinite. The last bits of a sum depend
    on the order in which threads add: without them a rerun gives the very same rows. -#}
{% macro metric_number(value) -%}
round({{ finite_number(value) }}, 12)
{%- endmacro %}
