-- Metrics that ask a measure for what it does not have. One row per mistake.
with

metrics as (

    {{ configuration_rows('metrics') }}

),

measures as (

    select * from {{ ref('measures') }}

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
select * from unknown_dimensions
union all
select * from half_dimensions
