-- Every condition of the configurations in one shape, one row per condition: segment rules, the
-- good and poor conditions of health rules, the healthy and poor bands of score rules, and
-- milestones, whose `clause` is the milestone.
--
-- `threshold` is what the file says, a single number written as a person would. The parsed forms
-- are lists, because `in` takes several: `threshold_numbers`, `threshold_texts`.
--
-- A linear score rule is one condition in the files and two here, with the operator `linear`. Each
-- knows both ends, `poor_number` and `healthy_number`.
with

segment_rules as (

    {{ rows_of_configurations('segment_rules') }}

),

health_rules as (

    {{ rows_of_configurations('health_rules') }}

),

score_rules as (

    {{ rows_of_configurations('score_rules') }}

),

milestones as (

    {{ rows_of_configurations('milestones') }}

),

conditions as (

    select
        configuration_key,
        'segment' as rule_set,
        segment_id,
        cast(null as {{ dbt.type_string() }}) as pillar_id,
        clause,
        signal_id,
        operator,
        value as threshold,
        cast(null as {{ dbt.type_string() }}) as scaled_by,
        cast(null as {{ dbt.type_string() }}) as poor_threshold,
        cast(null as {{ dbt.type_string() }}) as healthy_threshold
    from segment_rules

    union all

    select
        configuration_key,
        state as rule_set,
        segment_id,
        pillar_id,
        clause,
        signal_id,
        operator,
        threshold,
        scaled_by,
        cast(null as {{ dbt.type_string() }}) as poor_threshold,
        cast(null as {{ dbt.type_string() }}) as healthy_threshold
    from health_rules

    union all

    select
        configuration_key,
        'healthy' as rule_set,
        segment_id,
        pillar_id,
        cast(null as {{ dbt.type_string() }}) as clause,
        signal_id,
        case when scoring = 'linear' then 'linear' else healthy_operator end as operator,
        healthy_threshold as threshold,
        scaled_by,
        case when scoring = 'linear' then poor_threshold end as poor_threshold,
        case when scoring = 'linear' then healthy_threshold end as healthy_threshold
    from score_rules
    where healthy_operator is not null or healthy_threshold is not null

    union all

    select
        configuration_key,
        'poor_band' as rule_set,
        segment_id,
        pillar_id,
        cast(null as {{ dbt.type_string() }}) as clause,
        signal_id,
        case when scoring = 'linear' then 'linear' else poor_operator end as operator,
        poor_threshold as threshold,
        scaled_by,
        case when scoring = 'linear' then poor_threshold end as poor_threshold,
        case when scoring = 'linear' then healthy_threshold end as healthy_threshold
    from score_rules
    where poor_operator is not null or poor_threshold is not null

    union all

    select
        configuration_key,
        'milestone' as rule_set,
        segment_id,
        cast(null as {{ dbt.type_string() }}) as pillar_id,
        milestone_id as clause,
        signal_id,
        operator,
        threshold,
        scaled_by,
        cast(null as {{ dbt.type_string() }}) as poor_threshold,
        cast(null as {{ dbt.type_string() }}) as healthy_threshold
    from milestones

),

-- The same condition twice is one. Its id is a number in a text, because millions of rows carry it;
-- no condition of another configuration has it.
identified as (

    select distinct
        cast(dense_rank() over (
            order by
                configuration_key,
                rule_set,
                segment_id nulls last,
                pillar_id nulls last,
                clause nulls last,
                signal_id,
                operator nulls last,
                threshold nulls last,
                scaled_by nulls last
        ) as {{ dbt.type_string() }}) as condition_id,
        *
    from conditions

),

signals as (

    select
        configuration_key,
        signal_id,
        min(value_type) as value_type
    from {{ ref('configured_signals') }}
    group by configuration_key, signal_id

),

-- Some operators take several values; any other threshold is one value as it stands.
several as (

    select
        condition_id,
        threshold
    from identified
    where {{ takes_list('operator') }}

),

threshold_values as (

    {{ list_values('several', ['condition_id'], 'threshold') }}

    union all

    select
        condition_id,
        threshold as value
    from identified
    where operator is null or not {{ takes_list('operator') }}

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
    identified.configuration_key,
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
            signals.value_type = 'number' and not {{ takes_list('identified.operator') }}
            and {{ parse_number('identified.threshold') }} is not null
            then {{ number_text(parse_number('identified.threshold')) }}
        else identified.threshold
    end as threshold,
    identified.scaled_by,
    {{ parse_number('identified.threshold') }} as threshold_number,
    {{ parse_number('identified.poor_threshold') }} as poor_number,
    {{ parse_number('identified.healthy_threshold') }} as healthy_number,
    threshold_lists.threshold_numbers,
    threshold_lists.threshold_texts,
    coalesce(threshold_lists.threshold_count, 0) as threshold_count,
    coalesce(threshold_lists.threshold_number_count, 0) as threshold_number_count
from identified
left join signals
    on identified.configuration_key = signals.configuration_key
    and identified.signal_id = signals.signal_id
left join threshold_lists on identified.condition_id = threshold_lists.condition_id
