{{
    config(
        materialized='incremental',
        incremental_strategy='settle_events',
        on_schema_change='fail',
    )
}}
-- What is left to know of events long past: one row per account, user, feature and module, over all
-- days before `settled_on`. Together with the daily roll-up from `settled_on` on it answers
-- lifetime questions for any health date of the run without reading the whole history.
--
-- Every window of the run lies after `settled_on`. It moves on once it lags a month, and back when
-- the run asks for dates, or read events, before it; otherwise the table stays as it is.
-- depends_on: {{ ref('config_measurements') }}
-- depends_on: {{ ref('event_read_range') }}
-- depends_on: {{ ref('int_events_daily') }}
-- depends_on: {{ ref('int_health_dates') }}
{%- set settle = settlement(this if is_incremental() else none) if execute else {} %}
{% if settle.keep -%}
select * from {{ this }} where false
{%- else -%}
with

{% if settle.start_from -%}
settled as (

    select * from {{ this }}

),

{% endif -%}
daily as (

    select
        account_id,
        user_id,
        feature,
        module,
        event_day as first_day,
        event_day as last_day,
        first_at,
        last_at,
        event_count
    from {{ ref('int_events_daily') }}
    where
        event_day < cast('{{ settle.settle_on }}' as date)
        and event_day >= cast('{{ settle.start_from or '0001-01-01' }}' as date)

    {% if settle.start_from -%}
    union all

    select
        account_id,
        user_id,
        feature,
        module,
        first_day,
        last_day,
        first_at,
        last_at,
        event_count
    from settled
    {%- endif %}

)

select
    account_id,
    user_id,
    feature,
    module,
    min(first_day) as first_day,
    max(last_day) as last_day,
    min(first_at) as first_at,
    max(last_at) as last_at,
    sum(event_count) as event_count,
    cast('{{ settle.settle_on }}' as date) as settled_on
from daily
group by
    account_id,
    user_id,
    feature,
    module
{%- endif %}
