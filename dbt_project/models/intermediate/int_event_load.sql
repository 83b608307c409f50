{{
    config(
        materialized='incremental',
        incremental_strategy='replace_all',
    )
}}
-- Up to which health date, from where, by which run and how events were loaded: one row, which
-- stays as it is where this run could not read them. Built after everything that holds events, so
-- that a run that was killed before reads the same days again.
-- depends_on: {{ ref('int_validated_events') }}
-- depends_on: {{ ref('int_account_days') }}
-- depends_on: {{ ref('int_event_source_days') }}
-- depends_on: {{ ref('int_events_compacted') }}
-- depends_on: {{ ref('int_features_compacted') }}
-- depends_on: {{ ref('int_users_compacted') }}
--
-- A date in the future does not count as loaded: its events are still to come. Nor does what a run
-- said whose clock was ahead.
{%- if execute and is_incremental() and not events_are_read() %}
select
    location,
    loaded_for,
    run_id,
    reader
from {{ this }}
{%- else %}
with

current_load as (

    select
        location,
        least({{ last_health_date() }}, {{ today() }}) as loaded_for
    from {{ ref('raw_tables') }}
    where table_name = 'events'

),

previous_load as (

    {% if is_incremental() -%}
    select
        location,
        loaded_for
    from {{ this }}
    where loaded_for <= {{ today() }}
    {%- else -%}
    select *
    from current_load
    where false
    {%- endif %}

)

select
    current_load.location,
    greatest(current_load.loaded_for, previous_load.loaded_for) as loaded_for,
    '{{ invocation_id }}' as run_id,
    cast(
        {{ quoted(event_reader_fingerprint()) if execute and events_are_read() else 'null' }}
        as {{ dbt.type_string() }}
    ) as reader
from current_load
left join previous_load on current_load.location = previous_load.location
{%- endif %}
