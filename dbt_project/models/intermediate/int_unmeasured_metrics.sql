-- Metrics that cannot be measured, because a raw table or a column that they rest on is absent:
-- what was not handed over is missing, not 0 (docs/measures.md, "What is missing"). One row per
-- metric, table and column of it that is absent; without a column, the table is.
with

metrics as (

    select * from {{ ref('measured_metrics') }}

),

metric_tables as (

    {{ list_values(ref('measured_metrics'), ['metric_id', 'dimension'], 'tables') }}

),

absent_columns as (

    select
        raw_columns.table_name,
        raw_columns.column_name
    from {{ ref('raw_columns') }} as raw_columns
    inner join {{ ref('raw_tables') }} as raw_tables
        on raw_columns.table_name = raw_tables.table_name
        and raw_tables.is_present
    where not raw_columns.is_present

)

select
    metric_tables.metric_id,
    raw_tables.table_name,
    cast(null as {{ dbt.type_string() }}) as column_name
from metric_tables
inner join {{ ref('raw_tables') }} as raw_tables on metric_tables.value = raw_tables.table_name
where not raw_tables.is_present

union all

select
    metrics.metric_id,
    absent.table_name,
    absent.column_name
from metrics
inner join {{ ref('measure_columns') }} as measure_columns
    on metrics.measure = measure_columns.measure
    and measure_columns.is_needed = 'true'
inner join absent_columns as absent
    on measure_columns.table_name = absent.table_name
    and measure_columns.column_name = absent.column_name
left join absent_columns as other_absent
    on measure_columns.table_name = other_absent.table_name
    and measure_columns.or_column = other_absent.column_name
where measure_columns.or_column is null or other_absent.column_name is not null

union all

-- A dimension is a column of the table whose rows are counted.
select
    metric_tables.metric_id,
    absent.table_name,
    absent.column_name
from metric_tables
inner join absent_columns as absent
    on metric_tables.value = absent.table_name
    and metric_tables.dimension = absent.column_name
