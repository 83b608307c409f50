{#- First day of events that this run reads, as text, or none for all. -#}
{% macro events_read_from() %}
    {%- if not can_be_queried(ref('event_read_range')) -%}{{ return(none) }}{%- endif -%}
    {%- set day = run_query(
        'select cast(read_from as ' ~ dbt.type_string() ~ ') from ' ~ ref('event_read_range')
    ).columns[0].values()[0] -%}
    {{ return(day | string if day else none) }}
{% endmacro %}

{#- Whether this run reads events. Where the raw table is absent or cannot be read, what is kept of
    events stays as it is, and the next run that can read them catches up. -#}
{% macro events_are_read() %}{{ return(is_readable(raw_table('events'))) }}{% endmacro %}

{#- What the kept events depend on beside the raw rows: how files are read, which columns they have and
    what is declared of their values. Where it changes, events are read again, never mixed. -#}
{% macro event_reader_fingerprint() %}
    {%- set file = raw_table('events') -%}
    {{ return(local_md5(tojson([
        'reader 1', file.columns.keys() | sort, declared_values('events')
    ], sort_keys=true))) }}
{% endmacro %}

{#- The same as `days` of `validated_rows`. -#}
{% macro event_days_read() %}
    {%- set read_from = events_read_from() -%}
    {{ return({'from': read_from, 'to': none, 'and_undated': true} if read_from else none) }}
{% endmacro %}

{#- The days that this run reads as steps (`macros/dates/steps.sql`) of about so many events (var `events_per_step`).
    What a step needs is let go before the next, so that a first load of any size keeps to the memory. A day
    is never parted: copies and duplicates of an event are looked for within it. The `days` of a step are as
    those of `validated_rows`; `condition` is that an `event_day` is of it, where the first and the last step are
    open, for days that are there from before. -#}
{% macro event_steps() %}
    {%- set days = event_days_read() if execute else none -%}
    {%- set starts = [] -%}
    {%- set in_step = namespace(row_count=0) -%}
    {%- if execute and events_are_read() and not (days and is_short_read(days.from)) -%}
        {%- for row in run_query(raw_rows_by_day('events', days)).rows -%}
            {%- if not starts or in_step.row_count + row[1] > var('events_per_step') -%}
                {%- do starts.append(row[0]) -%}
                {%- set in_step.row_count = 0 -%}
            {%- endif -%}
            {%- set in_step.row_count = in_step.row_count + row[1] -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if starts | length < 2 -%}{{ return(in_steps([{'days': days, 'condition': 'true'}])) }}{%- endif -%}
    {%- set steps = [] -%}
    {%- for start in starts -%}
        {%- set next = none if loop.last else loop.nextitem -%}
        {%- set bounds = [] -%}
        {%- if not loop.first %}{% do bounds.append("event_day >= cast('" ~ start ~ "' as date)") %}{% endif -%}
        {%- if next %}{% do bounds.append("event_day < cast('" ~ next ~ "' as date)") %}{% endif -%}
        {%- do steps.append({
            'days': {'from': start, 'to': next, 'and_undated': loop.first},
            'condition': bounds | join(' and '),
        }) -%}
    {%- endfor -%}
    {{ return(in_steps(steps)) }}
{% endmacro %}

{#- Whether so few days are read that their events need not be counted first: a month. Events are read up
    to the latest, whatever the health dates are. -#}
{% macro is_short_read(read_from) %}
    {%- set first_day = modules.datetime.date.fromisoformat(read_from) -%}
    {{ return((run_started_at.date() - first_day).days <= 31) }}
{% endmacro %}

{#- Condition that the rows of an event day were read by this run, and so are replaced. A day is
    null, or before 2000, where the event has no usable time. -#}
{% macro is_event_day_read(event_day) -%}
{%- set read_from = events_read_from() -%}
{%- if execute and not events_are_read() -%}
false
{%- elif read_from -%}
(
    {{ event_day }} is null
    or {{ event_day }} >= cast('{{ read_from }}' as date)
    or {{ event_day }} < cast({{ plausible_from() }} as date)
)
{%- else -%}
true
{%- endif -%}
{%- endmacro %}

{#- What a model of compacted events does in this run: {'keep': true}, or {'keep': false} with
    `settle_on` and `start_from`, both texts; without `settle_on` it holds nothing.

    compacted: the table as it is, or none

    `settle_on` must not lie after the first health date of the run, nor after the first day of events
    that the run read again; it lies before what the next night reads again. It moves on once it lags a
    week. -#}
{% macro compaction(compacted) %}
    {%- if not can_be_queried(ref('config_measurements')) -%}{{ return({'keep': false}) }}{%- endif -%}
    {%- if compacted and not events_are_read() -%}{{ return({'keep': true}) }}{%- endif -%}
    {#- Users of features are compacted only where a metric counts them over the lifetime. -#}
    {%- set is_needed = (
        "exists (select 1 from " ~ ref('config_measurements')
        ~ " where operand = 'active_users' and dimension is not null and window_days is null)"
        if model.name == 'int_events_compacted' else 'true'
    ) -%}
    {%- set read_from = events_read_from() -%}
    {%- set limit = first_health_date()
        ~ " - greatest(" ~ var('late_arrival_days')
        ~ ", cast(coalesce((select max(lag_days) from " ~ ref('config_measurements')
        ~ " where operand in ('features_used', 'modules_used', 'active_users', 'known_active_users',"
        ~ " 'days_since_last_event') or (operand = 'events' and window_days is null)), 0) as integer))" -%}
    {%- if read_from -%}
        {%- set limit = "least(" ~ limit ~ ", cast('" ~ read_from ~ "' as date))" -%}
    {%- endif -%}
    {%- set state = run_query(
        "select "
        ~ is_needed ~ ", "
        ~ "cast(" ~ limit ~ " as " ~ dbt.type_string() ~ "), "
        ~ "cast(max(settled_on) as " ~ dbt.type_string() ~ "), "
        ~ "coalesce(max(settled_on) <= " ~ limit ~ ", false), "
        ~ "coalesce(max(settled_on) + 7 > " ~ limit ~ ", false) from "
        ~ (compacted or "(select cast(null as date) as settled_on) as nothing")
    ).rows[0] -%}
    {%- set can_continue = compacted and read_from and state[3] -%}
    {%- if can_continue and (state[4] or not state[0]) -%}{{ return({'keep': true}) }}{%- endif -%}
    {{ return({
        'keep': false,
        'settle_on': state[1] if state[0] else none,
        'start_from': state[2] if can_continue else none,
    }) }}
{% endmacro %}

{#- Events long past, folded: one row per account and combination of the columns, over all days
    before `settled_on`. What has happened since is in `int_events_daily`. -#}
{% macro compacted_events(columns, compact) -%}
{%- if compact.keep -%}
select * from {{ this }} where false
{%- else -%}
with

days as (

    {% if compact.start_from -%}
    select
        account_id,
        {{ columns | join(',\n        ') }},
        first_day,
        last_day as event_day,
        first_at,
        last_at,
        event_count
    from {{ this }}

    union all

    {% endif -%}
    select
        account_id,
        {{ columns | join(',\n        ') }},
        event_day as first_day,
        event_day,
        first_at,
        last_at,
        event_count
    from {{ ref('int_events_daily') }}
    where
        event_day < {{ settled_on(compact) }}
        and event_day >= cast('{{ compact.start_from or '0001-01-01' }}' as date)

)

select
    account_id,
    {{ columns | join(',\n    ') }},
    min(first_day) as first_day,
    max(event_day) as last_day,
    min(first_at) as first_at,
    max(last_at) as last_at,
    sum(event_count) as event_count,
    {{ settled_on(compact) }} as settled_on
from days
group by
    account_id,
    {{ columns | join(',\n    ') }}
{%- endif %}
{%- endmacro %}

{#- Null, before which no day lies, where nothing is to be compacted. -#}
{% macro settled_on(compact) -%}
cast({{ "'" ~ compact.settle_on ~ "'" if compact.settle_on else 'null' }} as date)
{%- endmacro %}

{#- Days that the published detail of users and features looks back, as its columns say. -#}
{% macro adoption_window_days() %}{{ return(14) }}{% endmacro %}

{#- Condition that an event day lies in those that the published detail of the latest health date
    looks back. -#}
{% macro is_in_adoption_window(event_day) -%}
(
            {{ event_day }} < {{ latest_health_date() }}
            and {{ event_day }} >= {{ latest_health_date() }} - {{ adoption_window_days() }}
        )
{%- endmacro %}

{#- Condition that an event day lies before the latest health date and is not compacted, or in the days that
    the published detail looks back: what of those is compacted has the same first and last times there. -#}
{% macro is_recent(event_day, compacted) -%}
(
            {{ event_day }} < {{ latest_health_date() }}
            and {{ event_day }} >= least(
                {{ compacted_until(compacted) | indent(8) }},
                {{ latest_health_date() }} - {{ adoption_window_days() }}
            )
        )
{%- endmacro %}

{#- The day before which a model of compacted events holds all that happened. -#}
{% macro compacted_until(compacted) -%}
(
        select coalesce(max(compacted.settled_on), cast('0001-01-01' as date))
        from {{ compacted }} as compacted
    )
{%- endmacro %}
