{#- Incremental strategies: which rows of its table a model's new rows take the place of. How that is
    written, the engine says (`replace_rows`). -#}

{#- The rows of this run's health dates. -#}
{% macro get_incremental_replace_health_dates_sql(arguments) %}
    {{ return(replace_rows(
        arguments, 'health_date between ' ~ first_health_date() ~ ' and ' ~ last_health_date()
    )) }}
{% endmacro %}

{#- The same, and of the date after the run in the history as well. -#}
{% macro get_incremental_replace_health_dates_and_next_sql(arguments) %}
    {{ return(replace_rows(
        arguments, 'health_date between ' ~ first_health_date() ~ ' and '
        ~ known_now(next_health_date(), 'date')
    )) }}
{% endmacro %}

{#- All rows. The table is kept, so that a model can read what it held before. -#}
{% macro get_incremental_replace_all_sql(arguments) %}
    {{ return(replace_rows(arguments, 'true')) }}
{% endmacro %}

{#- Of tables of the latest health date: all rows when the run calculates that date, none when it does not. -#}
{% macro get_incremental_replace_latest_sql(arguments) %}
    {{ return(replace_rows(arguments, known_now(is_latest_date_in_run(), 'boolean'))) }}
{% endmacro %}

{#- The event days that this run read. -#}
{% macro get_incremental_replace_event_days_sql(arguments) %}
    {{ return(replace_rows(arguments, is_event_day_read('event_day'))) }}
{% endmacro %}

{#- Of `int_events_compacted`: all rows, or none (see `compaction`). -#}
{% macro get_incremental_compact_events_sql(arguments) %}
    {{ return(
        'select 1' if compaction(arguments.target_relation).keep else replace_rows(arguments, 'true')
    ) }}
{% endmacro %}

{#- Of `int_calculated_state_starts`: what begins on this run's health dates, and on the date after it in the
    history. All rows go where no segment asks for settled states, because what is not kept by every run
    would have holes, and where they have some. -#}
{% macro get_incremental_replace_calculated_state_starts_sql(arguments) %}
    {{ return(replace_rows(
        arguments,
        'health_date >= ' ~ first_health_date()
        ~ ' and coalesce(previous_date <= ' ~ last_health_date() ~ ', true)'
        if most_settle_days() and keeps_calculated_states() else 'true'
    )) }}
{% endmacro %}
