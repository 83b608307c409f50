{#- Id of the measurement that every run makes for the MRR in the published tables. The leading
    underscore keeps it apart from the metrics of the configuration. -#}
{% macro account_mrr_metric() %}_mrr{% endmacro %}
