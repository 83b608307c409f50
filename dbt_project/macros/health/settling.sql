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

{#- Incremental strategy of `int_calculated_state_starts`: what begins on this run's health dates, and on
    the date after it in the history, takes the place of what is there. All rows go where no segment asks
    for settled states, because what is not kept by every run would have holes, and where they have some. -#}
{% macro get_incremental_replace_calculated_state_starts_sql(arguments) %}
    delete from {{ arguments.target_relation }}
    {%- if most_settle_days() and keeps_calculated_states() %}
    where
        health_date >= {{ first_health_date() }}
        and coalesce(previous_date <= {{ last_health_date() }}, true)
    {%- endif %};
    {{ insert_new_rows(arguments) }}
{% endmacro %}
