{#- The raw tables of which a model `base_<table>` validates every row: [(table, relation)]. Events are
    too many for that: they are read by day. -#}
{% macro validated_tables() %}
    {%- set relations = [] -%}
    {%- for table in [
        'accounts', 'account_attributes', 'account_tags', 'users', 'subscriptions', 'invoices',
        'tickets', 'touchpoints', 'survey_responses', 'risk_assessments', 'exchange_rates',
        'health_overrides', 'health_entries',
    ] -%}
        {%- do relations.append((table, ref('base_' ~ table))) -%}
    {%- endfor -%}
    {{ return(relations) }}
{% endmacro %}
