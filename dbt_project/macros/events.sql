{#- First day of events that this run reads, as text, or none for all. -#}
{% macro events_read_from() %}
    {%- if not execute -%}{{ return(none) }}{%- endif -%}
    {%- set day = run_query(
        'select cast(read_from as ' ~ dbt.type_string() ~ ') from ' ~ ref('event_read_range')
    ).columns[0].values()[0] -%}
    {{ return(day | string if day else none) }}
{% endmacro %}

{#- Condition that the rows of an event day were read by this run, and so are replaced. A day is
    null, or before 2000, where the event has no usable time. -#}
{% macro is_event_day_read(event_day) -%}
{%- set read_from = events_read_from() -%}
{%- if read_from -%}
(
    {{ event_day }} is null
    or {{ event_day }} >= cast('{{ read_from }}' as date)
    or {{ event_day }} < cast({{ plausible_from() }} as date)
)
{%- else -%}
true
{%- endif -%}
{%- endmacro %}

{#- What `int_events_settled` does in this run: {'keep'} or {'settle_on', 'start_from'}.

    settled: the table as it is, or none. `settle_on` must not lie after the first day that a window
    of the run reaches back to, nor after the first day of events that the run read anew. -#}
{% macro settlement(settled) %}
    {%- set reach = run_query(
        "select greatest(coalesce(max(coalesce(window_days, 0) + lag_days), 0), "
        ~ adoption_window_days() ~ ") from " ~ ref('config_measurements')
        ~ " where operand in ('events', 'features_used', 'modules_used', 'active_users', "
        ~ "'known_active_users', 'active_days', 'last_event_day')"
    ).columns[0].values()[0] -%}
    {%- set read_from = events_read_from() -%}
    {%- set limit = "least(" ~ first_health_date() ~ " - " ~ (reach | int)
        ~ (", cast('" ~ read_from ~ "' as date)" if read_from else "") ~ ")" -%}
    {%- if settled and read_from -%}
        {%- set state = run_query(
            "select cast(max(settled_on) as " ~ dbt.type_string() ~ "), "
            ~ "coalesce(max(settled_on) <= " ~ limit ~ ", false), "
            ~ "coalesce(max(settled_on) + 31 > " ~ limit ~ ", false) from " ~ settled
        ).rows[0] -%}
        {%- if state[1] and state[2] -%}{{ return({'keep': true}) }}{%- endif -%}
    {%- else -%}
        {%- set state = [none, false] -%}
    {%- endif -%}
    {%- set settle_on = run_query(
        "select cast(" ~ limit ~ " as " ~ dbt.type_string() ~ ")"
    ).columns[0].values()[0] -%}
    {{ return({
        'keep': false,
        'settle_on': settle_on,
        'start_from': state[0] if state[1] else none,
    }) }}
{% endmacro %}

{#- Days that the published detail of users and features looks back, as its columns say. -#}
{% macro adoption_window_days() %}{{ return(14) }}{% endmacro %}

{#- Condition that an event day lies in those that the published detail of the latest health date
    looks back; of the last date of the run, which is the latest wherever that detail is written. -#}
{% macro is_in_adoption_window(event_day) -%}
(
            {{ event_day }} < {{ last_health_date() }}
            and {{ event_day }} >= {{ last_health_date() }} - {{ adoption_window_days() }}
        )
{%- endmacro %}

{#- Every event before the last health date of the run, folded to the first and the last time of each
    combination of the columns: (account_id, columns..., first_at, last_at). -#}
{% macro first_and_last_times(columns) -%}
select
    account_id,
    {{ columns | join(',\n    ') }},
    min(first_at) as first_at,
    max(last_at) as last_at
from (
    select
        account_id,
        {{ columns | join(',\n        ') }},
        first_at,
        last_at
    from {{ ref('int_events_settled') }}

    union all

    select
        account_id,
        {{ columns | join(',\n        ') }},
        first_at,
        last_at
    from {{ ref('int_events_daily') }}
    where
        event_day < {{ last_health_date() }}
        and event_day >= (
            select coalesce(max(settled.settled_on), cast('0001-01-01' as date))
            from {{ ref('int_events_settled') }} as settled
        )
) as days
group by account_id, {{ columns | join(', ') }}
{%- endmacro %}
