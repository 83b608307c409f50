-- Metrics that ask a measure for what it does not have. One row per mistake.
with

metrics as (

    {{ configuration_rows('metrics') }}

),

measures as (

    select * from {{ ref('measures') }}

),

signals as (

    select * from {{ ref('config_signals') }}

),

kept_values as (

    {{ list_values('metrics', ['row_key'], 'dimension_values') }}

),

dimensions as (

    {{ list_values('measures', ['measure'], 'dimensions') }}

),

wrong_windows as (

    select
        'metrics.csv' as file_name,
        metrics.row_key,
        {{ sentence(
            "measure {} {} window.",
            [
                "metrics.measure",
                "case when metrics.window_days is null then 'needs a' else 'takes no' end",
            ],
        ) }} as problem,
        case
            when metrics.window_days is null then 'Fill `window_days`.'
            else 'Empty `window_days`.'
        end as cure
    from metrics
    inner join measures on metrics.measure = measures.measure
    where
        (measures.window_use = 'r' and metrics.window_days is null)
        or (measures.window_use = '-' and metrics.window_days is not null)

),

wrong_base_metrics as (

    select
        'metrics.csv' as file_name,
        metrics.row_key,
        {{ sentence(
            "measure {} {} base metric.",
            [
                "metrics.measure",
                "case when metrics.base_metric is null then 'needs a' else 'takes no' end",
            ],
        ) }} as problem,
        case
            when metrics.base_metric is null then 'Fill `base_metric`.'
            else 'Empty `base_metric`.'
        end as cure
    from metrics
    inner join measures on metrics.measure = measures.measure
    where
        (measures.takes_base_metric = 'true' and metrics.base_metric is null)
        or (measures.takes_base_metric is null and metrics.base_metric is not null)

),

-- One level deep: a metric of such a metric would say nothing that anybody could follow.
derived_base_metrics as (

    select
        'metrics.csv' as file_name,
        metrics.row_key,
        {{ sentence(
            "`base_metric` {} compares a metric itself.", ["metrics.base_metric"]
        ) }} as problem,
        'Name a metric that is counted from records.' as cure
    from metrics
    inner join metrics as base_metrics on metrics.base_metric = base_metrics.metric_id
    inner join measures
        on base_metrics.measure = measures.measure
        and measures.takes_base_metric = 'true'

),

needless_peer_attributes as (

    select
        'metrics.csv' as file_name,
        metrics.row_key,
        {{ sentence("measure {} takes no peer attribute.", ["metrics.measure"]) }} as problem,
        'Empty `peer_attribute`.' as cure
    from metrics
    inner join measures
        on metrics.measure = measures.measure
        and measures.takes_peer_attribute is null
    where metrics.peer_attribute is not null

),

wrong_peer_attributes as (

    select
        'metrics.csv' as file_name,
        metrics.row_key,
        {{ sentence(
            "`peer_attribute` {} is neither a text nor a boolean.", ["metrics.peer_attribute"]
        ) }} as problem,
        'Name a signal that is, such as `region`, or none.' as cure
    from metrics
    inner join signals
        on metrics.peer_attribute = signals.signal_id
        and signals.value_type not in ('text', 'boolean')

),

unknown_dimensions as (

    select
        'metrics.csv' as file_name,
        metrics.row_key,
        {{ sentence(
            "measure {} has no dimension {}.", ["metrics.measure", "metrics.dimension"]
        ) }} as problem,
        {{ sentence(
            "It can have: {}.", ["coalesce(replace(measures.dimensions, '|', ', '), 'none')"]
        ) }} as cure
    from metrics
    inner join measures on metrics.measure = measures.measure
    left join dimensions
        on metrics.measure = dimensions.measure
        and metrics.dimension = dimensions.value
    where metrics.dimension is not null and dimensions.value is null

),

half_dimensions as (

    select
        'metrics.csv' as file_name,
        row_key,
        case
            when dimension is null then '`dimension_values` without `dimension`.'
            else '`dimension` without `dimension_values`.'
        end as problem,
        'Fill both or neither.' as cure
    from metrics
    where
        (dimension is null and dimension_values is not null)
        or (dimension is not null and row_key not in (select kept_values.row_key from kept_values))

)

select * from wrong_windows
union all
select * from wrong_base_metrics
union all
select * from derived_base_metrics
union all
select * from needless_peer_attributes
union all
select * from wrong_peer_attributes
union all
select * from unknown_dimensions
union all
select * from half_dimensions
