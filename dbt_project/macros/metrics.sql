{#- Id of the measurement that every run makes for the MRR in the published tables. The leading
    underscore keeps it apart from the metrics of the configuration. -#}
{% macro account_mrr_metric() %}_mrr{% endmacro %}

{#- Begin of the ids of metrics that are measured for the former configuration only. Ids of the
    configuration are lower snake case, so that none can begin like this. -#}
{% macro former_metric_prefix() %}_former:{% endmacro %}
