{{ config(materialized='incremental', incremental_strategy='replace_all') }}
-- Rows of the raw tables that count nowhere, and values that were ignored or changed.
-- depends_on: {{ ref('int_health_dates') }}
with

issues as (

    select
        *,
        {{ record_as_known('record') }} as known_record
    from {{ ref('int_record_issues') }}

),

-- Records that earlier runs reported.
seen as (

    {% if is_incremental() -%}
    select
        table_name,
        coalesce(record_key, '') as record_key,
        reason,
        effect,
        {{ record_as_known('record') }} as known_record,
        min(first_seen_on) as first_seen_on
    from {{ this }}
    group by
        table_name,
        coalesce(record_key, ''),
        reason,
        effect,
        {{ record_as_known('record') }}
    {%- else -%}
    select
        table_name,
        record_key,
        reason,
        effect,
        known_record,
        cast(null as date) as first_seen_on
    from issues
    where false
    {%- endif %}

)

select
    issues.table_name,
    issues.record_key,
    issues.reason,
    issues.effect,
    issues.record,
    issues.record_time,
    coalesce(seen.first_seen_on, {{ first_health_date() }}) as first_seen_on
from issues
left join seen
    on issues.table_name = seen.table_name
    and coalesce(issues.record_key, '') = seen.record_key
    and issues.reason = seen.reason
    and issues.effect = seen.effect
    and issues.known_record = seen.known_record
