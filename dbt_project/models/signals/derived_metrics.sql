-- Metrics that compare another metric, with what it was one window before or with the peers of the
-- account (docs/measures.md, "Measures of metrics"): one row per health date, account and metric
-- that has a value.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
with

accounts as (

    select *
    from {{ ref('int_accounts_by_health_date') }}
    where health_date between {{ step.first }} and {{ step.last }}

),

metrics as (

    select * from {{ ref('measured_metrics') }}
    where base_metric is not null

),

compared_metrics as (

    select * from {{ ref('measured_metrics') }}
    where measured_for is not null

),

-- Rounded as conditions compare numbers, so that what counts as equal there is equal here.
operands as (

    select
        metric_values.health_date,
        metric_values.account_id,
        compared_metrics.measured_for as metric_id,
        max(case when compared_metrics.lag_days = 0 then round(metric_values.value, 6) end)
            as base_value,
        max(case when compared_metrics.lag_days > 0 then round(metric_values.value, 6) end)
            as earlier_value
    from {{ ref('metric_values') }} as metric_values
    inner join compared_metrics on metric_values.metric_id = compared_metrics.metric_id
    where metric_values.health_date between {{ step.first }} and {{ step.last }}
    group by
        metric_values.health_date,
        metric_values.account_id,
        compared_metrics.measured_for

),

changes as (

    select
        operands.health_date,
        operands.account_id,
        operands.metric_id,
        {{ compared_values('metrics.formula', 'operands.base_value', 'operands.earlier_value') }}
            as value
    from operands
    inner join metrics
        on operands.metric_id = metrics.metric_id
        and metrics.formula <> 'deviation'

),

-- Of an account that is created today nothing is known yet.
peers as (

    select
        operands.health_date,
        operands.account_id,
        operands.metric_id,
        operands.base_value,
        coalesce(attributes.value_text, '') as shared_value
    from operands
    inner join metrics
        on operands.metric_id = metrics.metric_id
        and metrics.formula = 'deviation'
    inner join accounts
        on operands.health_date = accounts.health_date
        and operands.account_id = accounts.account_id
        and not accounts.is_created_today
    left join {{ ref('other_signals') }} as attributes
        on operands.health_date = attributes.health_date
        and operands.account_id = attributes.account_id
        and metrics.configuration_key = attributes.configuration_key
        and metrics.peer_attribute = attributes.signal_id
    where
        operands.base_value is not null
        and (metrics.peer_attribute is null or attributes.value_text is not null)

),

medians as (

    select
        health_date,
        metric_id,
        shared_value,
        percentile_cont(0.5) within group (order by base_value) as median_value
    from peers
    group by health_date, metric_id, shared_value
    having count(*) >= {{ var('minimum_peers') }}

),

distances as (

    select
        peers.*,
        peers.base_value - medians.median_value as distance
    from peers
    inner join medians
        on peers.health_date = medians.health_date
        and peers.metric_id = medians.metric_id
        and peers.shared_value = medians.shared_value

),

usual_distances as (

    select
        health_date,
        metric_id,
        shared_value,
        percentile_cont(0.5) within group (order by abs(distance)) as median_distance
    from distances
    group by health_date, metric_id, shared_value

),

deviations as (

    select
        distances.health_date,
        distances.account_id,
        distances.metric_id,
        distances.distance / usual_distances.median_distance as value
    from distances
    inner join usual_distances
        on distances.health_date = usual_distances.health_date
        and distances.metric_id = usual_distances.metric_id
        and distances.shared_value = usual_distances.shared_value
        and round(usual_distances.median_distance, 6) > 0

),

compared as (

    select * from changes
    union all
    select * from deviations

),

final as (

    select
        compared.health_date,
        compared.account_id,
        metrics.pillar_id,
        compared.metric_id,
        {{ metric_number('compared.value') }} as value
    from compared
    inner join metrics on compared.metric_id = metrics.metric_id

)

select * from final
where value is not null
{{ step.closing }}
{%- endfor %}
