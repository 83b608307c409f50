{#- The most days that a segment of this run's configuration asks states to settle; 0 where none asks. -#}
{% macro most_settle_days() %}
    {%- set segments = ref('configured_segments') -%}
    {%- if not can_be_queried(segments) -%}{{ return(0) }}{%- endif -%}
    {{ return(run_query(
        "select coalesce(max(settle_days), 0) from " ~ segments
        ~ " where configuration_key = 'current'"
    ).rows[0][0] | int) }}
{% endmacro %}

{#- Whether the model's table holds where calculated states began: it does from the first run on that is
    asked for settled states, until one is not. One that was stopped before it wrote the history left
    dates that the history does not have, and what it deleted is gone. -#}
{% macro keeps_calculated_states() %}
    {%- set history = adapter.get_relation(target.database, 'health', 'account_health_history') -%}
    {%- if not is_incremental() or not history -%}{{ return(false) }}{%- endif -%}
    {{ return(run_query(
        'select exists (select 1 from ' ~ this ~ ') and not exists (select 1 from ' ~ this
        ~ ' where health_date not in (select health_date from ' ~ history ~ '))'
    ).rows[0][0]) }}
{% endmacro %}
