-- Conditions that cannot be evaluated: operators, thresholds and scales that do not go with the
-- signal, and conditions that stand there twice. One row per mistake.
with

score_rules as (

    {{ configuration_rows('score_rules') }}

),

signals as (

    select
        signal_id,
        min(value_type) as value_type
    from {{ ref('config_signals') }}
    group by signal_id

),

-- A signal that is unknown, or of no known type, goes with all operators.
operators as (

    select
        position,
        operator,
        value_type
    from {{ ref('config_operators') }}

    union

    select
        position,
        operator,
        'any' as value_type
    from {{ ref('config_operators') }}

),

listed_operators as (

    select
        value_type,
        {{ dbt.listagg('operator', "' '", 'order by position') }} as operators
    from operators
    group by value_type

),

conditions as (

    select
        *,
        case
            when value_type in (select operators.value_type from operators) then value_type
            else 'any'
        end as compared_type,
        {{ takes_list('operator') }} as takes_list
    from {{ ref('config_written_conditions') }}

),

-- Each value of a threshold that is a list, and how many of them are numbers.
threshold_values as (

    {{ list_values('conditions', ['file_name', 'row_key', 'threshold_column'], 'threshold') }}

),

counted_values as (

    select
        file_name,
        row_key,
        threshold_column,
        count(*) as value_count,
        count({{ parse_number('value') }}) as number_count
    from threshold_values
    group by file_name, row_key, threshold_column

),

thresholds as (

    select
        conditions.*,
        coalesce(counted_values.value_count, 0) as value_count,
        coalesce(counted_values.number_count, 0) as number_count
    from conditions
    left join counted_values
        on conditions.file_name = counted_values.file_name
        and conditions.row_key = counted_values.row_key
        and conditions.threshold_column = counted_values.threshold_column
    where conditions.threshold is not null

),

-- Thresholds that are written in two ways (5 and 5.0) are the same condition.
repeated_conditions as (

    select
        case
            when rule_set = 'segment' then 'segment_rules.csv'
            when rule_set in ('good', 'poor') then 'health_rules.csv'
            else 'score_rules.csv'
        end as file_name,
        {{ configuration_row_key([
            'segment_id', 'pillar_id', 'rule_set', 'clause', 'signal_id', 'operator', 'threshold',
        ]) }} as row_key,
        'the same condition stands there more than once.' as problem,
        'Keep one of them.' as cure
    from {{ ref('config_conditions') }}
    group by
        rule_set, segment_id, pillar_id, clause, signal_id, operator, threshold, scaled_by
    having count(distinct condition_id) > 1

),

rules_without_conditions as (

    select
        'score_rules.csv' as file_name,
        row_key,
        'neither a healthy nor a poor condition.' as problem,
        'Fill `healthy_operator` and `healthy_threshold`, or the poor ones, or both.' as cure
    from score_rules
    where
        coalesce(scoring, 'bands') = 'bands'
        and healthy_operator is null and healthy_threshold is null
        and poor_operator is null and poor_threshold is null

),

-- Elsewhere the columns of a condition must be filled, which is said of each cell.
half_conditions as (

    select
        file_name,
        row_key,
        {{ sentence(
            "`{}` is empty.",
            ["case when operator is null then operator_column else threshold_column end"],
        ) }} as problem,
        {{ sentence(
            "Fill it, or empty the {} as well.",
            ["case when operator is null then 'threshold' else 'operator' end"],
        ) }} as cure
    from conditions
    where
        file_name = 'score_rules.csv'
        and is_banded
        and (operator is null or threshold is null)

),

linear_rules as (

    select
        score_rules.*,
        signals.value_type
    from score_rules
    left join signals on score_rules.signal_id = signals.signal_id
    where score_rules.scoring = 'linear'

),

linear_rules_with_operators as (

    select
        'score_rules.csv' as file_name,
        row_key,
        'a linear score rule with an operator.' as problem,
        'Empty `healthy_operator` and `poor_operator`, or `scoring`.' as cure
    from linear_rules
    where healthy_operator is not null or poor_operator is not null

),

linear_rules_without_ends as (

    select
        'score_rules.csv' as file_name,
        row_key,
        'a linear score rule without both thresholds.' as problem,
        'Fill `healthy_threshold` and `poor_threshold`.' as cure
    from linear_rules
    where healthy_threshold is null or poor_threshold is null

),

