-- Everything that this run measures, one row per metric: the metrics of the configuration and,
-- where the health date before had another configuration, those of its metrics that meant something
-- else. These are measured on the first date alone (`only_on`) and shown nowhere.
--
-- `former_metric_id`: the metric that the former configuration knows by this definition.
{%- set definition = [
    'measure', 'window_days', 'dimension', 'dimension_values',
] %}
with

metrics as (

    select * from {{ ref('config_metrics') }}

),

former_metrics as (

    select former_metrics.*
    from {{ ref('former_metrics') }} as former_metrics
    inner join {{ ref('former_configuration') }} as former on former.is_different

),

-- Plans whose rank differs: what is measured by ranks then means something else, too.
changed_plans as (

    select coalesce(plans.plan_id, former_plans.plan_id) as plan_id
    from {{ ref('config_plans') }} as plans
    full outer join {{ ref('former_plans') }} as former_plans
        on plans.plan_id = former_plans.plan_id
    where plans.plan_rank is distinct from former_plans.plan_rank

),

matched as (

    select
        former_metrics.*,
        metrics.metric_id is not null
        and not (
            former_metrics.first_operand = 'plan_rank'
            and exists (select 1 from changed_plans)
        ) as is_measured
    from former_metrics
    left join metrics
        on former_metrics.metric_id = metrics.metric_id
        {%- for column in definition %}
        and former_metrics.{{ column }} is not distinct from metrics.{{ column }}
        {%- endfor %}

)

select
    metrics.*,
    matched.metric_id as former_metric_id,
    cast(null as date) as only_on
from metrics
left join matched
    on metrics.metric_id = matched.metric_id
    and matched.is_measured

union all

select
    '{{ former_metric_prefix() }}' || metric_id as metric_id,
    cast(null as {{ dbt.type_string() }}) as pillar_id,
    measure,
    window_days,
    dimension,
    dimension_values,
    tables,
    formula,
    case first_operand when 'plan_rank' then 'former_plan_rank' else first_operand end
        as first_operand,
    case second_operand when 'plan_rank' then 'former_plan_rank' else second_operand end
        as second_operand,
    second_is_earlier,
    when_none,
    metric_id as former_metric_id,
    {{ first_health_date() }} as only_on
from matched
where not is_measured
