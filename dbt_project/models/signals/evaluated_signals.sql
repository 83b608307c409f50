{{ config(materialized='view') }}
-- Everything that is known about an account and that a condition of a configuration or a published
-- table uses: one row per configuration, health date, account and signal that is not missing.
-- Numbers are in `value_number`, texts and booleans in `value_text`, tags in the list
-- `value_texts`.
--
-- Metrics of the previous configuration are those that were measured for it on the first date, and
-- those that were published on the date before the run.
with

signals as (

    select *
    from {{ ref('used_signals') }}
    where origin = 'metric'

),

metric_values as (

    select
        'current' as configuration_key,
        health_date,
        account_id,
        metric_id,
        value
    from {{ ref('account_metrics') }}

    union all

    select
        accounts.configuration_key,
        metrics.health_date,
        metrics.account_id,
        measured.previous_metric_id as metric_id,
        metrics.value
    from {{ ref('account_metrics') }} as metrics
    inner join {{ ref('measured_metrics') }} as measured
        on metrics.metric_id = measured.metric_id
        and measured.previous_metric_id is not null
    inner join {{ ref('int_evaluated_accounts') }} as accounts
        on metrics.health_date = accounts.health_date
        and metrics.account_id = accounts.account_id
        and accounts.configuration_key = 'previous'

    union all

    select
        'previous' as configuration_key,
        metrics.health_date,
        metrics.account_id,
        metrics.metric_id,
        metrics.value
    from {{ ref('pillar_metrics_history') }} as metrics
    inner join {{ ref('int_unexplained_accounts') }} as accounts
        on metrics.health_date = accounts.health_date
        and metrics.account_id = accounts.account_id

)

select
    metric_values.configuration_key,
    metric_values.health_date,
    metric_values.account_id,
    metric_values.metric_id as signal_id,
    metric_values.value as value_number,
    cast(null as {{ dbt.type_string() }}) as value_text,
    {{ no_texts() }} as value_texts
from metric_values
inner join signals
    on metric_values.configuration_key = signals.configuration_key
    and metric_values.metric_id = signals.signal_id
where metric_values.value is not null

union all

select
    configuration_key,
    health_date,
    account_id,
    signal_id,
    value_number,
    value_text,
    value_texts
from {{ ref('other_signals') }}
