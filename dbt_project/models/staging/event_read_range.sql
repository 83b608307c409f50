{{
    config(
        materialized='incremental',
        incremental_strategy='replace_all',
    )
}}
-- From which day on this run reads events: one row; null means all of them. A run that cannot read
-- events leaves the row as it was, and with it all that is kept of events.
--
-- A daily run reads back `late_arrival_days` before the latest date that events were loaded for. It
-- reads further back where an account with events became known or unknown since, because
-- `unknown_account` is decided again by every run, and where the run before was stopped before it
-- had taken in what it had to read. A first run, a full refresh and another raw folder read all. As
-- far back as raw goes is read where events are read in another way than before: other columns,
-- other declared values, another reader; and where a day to come counts as loaded, because the
-- clock was ahead, and nobody knows up to which day events were there.
-- depends_on: {{ ref('raw_tables') }}
-- depends_on: {{ ref('stg_accounts') }}
-- depends_on: {{ ref('int_health_dates') }}
{%- if execute %}
{%- set load = adapter.get_relation(target.database, 'intermediate', 'int_event_load') %}
{%- set events = adapter.get_relation(target.database, 'intermediate', 'int_validated_events') %}
{%- set users = adapter.get_relation(target.database, 'intermediate', 'int_users_compacted') %}
{%- set is_read = events_are_read() %}
{%- set is_ahead = load and run_query(
    'select count(*) from ' ~ load ~ ' where loaded_for > ' ~ today()
).rows[0][0] > 0 %}
{%- set is_same_reader = (
    is_read
    and load
    and 'reader' in column_names(load)
    and event_reader_fingerprint() in run_query('select reader from ' ~ load).columns[0].values()
) %}
{%- endif %}

{% if is_incremental() and not is_read -%}
select
    read_from,
    run_id
from {{ this }}
{%- elif is_incremental() and load and events and users and (is_ahead or not is_same_reader) -%}
{%- set first_day = run_query(first_raw_day('events')).columns[0].values()[0] %}
{%- do log(
    (
        'The clock was ahead when events were loaded, and so they are read again, from '
        if is_same_reader
        else 'Events are read in another way than before, and so are read again, from '
    ) ~ first_day ~ ' on.',
    info=true
) %}
select
    cast({{ quoted(first_day) if first_day else 'null' }} as date) as read_from,
    '{{ invocation_id }}' as run_id
{%- elif is_incremental() and load and events and users -%}
with

loads as (

    select
        loads.*,
        unfinished.run_id is not null as is_unfinished,
        unfinished.read_from as unfinished_read_from
    from {{ load }} as loads
    left join {{ this }} as unfinished on loads.run_id <> unfinished.run_id

),

accounts as (

    select account_id from {{ ref('stg_accounts') }}

),

first_days as (

    select
        least(
            least(loaded_for, {{ first_health_date() }}) - {{ var('late_arrival_days') }},
            unfinished_read_from
        ) as event_day
    from loads

    union all

    select min(issues.event_day) as event_day
    from {{ events }} as issues
    inner join accounts on issues.account_id = accounts.account_id
    where issues.rejected_reason = 'unknown_account'

    union all

    select min(issues.event_day) as event_day
    from {{ events }} as issues
    left join accounts on issues.account_id = accounts.account_id
    where issues.rejected_reason = 'duplicate_key' and accounts.account_id is null

    union all

    -- Whose events are compacted, the users there tell without a look at every day. What a run that
    -- was stopped left not compacted lies after the day it read from.
    select min(users.first_day) as event_day
    from {{ users }} as users
    left join accounts on users.account_id = accounts.account_id
    where accounts.account_id is null

    union all

    select min(daily.event_day) as event_day
    from {{ events }} as daily
    left join accounts on daily.account_id = accounts.account_id
    where
        accounts.account_id is null
        and daily.record is null
        and daily.event_day >= (
            select coalesce(max(compacted.settled_on), cast('0001-01-01' as date))
            from {{ users }} as compacted
        )

),

can_continue as (

    select count(*) > 0 as is_true
    from loads
    inner join {{ ref('raw_tables') }} as raw_tables
        on loads.location = raw_tables.location
        and raw_tables.table_name = 'events'
    where not (loads.is_unfinished and loads.unfinished_read_from is null)

)

select
    case when (select can_continue.is_true from can_continue) then min(event_day) end as read_from,
    '{{ invocation_id }}' as run_id
from first_days
{%- else -%}
select
    cast(null as date) as read_from,
    '{{ invocation_id }}' as run_id
{%- endif %}
