-- Everything that this run measures, one row per metric: the metrics of the current configuration
-- and those of the previous one that meant something else. The latter are measured on the first
-- date alone (`only_on`) and shown nowhere.
--
-- `previous_metric_id`: the metric that the previous configuration knows by this definition.
{%- set definition = [
    'measure', 'window_days', 'dimension', 'dimension_values',
] %}
{%- set columns = ['metric_id', 'pillar_id'] + definition + [
    'tables', 'formula', 'first_operand', 'second_operand', 'second_is_earlier', 'when_none',
] %}
with

{% for key, name in [('current', 'metrics'), ('previous', 'previous_metrics')] -%}
{{ name }} as (

    select
        {{ columns | join(',\n        ') }}
    from {{ ref('configured_metrics') }}
    where configuration_key = '{{ key }}'

),

{% endfor -%}
-- Plans whose rank differs: what is measured by ranks then means something else, too.
changed_plans as (

    select plan_id
    from {{ ref('configured_plans') }}
    group by plan_id, plan_rank
    having count(*) < (select count(*) from {{ ref('configurations') }})

),

matched as (

    select
        previous_metrics.*,
        metrics.metric_id is not null
        and not (
            previous_metrics.first_operand = 'plan_rank'
            and exists (select 1 from changed_plans)
        ) as is_measured
    from previous_metrics
    left join metrics
        on previous_metrics.metric_id = metrics.metric_id
        {%- for column in definition %}
        and previous_metrics.{{ column }} is not distinct from metrics.{{ column }}
        {%- endfor %}

)

select
    {%- for column in columns %}
    metrics.{{ column }},
    {%- endfor %}
    matched.metric_id as previous_metric_id,
    cast(null as date) as only_on
from metrics
left join matched
    on metrics.metric_id = matched.metric_id
    and matched.is_measured

union all

select
    '{{ previous_metric_prefix() }}' || metric_id as metric_id,
    cast(null as {{ dbt.type_string() }}) as pillar_id,
    measure,
    window_days,
    dimension,
    dimension_values,
    tables,
    formula,
    case first_operand when 'plan_rank' then 'previous_plan_rank' else first_operand end
        as first_operand,
    case second_operand when 'plan_rank' then 'previous_plan_rank' else second_operand end
        as second_operand,
    second_is_earlier,
    when_none,
    metric_id as previous_metric_id,
    {{ first_health_date() }} as only_on
from matched
where not is_measured
