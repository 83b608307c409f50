-- Everything that this run measures, one row per metric: the metrics of the current configuration
-- and those of the previous one that meant something else. The latter are measured on the first
-- date alone (`only_on`) and shown nowhere.
--
-- `previous_metric_id`: the metric that the previous configuration knows by this definition.
--
-- A metric that compares another one (`base_metric`) has rows besides for the values that it
-- compares, which are shown nowhere: that of the base metric on the health date, and, where the
-- second operand is earlier, that of one window before (`lag_days`). `measured_for` is the metric
-- that compares them.
{%- set definition = [
    'measure', 'window_days', 'dimension', 'dimension_values', 'base_metric', 'peer_attribute',
] %}
{%- set counting = [
    'tables', 'formula', 'first_operand', 'second_operand', 'second_is_earlier', 'when_none',
] %}
with

signals as (

    select * from {{ ref('configured_signals') }}

),

-- What the previous configuration measures by plan ranks it measures by its own.
configured as (

    select
        configuration_key,
        metric_id,
        pillar_id,
        {{ definition | join(',\n        ') }},
        tables,
        formula,
        {%- for operand in ['first_operand', 'second_operand'] %}
        case
            when configuration_key = 'previous' and {{ operand }} = 'plan_rank'
                then 'previous_plan_rank'
            else {{ operand }}
        end as {{ operand }},
        {%- endfor %}
        second_is_earlier,
        when_none
    from {{ ref('configured_metrics') }}

),

metrics as (

    select * from configured
    where configuration_key = 'current'

),

previous_metrics as (

    select * from configured
    where configuration_key = 'previous'

),

-- Plans whose rank differs: what is measured by ranks then means something else, too.
changed_plans as (

    select plan_id
    from {{ ref('configured_plans') }}
    group by plan_id, plan_rank
    having count(*) < (select count(*) from {{ ref('configurations') }})

),

-- Signals of which the same values would not make the same peers.
changed_signals as (

    select signal_id
    from signals
    group by signal_id, value_type
    having count(*) < (select count(*) from {{ ref('configurations') }})

    union

    select 'plan_id' as signal_id
    from changed_plans

),

matched as (

    select
        previous_metrics.*,
        metrics.metric_id is not null
        and not (
            coalesce(previous_metrics.first_operand, '') = 'previous_plan_rank'
            and exists (select 1 from changed_plans)
        )
        and changed_signals.signal_id is null as is_same
    from previous_metrics
    left join metrics
        on previous_metrics.metric_id = metrics.metric_id
        {%- for column in definition %}
        and previous_metrics.{{ column }} is not distinct from metrics.{{ column }}
        {%- endfor %}
    left join changed_signals on previous_metrics.peer_attribute = changed_signals.signal_id

),

-- What compares another metric is the same while that one is.
compared as (

    select
        matched.*,
        matched.is_same and coalesce(bases.is_same, true) as is_measured
    from matched
    left join matched as bases on matched.base_metric = bases.metric_id

),

measured as (

    select
        metrics.*,
        compared.metric_id as previous_metric_id,
        cast(null as date) as only_on
    from metrics
    left join compared
        on metrics.metric_id = compared.metric_id
        and compared.is_measured

    union all

    select
        configuration_key,
        '{{ previous_metric_prefix() }}' || metric_id as metric_id,
        cast(null as {{ dbt.type_string() }}) as pillar_id,
        {{ (definition + counting) | join(',\n        ') }},
        metric_id as previous_metric_id,
        {{ first_health_date() }} as only_on
    from compared
    where not is_measured

),

compared_values as (

    {% for prefix, lag_days, condition in [
        (base_metric_prefix(), '0', 'true'),
        (earlier_metric_prefix(), 'measured.window_days', 'measured.second_is_earlier'),
    ] -%}
    select
        measured.configuration_key,
        '{{ prefix }}' || measured.metric_id as metric_id,
        {%- for column in definition + counting %}
        bases.{{ column }},
        {%- endfor %}
        measured.only_on,
        measured.metric_id as measured_for,
        {{ lag_days }} as lag_days
    from measured
    inner join configured as bases
        on measured.configuration_key = bases.configuration_key
        and measured.base_metric = bases.metric_id
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    configuration_key,
    metric_id,
    pillar_id,
    {{ (definition + counting) | join(',\n    ') }},
    previous_metric_id,
    only_on,
    cast(null as {{ dbt.type_string() }}) as measured_for,
    0 as lag_days
from measured

union all

select
    configuration_key,
    metric_id,
    cast(null as {{ dbt.type_string() }}) as pillar_id,
    {{ (definition + counting) | join(',\n    ') }},
    cast(null as {{ dbt.type_string() }}) as previous_metric_id,
    only_on,
    measured_for,
    lag_days
from compared_values
