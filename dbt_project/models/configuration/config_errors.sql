-- Everything that is wrong with the configuration: one row per wrong row and problem
-- (docs/configuration.md, "Wrong configuration"). `config_version` stops the run when there is any.
{%- set required = {
    'pillars': ['pillar_id', 'when_no_data'],
    'segments': ['segment_id', 'priority'],
    'segment_rules': ['segment_id', 'signal_id', 'operator', 'value'],
    'attributes': ['attribute_id', 'value_type'],
    'metrics': ['metric_id', 'pillar_id', 'measure'],
    'health_rules': ['segment_id', 'pillar_id', 'state', 'signal_id', 'operator', 'threshold'],
    'score_rules': ['segment_id', 'pillar_id', 'signal_id', 'weight'],
    'pillar_weights': ['segment_id', 'pillar_id', 'weight'],
    'milestones': ['segment_id', 'milestone_id', 'signal_id', 'operator', 'threshold'],
    'alert_rules': ['alert_id', 'pillar_id'],
    'plans': ['plan_id', 'plan_rank'],
    'sources': ['table_name'],
    'pillar_sources': ['pillar_id', 'table_name'],
} %}
{%- set keys = {
    'pillars': ['pillar_id'],
    'segments': ['segment_id'],
    'segment_rules': ['segment_id', 'clause', 'signal_id', 'operator', 'value'],
    'attributes': ['attribute_id'],
    'metrics': ['metric_id'],
    'health_rules': [
        'segment_id', 'pillar_id', 'state', 'clause',
        'signal_id', 'operator', 'threshold', 'scaled_by',
    ],
    'score_rules': ['segment_id', 'pillar_id', 'signal_id'],
    'pillar_weights': ['segment_id', 'pillar_id'],
    'milestones': ['segment_id', 'milestone_id'],
    'alert_rules': ['alert_id'],
    'plans': ['plan_id'],
    'sources': ['table_name'],
    'pillar_sources': ['pillar_id', 'table_name'],
} %}
{#- Columns that must name something known, when filled:
    (file, column, what, relation of known ids). -#}
{%- set references = [
    ('segment_rules', 'segment_id', 'segment', 'known_segments'),
    ('segment_rules', 'signal_id', 'signal', 'known_signals'),
    ('metrics', 'pillar_id', 'pillar', 'known_pillars'),
    ('metrics', 'measure', 'measure', 'known_measures'),
    ('health_rules', 'segment_id', 'segment', 'known_segments'),
    ('health_rules', 'pillar_id', 'pillar', 'known_pillars'),
    ('health_rules', 'signal_id', 'signal', 'known_signals'),
    ('score_rules', 'segment_id', 'segment', 'known_segments'),
    ('score_rules', 'pillar_id', 'pillar', 'known_pillars'),
    ('score_rules', 'signal_id', 'signal', 'known_signals'),
    ('pillar_weights', 'segment_id', 'segment', 'known_segments'),
    ('pillar_weights', 'pillar_id', 'pillar', 'known_pillars'),
    ('milestones', 'segment_id', 'segment', 'known_segments'),
    ('milestones', 'signal_id', 'signal', 'known_signals'),
    ('alert_rules', 'pillar_id', 'pillar', 'known_alert_pillars'),
    ('alert_rules', 'segment_id', 'segment', 'known_segments'),
    ('sources', 'table_name', 'raw table', 'known_tables'),
    ('pillar_sources', 'pillar_id', 'pillar', 'known_pillars'),
    ('pillar_sources', 'table_name', 'raw table', 'known_tables'),
] %}
{#- Columns with a vocabulary: (file, column, words). -#}
{%- set vocabularies = [
    ('pillars', 'when_no_data', ['average', 'not_calculated']),
    ('segments', 'is_default', ['true', 'false']),
    ('attributes', 'value_type', ['number', 'text', 'boolean']),
    ('health_rules', 'state', ['good', 'poor']),
    ('alert_rules', 'from_state', ['good', 'average', 'poor', 'not_calculated']),
    ('alert_rules', 'to_state', ['good', 'average', 'poor', 'not_calculated']),
] %}
{#- Columns that hold a number, when filled:
    (file, column, condition that it is wrong, what it must be). -#}
{%- set numbers = [
    ('pillars', 'display_order', 'false', 'a number'),
    (
        'segments',
        'priority',
        '{} <> floor({}) or abs({}) > 1000000',
        'a whole number up to 1000000, 1 at the top',
    ),
    ('segments', 'good_from', 'false', 'a number'),
    ('segments', 'poor_below', 'false', 'a number'),
    (
        'metrics',
        'window_days',
        '{} <= 0 or {} <> floor({}) or {} > 36500',
        'a whole number of days, 1 to 36500',
    ),
    ('score_rules', 'weight', '{} <= 0', 'a number above 0'),
    ('pillar_weights', 'weight', '{} <= 0', 'a number above 0'),
    ('pillar_weights', 'cap_when_poor', 'false', 'a number, or empty'),
    ('milestones', 'position', 'false', 'a number'),
    ('alert_rules', 'score_below', 'false', 'a number, or empty'),
    ('alert_rules', 'score_drop_7d', 'false', 'a number, or empty'),
    ('plans', 'plan_rank', 'false', 'a number'),
    ('sources', 'max_age_hours', 'false', 'a number, or empty'),
    ('sources', 'max_rejected_ratio', 'false', 'a number, or empty'),
] %}
{#- The files with conditions: (file, operator column, threshold column, has scaled_by). -#}
{%- set conditions = [
    ('segment_rules', 'operator', 'value', false),
    ('health_rules', 'operator', 'threshold', true),
    ('score_rules', 'healthy_operator', 'healthy_threshold', true),
    ('score_rules', 'poor_operator', 'poor_threshold', true),
    ('milestones', 'operator', 'threshold', true),
] %}
with

{% for seed in configuration_seeds() %}
{{ seed }} as (

    select
        source.*,
        {{ configuration_row_key(keys[seed]) }} as row_key
    from ({{ read_configuration(seed) }}) as source

),
{% endfor %}
raw_values as (

    select
        source.*,
        {{ configuration_row_key(['table_name', 'column_name', 'raw_value', 'time_format']) }}
            as row_key
    from ({{ raw_values() if execute else 'select 1' }}) as source

),

-- One row per column of a raw table.
raw_table_columns as (

    {% for table in raw_table_names() %}
    {% for column in raw_definition(table).columns %}
    select
        '{{ table }}' as table_name,
        '{{ column.name }}' as column_name,
        '{{ column.kind }}' as kind
    {{ 'union all' if not loop.last }}
    {% endfor %}
    {{ 'union all' if not loop.last }}
    {% else %}
    select null as table_name
    {% endfor %}

),

known_segments as (

    select distinct segment_id as known_id
    from segments
    where segment_id is not null

),

known_pillars as (

    select distinct pillar_id as known_id
    from pillars
    where pillar_id is not null

),

known_alert_pillars as (

    select known_id from known_pillars
    union
    select 'overall' as known_id

),

known_measures as (

    select measure as known_id from {{ ref('measures') }}

),

raw_tables as (

    {{ raw_table_list() }}

),

known_tables as (

    select table_name as known_id from raw_tables

),

known_signals as (

    select
        signal_id as known_id,
        min(value_type) as value_type
    from {{ ref('config_signals') }}
    where signal_id is not null
    group by signal_id

),

conditions as (

    {% for seed, operator, threshold, is_scaled in conditions %}
    select
        '{{ seed }}.csv' as file_name,
        row_key,
        signal_id,
        '{{ operator }}' as operator_column,
        '{{ threshold }}' as threshold_column,
        {{ operator }} as operator,
        {{ threshold }} as threshold,
        {{ 'scaled_by' if is_scaled else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as scaled_by
    from {{ seed }}
    where {{ operator }} is not null or {{ threshold }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

typed_conditions as (

    select
        conditions.*,
        signals.value_type,
        scales.value_type as scale_type
    from conditions
    left join known_signals as signals on conditions.signal_id = signals.known_id
    left join known_signals as scales on conditions.scaled_by = scales.known_id

),

listed_thresholds as (

    {{ list_values(
        'typed_conditions', ['file_name', 'row_key', 'threshold_column'], 'threshold'
    ) }}

),

listed_numbers as (

    select
        file_name,
        row_key,
        threshold_column,
        count(*) as listed,
        count({{ parse_number('value') }}) as listed_numbers
    from listed_thresholds
    group by file_name, row_key, threshold_column

),

kept_values as (

    {{ list_values('metrics', ['row_key'], 'dimension_values') }}

),

metrics_with_kept_values as (

    select distinct row_key from kept_values

),

errors as (

    {% for seed, column in missing_configuration_columns() if execute %}
    select
        '{{ seed }}.csv' as file_name,
        'header' as row_key,
        'column `{{ column }}` is missing.' as problem,
        'Add it; leave its cells empty where they say nothing.' as cure

    union all

    {% endfor %}

    {% for seed, columns in required.items() %}{% for column in columns %}
    select
        '{{ seed }}.csv' as file_name,
        row_key,
        '`{{ column }}` is empty.' as problem,
        'Fill it.' as cure
    from {{ seed }}
    where {{ column }} is null

    union all

    {% endfor %}{% endfor %}

    {% for seed in configuration_seeds() %}
    select
        '{{ seed }}.csv' as file_name,
        row_key,
        {{ sentence(
            "there are {} rows with this key.", ["cast(count(*) as " ~ dbt.type_string() ~ ")"]
        ) }} as problem,
        'Keep one of them.' as cure
    from {{ seed }}
    group by row_key
    having count(*) > 1

    union all

    {% endfor %}

    {% for seed, column, what, known in references %}
    select
        '{{ seed }}.csv' as file_name,
        row_key,
        {{ sentence(
            "`" ~ column ~ "` names the " ~ what ~ " {}, which is unknown.", [column]
        ) }} as problem,
        'Known are: ' || coalesce(
            (
                select {{ dbt.listagg('known.known_id', "', '", 'order by known.known_id') }}
                from {{ known }} as known
            ),
            'none'
        ) || '.' as cure
    from {{ seed }}
    where
        {{ column }} is not null
        and {{ column }} not in (select known.known_id from {{ known }} as known)

    union all

    {% endfor %}

    {% for seed, column, words in vocabularies %}
    select
        '{{ seed }}.csv' as file_name,
        row_key,
        {{ sentence("`" ~ column ~ "` is {}.", [column]) }} as problem,
        'It can be: {{ words | join(', ') }}.' as cure
    from {{ seed }}
    where
        {{ column }} is not null
        and {{ 'lower(' ~ column ~ ')' if column == 'is_default' else column }} not in (
            '{{ words | join("', '") }}'
        )

    union all

    {% endfor %}

    {% for seed, column, wrong, cure in numbers %}
    {%- set number = '(' ~ parse_number(column) ~ ')' %}
    select
        '{{ seed }}.csv' as file_name,
        row_key,
        {{ sentence("`" ~ column ~ "` is {}.", [column]) }} as problem,
        'It must be {{ cure }}.' as cure
    from {{ seed }}
    where
        {{ column }} is not null
        and coalesce({{ number }} is null or {{ wrong | replace('{}', number) }}, true)

    union all

    {% endfor %}

    select
        'segments.csv' as file_name,
        min(row_key) as row_key,
        {{ sentence(
            "priority {} is given to {} segments: {}.",
            [
                "min(priority)",
                "cast(count(*) as " ~ dbt.type_string() ~ ")",
                dbt.listagg('segment_id', "', '", 'order by segment_id'),
            ],
        ) }} as problem,
        'Give each segment its own priority.' as cure
    from segments
    where {{ parse_number('priority') }} is not null
    group by {{ parse_number('priority') }}
    having count(*) > 1

    union all

    select
        'pillars.csv' as file_name,
        row_key,
        '`overall` is no name for a pillar.' as problem,
        'Choose another: it stands for the health of all pillars together.' as cure
    from pillars
    where pillar_id = 'overall'

    union all

    select
        'metrics.csv' as file_name,
        row_key,
        'this name is taken.' as problem,
        'Choose another: every run measures MRR under it.' as cure
    from metrics
    where metric_id = '{{ account_mrr_metric() }}'

    union all

    -- Thresholds that are written in two ways (5 and 5.0) are the same condition.
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

    union all

    select
        'segments.csv' as file_name,
        'is_default' as row_key,
        case
            when count(*) = 0 then 'no segment is the default.'
            else 'more than one segment is the default.'
        end as problem,
        'Set `is_default` to true for exactly one segment, the last.' as cure
    from segments
    where lower(is_default) = 'true'
    having count(*) <> 1

    union all

    select
        'segments.csv' as file_name,
        row_key,
        'the default segment is not the last.' as problem,
        'Give it the highest number as `priority`.' as cure
    from segments
    where
        lower(is_default) = 'true'
        and {{ parse_number('priority') }} < (
            select max({{ parse_number('others.priority') }})
            from segments as others
        )

    union all

    select distinct
        'segment_rules.csv' as file_name,
        segment_rules.row_key,
        'the default segment has a rule.' as problem,
        'Remove it: every account belongs to the default segment.' as cure
    from segment_rules
    inner join segments on segment_rules.segment_id = segments.segment_id
    where lower(segments.is_default) = 'true'

    union all

    select
        'segments.csv' as file_name,
        row_key,
        '`good_from` is not above `poor_below`.' as problem,
        'Empty cells stand for 6.66 and 3.34.' as cure
    from segments
    where
        coalesce({{ parse_number('good_from') }}, 6.66)
        <= coalesce({{ parse_number('poor_below') }}, 3.34)

    union all

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
    inner join {{ ref('measures') }} as measures on metrics.measure = measures.measure
    where
        (measures.window_use = 'r' and metrics.window_days is null)
        or (measures.window_use = '-' and metrics.window_days is not null)

    union all

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
    inner join {{ ref('measures') }} as measures on metrics.measure = measures.measure
    where
        metrics.dimension is not null
        and coalesce(metrics.dimension not in (
            {{ dbt.split_part('measures.dimensions', "'|'", 1) }},
            {{ dbt.split_part('measures.dimensions', "'|'", 2) }},
            {{ dbt.split_part('measures.dimensions', "'|'", 3) }}
        ), true)

    union all

    select
        'metrics.csv' as file_name,
        metrics.row_key,
        case
            when metrics.dimension is null then '`dimension_values` without `dimension`.'
            else '`dimension` without `dimension_values`.'
        end as problem,
        'Fill both or neither.' as cure
    from metrics
    left join metrics_with_kept_values as kept on metrics.row_key = kept.row_key
    where
        (metrics.dimension is null and metrics.dimension_values is not null)
        or (metrics.dimension is not null and kept.row_key is null)

    union all

    select
        'score_rules.csv' as file_name,
        row_key,
        'neither a healthy nor a poor condition.' as problem,
        'Fill `healthy_operator` and `healthy_threshold`, or the poor ones, or both.' as cure
    from score_rules
    where
        healthy_operator is null and healthy_threshold is null
        and poor_operator is null and poor_threshold is null

    union all

    select
        file_name,
        row_key,
        {{ sentence("`{}` is empty.", ["operator_column"]) }} as problem,
        'Fill it, or empty the threshold as well.' as cure
    from typed_conditions
    where operator is null and file_name = 'score_rules.csv'

    union all

    select
        file_name,
        row_key,
        {{ sentence("`{}` is empty.", ["threshold_column"]) }} as problem,
        'Fill it, or empty the operator as well.' as cure
    from typed_conditions
    where threshold is null and file_name = 'score_rules.csv'

    union all

    select
        file_name,
        row_key,
        {{ sentence(
            "operator `{}` does not go with the signal {}{}.",
            [
                "operator",
                "coalesce(signal_id, '')",
                "coalesce(', which is ' || value_type, '')",
            ],
        ) }} as problem,
        case value_type
            when 'number' then 'Numbers take = != > >= < <= in not_in.'
            when 'boolean' then 'Booleans take = and !=.'
            when 'text' then 'Texts take = != in not_in.'
            when 'tags' then 'Tags take = != in not_in.'
            else 'Operators are = != > >= < <= in not_in.'
        end as cure
    from typed_conditions
    where
        operator not in ('=', '!=', '>', '>=', '<', '<=', 'in', 'not_in')
        or (value_type in ('text', 'tags') and operator not in ('=', '!=', 'in', 'not_in'))
        or (value_type = 'boolean' and operator not in ('=', '!='))

    union all

    select
        typed_conditions.file_name,
        typed_conditions.row_key,
        {{ sentence(
            "`{}` is {}, but the signal {} is a number.",
            [
                "typed_conditions.threshold_column",
                "typed_conditions.threshold",
                "typed_conditions.signal_id",
            ],
        ) }} as problem,
        'Write a number, or for `in` and `not_in` numbers separated by `|`.' as cure
    from typed_conditions
    left join listed_numbers
        on typed_conditions.file_name = listed_numbers.file_name
        and typed_conditions.row_key = listed_numbers.row_key
        and typed_conditions.threshold_column = listed_numbers.threshold_column
    where
        typed_conditions.value_type = 'number'
        and typed_conditions.threshold is not null
        and case
            when typed_conditions.operator in ('in', 'not_in')
                then
                    coalesce(listed_numbers.listed, 0) = 0
                    or listed_numbers.listed_numbers < listed_numbers.listed
            else {{ parse_number('typed_conditions.threshold') }} is null
        end

    union all

    select
        typed_conditions.file_name,
        typed_conditions.row_key,
        {{ sentence(
            "`{}` is {}, a list with nothing in it.",
            ["typed_conditions.threshold_column", "typed_conditions.threshold"],
        ) }} as problem,
        'Write values separated by `|`.' as cure
    from typed_conditions
    left join listed_numbers
        on typed_conditions.file_name = listed_numbers.file_name
        and typed_conditions.row_key = listed_numbers.row_key
        and typed_conditions.threshold_column = listed_numbers.threshold_column
    where
        typed_conditions.value_type in ('text', 'tags')
        and typed_conditions.operator in ('in', 'not_in')
        and typed_conditions.threshold is not null
        and listed_numbers.listed is null

    union all

    select
        file_name,
        row_key,
        {{ sentence(
            "`{}` is {}, but the signal {} is a boolean.",
            ["threshold_column", "threshold", "signal_id"],
        ) }} as problem,
        'Write true or false.' as cure
    from typed_conditions
    where value_type = 'boolean' and lower(threshold) not in ('true', 'false')

    union all

    select
        file_name,
        row_key,
        '`scaled_by` does not go with `in` and `not_in`.' as problem,
        'Empty it, or compare with one number.' as cure
    from typed_conditions
    where scaled_by is not null and operator in ('in', 'not_in')

    union all

    select
        file_name,
        row_key,
        {{ sentence(
            "`scaled_by` names {}, which is no number signal.", ["scaled_by"]
        ) }} as problem,
        'Name a metric or a number attribute.' as cure
    from typed_conditions
    where scaled_by is not null and coalesce(scale_type, '') <> 'number'

    union all

    select
        file_name,
        row_key,
        {{ sentence(
            "`scaled_by` with the signal {}, which is no number.", ["signal_id"]
        ) }} as problem,
        'Empty it.' as cure
    from typed_conditions
    where scaled_by is not null and value_type <> 'number'

    union all

    select
        'raw_values.csv' as file_name,
        raw_values.row_key,
        {{ sentence(
            "there is no column {} of a raw table {}.",
            [
                "coalesce(raw_values.column_name, '(empty)')",
                "coalesce(raw_values.table_name, '(empty)')",
            ],
        ) }} as problem,
        'Name a column of a raw table, as `_staging__sources.yml` lists them.' as cure
    from raw_values
    left join raw_table_columns
        on raw_values.table_name = raw_table_columns.table_name
        and raw_values.column_name = raw_table_columns.column_name
    where raw_table_columns.column_name is null

    union all

    select
        'raw_values.csv' as file_name,
        row_key,
        case
            when raw_value is null then 'neither `raw_value` nor `time_format`.'
            else 'both `raw_value` and `time_format`.'
        end as problem,
        'Fill one of them.' as cure
    from raw_values
    where (raw_value is null) = (time_format is null)

    union all

    select
        'raw_values.csv' as file_name,
        raw_values.row_key,
        '`time_format` for a column that is no time.' as problem,
        'Empty it, and say what a `raw_value` stands for.' as cure
    from raw_values
    inner join raw_table_columns
        on raw_values.table_name = raw_table_columns.table_name
        and raw_values.column_name = raw_table_columns.column_name
    where raw_values.time_format is not null and raw_table_columns.kind <> 'time'

    union all

    select
        'raw_values.csv' as file_name,
        row_key,
        '`time_format` with a `value`.' as problem,
        'Empty `value`: the format itself says which time is meant.' as cure
    from raw_values
    where time_format is not null and value is not null

    union all

    select
        'raw_values.csv' as file_name,
        row_key,
        {{ sentence("`time_format` is {}.", ["time_format"]) }} as problem,
        'Write it as strptime does, say %d.%m.%Y %H:%M.' as cure
    from raw_values
    where time_format is not null and not {{ is_time_format('time_format') }}

    union all

    select
        'raw_values.csv' as file_name,
        min(row_key) as row_key,
        'the same value or format of a column stands there more than once.' as problem,
        'Keep one of them.' as cure
    from raw_values
    group by table_name, column_name, lower(raw_value), time_format
    having count(*) > 1

    union all

    select
        case
            when max(case when origin = 'metric' then 1 else 0 end) = 1 then 'metrics.csv'
            else 'attributes.csv'
        end as file_name,
        signal_id as row_key,
        'this name stands for more than one signal.' as problem,
        'Rename the metric or the attribute.' as cure
    from {{ ref('config_signals') }}
    group by signal_id
    having count(distinct origin) > 1

)

select distinct
    file_name,
    row_key,
    problem,
    cure
from errors
