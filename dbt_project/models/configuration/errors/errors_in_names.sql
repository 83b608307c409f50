-- Names that stand for something else already. One row per mistake.
with

pillars as (

    {{ configuration_rows('pillars') }}

),

metrics as (

    {{ configuration_rows('metrics') }}

),

signals as (

    select * from {{ ref('config_signals') }}

),

pillars_called_overall as (

    select
        'pillars.csv' as file_name,
        row_key,
        '`overall` is no name for a pillar.' as problem,
        'Choose another: it stands for the health of all pillars together.' as cure
    from pillars
    where pillar_id = 'overall'

),

metrics_with_taken_names as (

    select
        'metrics.csv' as file_name,
        row_key,
        'this name is taken.' as problem,
        'Choose another: every run measures MRR under it.' as cure
    from metrics
    where metric_id = '{{ account_mrr_metric() }}'

),

signals_of_two_origins as (

    select
        case
            when max(case when origin = 'metric' then 1 else 0 end) = 1 then 'metrics.csv'
            else 'attributes.csv'
        end as file_name,
        signal_id as row_key,
        'this name stands for more than one signal.' as problem,
        'Rename the metric or the attribute.' as cure
    from signals
    group by signal_id
    having count(distinct origin) > 1

)

select * from pillars_called_overall
union all
select * from metrics_with_taken_names
union all
select * from signals_of_two_origins