linear_rules_with_equal_ends as (

    select
        'score_rules.csv' as file_name,
        row_key,
        'the thresholds of a linear score rule are the same.' as problem,
        'Write two: the larger says which way is better.' as cure
    from linear_rules
    where
        round({{ parse_number('healthy_threshold') }}, 6)
        = round({{ parse_number('poor_threshold') }}, 6)

),

linear_rules_not_on_numbers as (

    select
        'score_rules.csv' as file_name,
        row_key,
        {{ sentence("a linear score rule on the signal {}, which is no number.", ["signal_id"]) }}
            as problem,
        'Name a metric or a number attribute, or empty `scoring`.' as cure
    from linear_rules
    where value_type <> 'number'

),

wrong_operators as (

    select
        conditions.file_name,
        conditions.row_key,
        {{ sentence(
            "operator `{}` does not go with the signal {}{}.",
            [
                "conditions.operator",
                "coalesce(conditions.signal_id, '')",
                "coalesce(', which is ' || conditions.value_type, '')",
            ],
        ) }} as problem,
        {{ sentence(
            "{} {}.",
            [
                "case conditions.compared_type"
                ~ " when 'number' then 'Numbers take'"
                ~ " when 'boolean' then 'Booleans take'"
                ~ " when 'text' then 'Texts take'"
                ~ " when 'tags' then 'Tags take'"
                ~ " else 'Operators are' end",
                "case conditions.compared_type"
                ~ " when 'boolean' then replace(listed_operators.operators, ' ', ' and ')"
                ~ " else listed_operators.operators end",
            ],
        ) }} as cure
    from conditions
    inner join listed_operators on conditions.compared_type = listed_operators.value_type
    left join operators
        on conditions.operator = operators.operator
        and conditions.compared_type = operators.value_type
    where conditions.operator is not null and operators.operator is null

),

thresholds_not_numbers as (

    select
        file_name,
        row_key,
        {{ sentence(
            "`{}` is {}, but the signal {} is a number.",
            ["threshold_column", "threshold", "signal_id"],
        ) }} as problem,
        'Write a number, or for `in` and `not_in` numbers separated by `|`.' as cure
    from thresholds
    where
        value_type = 'number'
        and case
            when takes_list then value_count = 0 or number_count < value_count
            else {{ parse_number('threshold') }} is null
        end

),

empty_lists as (

    select
        file_name,
        row_key,
        {{ sentence(
            "`{}` is {}, a list with nothing in it.", ["threshold_column", "threshold"]
        ) }} as problem,
        'Write values separated by `|`.' as cure
    from thresholds
    where value_type in ('text', 'tags') and takes_list and value_count = 0

),

thresholds_not_booleans as (

    select
        file_name,
        row_key,
        {{ sentence(
            "`{}` is {}, but the signal {} is a boolean.",
            ["threshold_column", "threshold", "signal_id"],
        ) }} as problem,
        'Write true or false.' as cure
    from thresholds
    where value_type = 'boolean' and is_banded and lower(threshold) not in ('true', 'false')

),

scaled_lists as (

    select
        file_name,
        row_key,
        '`scaled_by` does not go with `in` and `not_in`.' as problem,
        'Empty it, or compare with one number.' as cure
    from conditions
    where scaled_by is not null and takes_list

),

scales_not_numbers as (

    select
        file_name,
        row_key,
        {{ sentence("`scaled_by` names {}, which is no number signal.", ["scaled_by"]) }}
            as problem,
        'Name a metric or a number attribute.' as cure
    from conditions
    where scaled_by is not null and coalesce(scale_type, '') <> 'number'

),

scaled_signals_not_numbers as (

    select
        file_name,
        row_key,
        {{ sentence("`scaled_by` with the signal {}, which is no number.", ["signal_id"]) }}
            as problem,
        'Empty it.' as cure
    from conditions
    where scaled_by is not null and is_banded and value_type <> 'number'

)

select * from repeated_conditions
union all
select * from rules_without_conditions
union all
select * from half_conditions
union all
select * from linear_rules_with_operators
union all
select * from linear_rules_without_ends
union all
select * from linear_rules_with_equal_ends
union all
select * from linear_rules_not_on_numbers
union all
select * from wrong_operators
union all
select * from thresholds_not_numbers
union all
select * from empty_lists
union all
select * from thresholds_not_booleans
union all
select * from scaled_lists
union all
select * from scales_not_numbers
union all
select * from scaled_signals_not_numbers
