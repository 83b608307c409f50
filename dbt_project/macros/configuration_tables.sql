{#- The configuration's tables, typed: one macro a table, so that two configurations can be read by
    the same rules. `configuration` is `config` for the one of this run, whose rows are the seeds, or
    `former` for the one of the health date before (see `former_configuration`). -#}

{% macro configured_pillars(configuration) %}
with

source as (

    {{ read_configuration('pillars', configuration) }}

)

select
    pillar_id,
    pillar_name,
    {{ parse_number('display_order') }} as display_order,
    when_no_data
from source
{% endmacro %}

{% macro configured_segments(configuration) %}
with

source as (

    {{ read_configuration('segments', configuration) }}

),

configured as (

    select segment_id from ({{ read_configuration('health_rules', configuration) }}) as health_rules
    union
    select segment_id from ({{ read_configuration('score_rules', configuration) }}) as score_rules

)

select
    source.segment_id,
    source.segment_name,
    {{ parse_number('source.priority') }} as priority,
    coalesce(lower(source.is_default) = 'true', false) as is_default,
    coalesce({{ parse_number('source.good_from') }}, 6.66) as good_from,
    coalesce({{ parse_number('source.poor_below') }}, 3.34) as poor_below,
    source.description,
    configured.segment_id is not null as has_health_configuration
from source
left join configured on source.segment_id = configured.segment_id
{% endmacro %}

{% macro configured_attributes(configuration) %}
with

source as (

    {{ read_configuration('attributes', configuration) }}

)

select
    attribute_id,
    value_type,
    unit,
    description
from source
{% endmacro %}

{% macro configured_plans(configuration) %}
with

source as (

    {{ read_configuration('plans', configuration) }}

)

select
    plan_id,
    plan_name,
    {{ parse_number('plan_rank') }} as plan_rank
from source
{% endmacro %}

{% macro configured_signals(configuration) %}
with

metrics as (

    select * from {{ ref(configuration ~ '_metrics') }}

),

attributes as (

    select * from {{ ref(configuration ~ '_attributes') }}

)

select
    metric_id as signal_id,
    'number' as value_type,
    'metric' as origin
from metrics
where metric_id <> '{{ account_mrr_metric() }}'

union all

select
    attribute_id as signal_id,
    value_type,
    'attribute' as origin
from attributes

union all

select
    built_in.signal_id,
    built_in.value_type,
    'built_in' as origin
from (
    values
    ('account_age_days', 'number'),
    ('lifecycle_stage', 'text'),
    ('industry', 'text'),
    ('region', 'text'),
    ('csm_email', 'text'),
    ('parent_account_id', 'text'),
    ('plan_id', 'text'),
    ('tag', 'tags')
) as built_in (signal_id, value_type)
{% endmacro %}

{% macro configured_conditions(configuration) %}
with

segment_rules as (

    {{ read_configuration('segment_rules', configuration) }}

),

health_rules as (

    {{ read_configuration('health_rules', configuration) }}

),

score_rules as (

    {{ read_configuration('score_rules', configuration) }}

),

milestones as (

    {{ read_configuration('milestones', configuration) }}

),

conditions as (

    select
        'segment' as rule_set,
        segment_id,
        cast(null as {{ dbt.type_string() }}) as pillar_id,
        clause,
        signal_id,
        operator,
        value as threshold,
        cast(null as {{ dbt.type_string() }}) as scaled_by
    from segment_rules

    union all

    select
        state as rule_set,
        segment_id,
        pillar_id,
        clause,
        signal_id,
        operator,
        threshold,
        scaled_by
    from health_rules

    union all

    select
        'healthy' as rule_set,
        segment_id,
        pillar_id,
        cast(null as {{ dbt.type_string() }}) as clause,
        signal_id,
        healthy_operator as operator,
        healthy_threshold as threshold,
        scaled_by
    from score_rules
    where healthy_operator is not null or healthy_threshold is not null

    union all

    select
        'poor_band' as rule_set,
        segment_id,
        pillar_id,
        cast(null as {{ dbt.type_string() }}) as clause,
        signal_id,
        poor_operator as operator,
        poor_threshold as threshold,
        scaled_by
    from score_rules
    where poor_operator is not null or poor_threshold is not null

    union all

    select
        'milestone' as rule_set,
        segment_id,
        cast(null as {{ dbt.type_string() }}) as pillar_id,
        milestone_id as clause,
        signal_id,
        operator,
        threshold,
        scaled_by
    from milestones

),

-- The same condition twice is one. Its id is a number in a text, because millions of rows carry it.
identified as (

    select distinct
        cast(dense_rank() over (
            order by
                rule_set, segment_id, pillar_id, clause, signal_id, operator, threshold, scaled_by
        ) as {{ dbt.type_string() }}) as condition_id,
        *
    from conditions

),

signals as (

    select
        signal_id,
        min(value_type) as value_type
    from {{ ref(configuration ~ '_signals') }}
    group by signal_id

),

-- Only `in` and `not_in` take several values; any other threshold is one value as it stands.
several as (

    select
        condition_id,
        threshold
    from identified
    where operator in ('in', 'not_in')

),

threshold_values as (

    {{ list_values('several', ['condition_id'], 'threshold') }}

    union all

    select
        condition_id,
        threshold as value
    from identified
    where coalesce(operator, '') not in ('in', 'not_in')

),

threshold_lists as (

    select
        condition_id,
        array_agg(round({{ parse_number('value') }}, 6)) as threshold_numbers,
        array_agg(value) as threshold_texts,
        count(*) as threshold_count,
        count({{ parse_number('value') }}) as threshold_number_count
    from threshold_values
    where value is not null
    group by condition_id

)

select
    identified.condition_id,
    identified.rule_set,
    identified.segment_id,
    identified.pillar_id,
    identified.clause,
    identified.signal_id,
    signals.value_type,
    identified.operator,
    case
        when
            signals.value_type = 'number' and identified.operator not in ('in', 'not_in')
            and {{ parse_number('identified.threshold') }} is not null
            then {{ number_text(parse_number('identified.threshold')) }}
        else identified.threshold
    end as threshold,
    identified.scaled_by,
    {{ parse_number('identified.threshold') }} as threshold_number,
    threshold_lists.threshold_numbers,
    threshold_lists.threshold_texts,
    coalesce(threshold_lists.threshold_count, 0) as threshold_count,
    coalesce(threshold_lists.threshold_number_count, 0) as threshold_number_count
from identified
left join signals on identified.signal_id = signals.signal_id
left join threshold_lists on identified.condition_id = threshold_lists.condition_id
{% endmacro %}

{% macro configured_score_rules(configuration) %}
with

source as (

    {{ read_configuration('score_rules', configuration) }}

)

select
    segment_id,
    pillar_id,
    signal_id,
    {{ parse_number('weight') }} as weight
from source
{% endmacro %}

{% macro configured_pillar_weights(configuration) %}
with

source as (

    {{ read_configuration('pillar_weights', configuration) }}

)

select
    segment_id,
    pillar_id,
    {{ parse_number('weight') }} as weight,
    {{ parse_number('cap_when_poor') }} as cap_when_poor
from source
{% endmacro %}

{% macro configured_sources(configuration) %}
with

source as (

    {{ read_configuration('sources', configuration) }}

)

select
    table_name,
    {{ parse_number('max_age_hours') }} as max_age_hours,
    {{ parse_number('max_rejected_ratio') }} as max_rejected_ratio
from source
{% endmacro %}

{% macro configured_pillar_sources(configuration) %}
{{ read_configuration('pillar_sources', configuration) }}
{% endmacro %}

{% macro configured_metrics(configuration) %}
with

source as (

    {{ read_configuration('metrics', configuration) }}

),

metrics as (

    select
        metric_id,
        pillar_id,
        measure,
        try_cast({{ parse_number('window_days') }} as integer) as window_days,
        dimension,
        dimension_values
    from source

    union all

    -- The published tables carry every account's MRR, whether a metric shows it or not.
    select
        '{{ account_mrr_metric() }}' as metric_id,
        cast(null as {{ dbt.type_string() }}) as pillar_id,
        'mrr' as measure,
        cast(null as integer) as window_days,
        cast(null as {{ dbt.type_string() }}) as dimension,
        cast(null as {{ dbt.type_string() }}) as dimension_values

)

select
    metrics.metric_id,
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
{% endmacro %}
