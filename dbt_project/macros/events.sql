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
    what is declared of their values. Where it changes, events are read anew, never mixed. -#}
{% macro event_reader_fingerprint() %}
    {%- set file = raw_table('events') -%}
    {{ return(local_md5(tojson([
        'reader 1', file.columns.keys() | sort, declared_values('events')
    ], sort_keys=true))) }}
{% endmacro %}

{#- The first day that the raw table has events on, as text. -#}
{% macro first_raw_event_day() %}
    {{ return(run_query(first_raw_day('events')).columns[0].values()[0]) }}
{% endmacro %}

{#- The same as `days` of `judged_rows`. -#}
{% macro event_days_read() %}
    {%- set read_from = events_read_from() -%}
    {{ return({'from': read_from, 'to': none, 'and_timeless': true} if read_from else none) }}
{% endmacro %}

{#- The days that this run reads in steps of about so many events (var `events_per_step`), each as
    `days` of `judged_rows`; none where one step will do. What a step needs is let go before the next,
    so that a first load of any size keeps to the memory. A day is never parted: copies and duplicates
    of an event are looked for within it. -#}
{% macro event_steps() %}
    {%- set days = event_days_read() -%}
    {%- if not events_are_read() or (days and is_short_read(days.from)) -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set starts = [] -%}
    {%- set in_step = namespace(row_count=0) -%}
    {%- for row in run_query(raw_rows_by_day('events', days)).rows -%}
        {%- if not starts or in_step.row_count + row[1] > var('events_per_step') -%}
            {%- do starts.append(row[0]) -%}
            {%- set in_step.row_count = 0 -%}
        {%- endif -%}
        {%- set in_step.row_count = in_step.row_count + row[1] -%}
    {%- endfor -%}
    {%- if starts | length < 2 -%}{{ return(none) }}{%- endif -%}
    {%- set steps = [] -%}
    {%- for start in starts -%}
        {%- do steps.append({
            'from': start,
            'to': none if loop.last else loop.nextitem,
            'and_timeless': loop.first,
        }) -%}
    {%- endfor -%}
    {{ return(steps) }}
{% endmacro %}

{#- Whether so few days are read that their events need not be counted first: a month. Events are read up
    to the latest, whatever the health dates are. -#}
{% macro is_short_read(read_from) %}
    {%- set first_day = modules.datetime.date.fromisoformat(read_from) -%}
    {{ return((run_started_at.date() - first_day).days <= 31) }}
{% endmacro %}

{#- The statements of `int_judged_events` where it is built in steps, one for each; none where not.

    sql: the model's own statement for all days -#}
{% macro steps_of_events(sql) %}
    {%- set steps = event_steps() -%}
    {%- if not steps -%}{{ return(none) }}{%- endif -%}
    {%- set statements = [] -%}
    {%- for days in steps -%}
        {%- do statements.append(judged_events(days)) -%}
    {%- endfor -%}
    {{ return(statements) }}
{% endmacro %}

{#- The same of a model over the days of `int_judged_events`, whose statement says `is_event_day_of_step`. -#}
{% macro steps_of_event_days(sql) %}
    {%- set steps = event_steps() -%}
    {%- if not steps -%}{{ return(none) }}{%- endif -%}
    {%- set statements = [] -%}
    {%- for days in steps -%}
        {#- The first and the last are open, for days that are there from before. -#}
        {%- set bounds = [] -%}
        {%- if not loop.first %}{% do bounds.append("event_day >= cast('" ~ days.from ~ "' as date)") %}{% endif -%}
        {%- if days.to %}{% do bounds.append("event_day < cast('" ~ days.to ~ "' as date)") %}{% endif -%}
        {%- do statements.append(sql | replace(is_event_day_of_step(), bounds | join(' and '))) -%}
    {%- endfor -%}
    {{ return(statements) }}
{% endmacro %}
{% macro is_event_day_of_step() %}true /* event days of step */{% endmacro %}

{#- The raw events of some days, judged: those that count rolled up to days, and those with something
    wrong one by one (see `int_judged_events`). -#}
{% macro judged_events(days) -%}
with

judged as (

    {{ judged_rows('events', accounts=ref('stg_accounts'), days=days) }}

),

daily as (

    select
        cast(occurred_at as date) as event_day,
        account_id,
        user_id,
        feature,
        module,
        product,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        sum(coalesce(event_count, 1)) as event_count,
        count(*) as rows_read
    from judged
    where rejected_reason is null
    group by
        cast(occurred_at as date),
        account_id,
        user_id,
        feature,
        module,
        product

)

select
    *,
    cast(null as {{ dbt.type_string() }}) as record_key,
    cast(null as timestamp) as record_time,
    cast(null as {{ dbt.type_string() }}) as rejected_reason,
    cast(null as {{ dbt.type_string() }}) as value_issues,
    cast(null as {{ dbt.type_string() }}) as record
from daily

union all

select
    cast(record_time as date) as event_day,
    account_id,
    user_id,
    feature,
    module,
    product,
    cast(null as timestamp) as first_at,
    cast(null as timestamp) as last_at,
    cast(null as double) as event_count,
    case when rejected_reason is null then 0 else 1 end as rows_read,
    record_key,
    record_time,
    rejected_reason,
    value_issues,
    record
from judged
where record is not null

order by event_day
{%- endmacro %}

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

{#- What a model of settled events does in this run: {'keep': true}, or {'keep': false} with
    `settle_on` and `start_from`, both texts; without `settle_on` it holds nothing.

    settled: the table as it is, or none

    `settle_on` must not lie after the first health date of the run, nor after the first day of events
    that the run read anew; it lies before what the next night reads anew. It moves on once it lags a
    week. -#}
{% macro settlement(settled) %}
    {%- if not can_be_queried(ref('config_measurements')) -%}{{ return({'keep': false}) }}{%- endif -%}
    {%- if settled and not events_are_read() -%}{{ return({'keep': true}) }}{%- endif -%}
    {%- set is_needed = (
        lifetime_users_of_features() if model.name == 'int_events_settled' else 'true'
    ) -%}
    {%- set read_from = events_read_from() -%}
    {%- set limit = "least(" ~ first_health_date()
        ~ " - greatest(" ~ var('late_arrival_days')
        ~ ", cast(coalesce((select max(lag_days) from " ~ ref('config_measurements')
        ~ " where operand in " ~ operands_of_things() ~ "), 0) as integer))"
        ~ (", cast('" ~ read_from ~ "' as date)" if read_from else "") ~ ")" -%}
    {%- set state = run_query(
        "select "
        ~ is_needed ~ ", "
        ~ "cast(" ~ limit ~ " as " ~ dbt.type_string() ~ "), "
        ~ "cast(max(settled_on) as " ~ dbt.type_string() ~ "), "
        ~ "coalesce(max(settled_on) <= " ~ limit ~ ", false), "
        ~ "coalesce(max(settled_on) + 7 > " ~ limit ~ ", false) from "
        ~ (settled or "(select cast(null as date) as settled_on) as nothing")
    ).rows[0] -%}
    {%- set can_continue = settled and read_from and state[3] -%}
    {%- if can_continue and (state[4] or not state[0]) -%}{{ return({'keep': true}) }}{%- endif -%}
    {{ return({
        'keep': false,
        'settle_on': state[1] if state[0] else none,
        'start_from': state[2] if can_continue else none,
    }) }}
{% endmacro %}

{#- Operands that count distinct things, or look at their last day. -#}
{% macro operands_of_things() -%}
('features_used', 'modules_used', 'active_users', 'known_active_users', 'last_event_day')
{%- endmacro %}

{#- Condition that a metric counts, over the lifetime, the users of some features, modules or products. -#}
{% macro lifetime_users_of_features() -%}
exists (
    select 1
    from {{ ref('config_measurements') }}
    where operand = 'active_users' and dimension is not null and window_days is null
)
{%- endmacro %}

{#- Events long past, folded: one row per account and combination of the columns, over all days
    before `settled_on`. What has happened since is in `int_events_daily`. -#}
{% macro settled_events(columns, settle) -%}
{%- if settle.keep -%}
select * from {{ this }} where false
{%- else -%}
with

days as (

    {{ settled_and_daily(
        columns,
        settled=this if settle.start_from else none,
        start="cast('" ~ (settle.start_from or '0001-01-01') ~ "' as date)",
        end=settled_on(settle),
    ) }}

)

select
    account_id,
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    min(first_day) as first_day,
    max(event_day) as last_day,
    min(first_at) as first_at,
    max(last_at) as last_at,
    sum(event_count) as event_count,
    {{ settled_on(settle) }} as settled_on
from days
group by
    account_id,
    {%- for column in columns %}
    {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endif %}
{%- endmacro %}

{#- Null, before which no day lies, where nothing is to be settled. -#}
{% macro settled_on(settle) -%}
cast({{ "'" ~ settle.settle_on ~ "'" if settle.settle_on else 'null' }} as date)
{%- endmacro %}

{#- What is settled, if anything, and the daily rows of the days from `start` up to but not including
    `end`: (account_id, columns..., first_day, event_day, first_at, last_at, event_count), where
    `event_day` is the last day of what is settled, and the day of what is not.

    since: relation with a row of the first day that matters (read_from), or without a row where none
        does; all matter where it is none -#}
{% macro settled_and_daily(columns, settled, start, end, since=none) -%}
{%- if settled -%}
select
    account_id,
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    first_day,
    last_day as event_day,
    first_at,
    last_at,
    event_count
from {{ settled }}

union all

{% endif -%}
select
    account_id,
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    event_day as first_day,
    event_day,
    first_at,
    last_at,
    event_count
from {{ ref('int_events_daily') }}
{%- if since %}
inner join {{ since }} as since on event_day >= since.read_from
{%- endif %}
where
    event_day < {{ end }}
    and event_day >= {{ start }}
{%- endmacro %}

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

{#- The day before which a model of settled events holds all that happened. -#}
{% macro settled_until(settled) -%}
(
        select coalesce(max(settled.settled_on), cast('0001-01-01' as date))
        from {{ settled }} as settled
    )
{%- endmacro %}

{#- Every event before the last health date of the run, or of the step, settled or not, as
    `settled_and_daily` gives it.

    settled: a model of settled events that knows the columns -#}
{% macro events_of_the_past(settled, columns, since=none) -%}
{{ settled_and_daily(columns, settled, settled_until(settled), last_date_of_step(), since) }}
{%- endmacro %}

{#- The same folded to the first and the last time of each combination of the columns. -#}
{% macro first_and_last_times(settled, columns) -%}
select
    account_id,
    {{ columns | join(',\n    ') }},
    min(first_at) as first_at,
    max(last_at) as last_at
from (
    {{ events_of_the_past(settled, columns) }}
) as days
group by account_id, {{ columns | join(', ') }}
{%- endmacro %}

{#- Lets `users_14d` of a published table of before be null: the table outlives the run, and so does the
    constraint that it was made with. -#}
{% macro users_may_be_unknown() -%}
{% if is_incremental() %}alter table {{ this }} alter column users_14d drop not null{% endif %}
{%- endmacro %}
