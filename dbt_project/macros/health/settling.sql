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
    asked for settled states, until one is not. -#}
{% macro keeps_calculated_states() %}
    {{ return(
        is_incremental()
        and run_query('select exists (select 1 from ' ~ this ~ ')').rows[0][0]
    ) }}
{% endmacro %}

{#- Incremental strategy of `int_calculated_state_starts`: what begins on this run's health dates, and on
    the date after it in the history, takes the place of what is there. All rows go where no segment asks
    for settled states: what is not kept by every run would have holes. -#}
{% macro get_incremental_replace_calculated_state_starts_sql(arguments) %}
    delete from {{ arguments.target_relation }}
    {%- if most_settle_days() %}
    where
        health_date >= {{ first_health_date() }}
        and coalesce(previous_date <= {{ last_health_date() }}, true)
    {%- endif %};
    {{ insert_new_rows(arguments) }}
{% endmacro %}
