-- Metrics with what the catalogue says of their measure.
with

source as (

    {{ rows_of_configurations('metrics') }}

),

metrics as (

    select
        configuration_key,
        metric_id,
        metric_name,
        unit,
        pillar_id,
        measure,
        try_cast({{ parse_number('window_days') }} as integer) as window_days,
        dimension,
        dimension_values
    from source

    union all

    -- The published tables carry every account's MRR, whether a metric shows it or not.
    select
        configuration_key,
        '{{ account_mrr_metric() }}' as metric_id,
        cast(null as {{ dbt.type_string() }}) as metric_name,
        cast(null as {{ dbt.type_string() }}) as unit,
        cast(null as {{ dbt.type_string() }}) as pillar_id,
        'mrr' as measure,
        cast(null as integer) as window_days,
        cast(null as {{ dbt.type_string() }}) as dimension,
        cast(null as {{ dbt.type_string() }}) as dimension_values
    from {{ ref('configurations') }}

)

select
    metrics.configuration_key,
    metrics.metric_id,
    {{ name_of_id('metrics.metric_name', 'metrics.metric_id') }} as metric_name,
    metrics.unit,
    metrics.pillar_id,
    metrics.measure,
    metrics.window_days,
    metrics.dimension,
    metrics.dimension_values,
    measures.tables,
    measures.formula,
    measures.first_operand,
    measures.second_operand,
    coalesce(measures.second_is_earlier = 'true', false) as second_is_earlier,
    measures.when_none
from metrics
left join {{ ref('measures') }} as measures on metrics.measure = measures.measure
