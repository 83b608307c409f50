-- What has to be counted for the metrics: one row per metric and operand. Windows are in days
-- before the health date; a lag counts the same as of that many days earlier. `only_on`: the one
-- health date it is needed for, null for all.
with

metrics as (

    select * from {{ ref('measured_metrics') }}

),

operands as (

    select * from {{ ref('operands') }}

),

metric_operands as (

    select
        *,
        1 as operand_position,
        first_operand as operand,
        lag_days as operand_lag_days
    from metrics

    union all

    select
        *,
        2 as operand_position,
        second_operand as operand,
        lag_days + case when second_is_earlier then window_days else 0 end as operand_lag_days
    from metrics
    where second_operand is not null

),

kept_values as (

    {{ list_values(ref('measured_metrics'), ['metric_id', 'dimension'], 'dimension_values') }}

),

compared_values as (

    select
        metric_id,
        case when dimension in ('priority', 'channel') then lower(value) else value end as value
    from kept_values

),

-- In order: what has the same filter has the same list, and is counted once.
kept_value_lists as (

    select
        metric_id,
        array_sort(array_agg(value)) as dimension_values
    from compared_values
    group by metric_id

)

select
    metric_operands.metric_id,
    metric_operands.operand_position,
    metric_operands.operand,
    operands.aggregate,
    operands.when_none,
    case
        when operands.has_window = 'true'
            then coalesce(
                metric_operands.window_days,
                cast(operands.default_window_days as integer)
            )
    end as window_days,
    cast(metric_operands.operand_lag_days as integer) as lag_days,
    metric_operands.only_on,
    metric_operands.dimension,
    kept_value_lists.dimension_values,
    -- Measurements with the same filter see the same records.
    coalesce(
        metric_operands.dimension || ':' || {{ array_text('kept_value_lists.dimension_values') }},
        ''
    ) as filter_id
from metric_operands
inner join operands on metric_operands.operand = operands.operand
left join kept_value_lists
    on metric_operands.metric_id = kept_value_lists.metric_id
    and metric_operands.dimension is not null
