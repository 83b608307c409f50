{{
    config(
        materialized='incremental',
        incremental_strategy='replace_all',
        on_schema_change='fail',
    )
}}
-- Up to which health date, from where and by which run events were loaded: one row. Built after
-- everything that holds events, so that a run that was killed before reads the same days again.
-- depends_on: {{ ref('int_events_daily') }}
-- depends_on: {{ ref('int_event_issues') }}
-- depends_on: {{ ref('int_event_source_days') }}
-- depends_on: {{ ref('int_events_settled') }}
with

current_load as (

    select
        location,
        {{ last_health_date() }} as loaded_for
    from {{ ref('raw_tables') }}
    where table_name = 'events'

)

{% if is_incremental() -%}
select
    coalesce(current_load.location, previous_load.location) as location,
    case
        when current_load.location is null then previous_load.loaded_for
        when current_load.location = previous_load.location
            then greatest(current_load.loaded_for, previous_load.loaded_for)
        else current_load.loaded_for
    end as loaded_for,
    '{{ invocation_id }}' as run_id
from current_load
left join {{ this }} as previous_load on true
{%- else -%}
select
    location,
    loaded_for,
    '{{ invocation_id }}' as run_id
from current_load
{%- endif %}
