{{ config(materialized='incremental', incremental_strategy='replace_event_days') }}
-- Raw events validated, in one pass: those that count are rolled up to days, one row per event day,
-- account, user, feature, module and product (`record` is null); those that were rejected or have
-- a value that was ignored have a row of their own, with the record. An accepted one with such a
-- value is in both, and `rows_read` counts it once.
--
-- Built from the days that the run read; earlier days stay as they are. In the order of days, so
-- that a scan of some days passes the others over.
-- depends_on: {{ source('raw', 'events') }}
-- depends_on: {{ ref('event_read_range') }}
-- depends_on: {{ ref('stg_accounts') }}
{% for step in event_steps() -%}
{{ step.opening }}
with

validated as (

    {{ validated_rows('events', accounts=ref('stg_accounts'), days=step.days) }}

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
    from validated
    where rejected_reason is null
    group by
        cast(occurred_at as date),
        account_id,
        user_id,
        feature,
        module,
        product

),

final as (

    select
        event_day,
        account_id,
        user_id,
        feature,
        module,
        product,
        first_at,
        last_at,
        event_count,
        rows_read,
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
    from validated
    where record is not null

)

select * from final
order by event_day
{{ step.closing }}
{%- endfor %}
