-- What the configuration of the date before knows about the accounts of `int_former_accounts`: one
-- row per health date, account and signal that is not missing. Metrics of the date before are those
-- that were published; metrics of the first date were measured for this.
with

metric_values as (

    select
        metrics.health_date,
        metrics.account_id,
        measured.former_metric_id as metric_id,
        metrics.value
    from {{ ref('account_metrics') }} as metrics
    inner join {{ ref('measured_metrics') }} as measured
        on metrics.metric_id = measured.metric_id
    where metrics.health_date = {{ first_health_date() }}

    union all

    select
        metrics.health_date,
        metrics.account_id,
        metrics.metric_id,
        metrics.value
    from {{ ref('pillar_metrics_history') }} as metrics
    inner join {{ ref('former_configuration') }} as former
        on metrics.health_date = former.health_date

),

former_metric_values as (

    select metric_values.*
    from metric_values
    inner join {{ ref('int_former_accounts') }} as accounts
        on metric_values.health_date = accounts.health_date
        and metric_values.account_id = accounts.account_id

),

others as (

    select *
    from (
        {{ other_signals('former', ref('int_former_accounts')) }}
    ) as signals

)

{{ known_signals('former', 'former_metric_values', 'others') }}
