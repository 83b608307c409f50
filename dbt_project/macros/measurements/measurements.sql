{#- Folds occurrences into measurements: one row per health date, account, metric and operand that
    has any, with its value. Used at the end of each model in `models/pillars`.

    An occurrence is something that counts for an operand on a stretch of health dates:
    (account_id, operand, known_on, window_on, ends_on, amount, day, thing, dimension_value)
    - known_on: day of the time that must lie before the health date; it counts from the next day on
    - window_on: day of the time that must lie in the window; null where no window applies
    - ends_on: last health date on which it counts; null for ever
    - amount: what is summed, averaged or compared; day: what the days to the day of measuring are counted from;
      thing: what is counted once
    What is measured with a lag is measured as of that many days before the health date.
    Days are enough, because a health date is a midnight: `time < D` is `day of time < D`, and
    `D - w <= time` is `D <= day of time + w`.

    step: of `steps_of_health_dates`, the dates to fold for
    aggregates: those of the operands (`catalogue/operands.csv`). Each is worked out for every group,
        wanted or not, so that a model with many groups names its own
    match: further condition between `occurrences` and `measurements`; by default the dimension
    relation: where the occurrences are
    has_account_numbers: whether occurrences have the `account_number` of `int_account_numbers` instead of
        the `account_id` -#}
{% macro fold_occurrences(
    step,
    aggregates,
    match=none,
    relation='occurrences',
    has_account_numbers=false
) -%}
{%- set account = 'account_number' if has_account_numbers else 'account_id' -%}
{%- set expressions = {
    'count': 'count(*)',
    'sum': 'sum(occurrences.amount)',
    'mean': 'avg(occurrences.amount)',
    'max': 'max(occurrences.amount)',
    'distinct': 'count(distinct occurrences.thing)',
    'days_since_first': 'min(occurrences.day)',
    'days_since_last': 'max(occurrences.day)',
    'days_until_first': 'min(occurrences.day)',
} -%}
{%- set measured_on = '(folded.health_date - measurements.lag_days)' -%}
{%- set values = {
    'days_since_first': dbt.datediff('folded.days_since_first_value', measured_on, 'day'),
    'days_since_last': dbt.datediff('folded.days_since_last_value', measured_on, 'day'),
    'days_until_first': dbt.datediff(measured_on, 'folded.days_until_first_value', 'day'),
} -%}
{%- set is_kept_value -%}
(
        measurements.dimension is null
        or {{ array_has('measurements.dimension_values', 'occurrences.dimension_value') }}
    )
{%- endset -%}
{#- Millions of rows are grouped by the number of a measurement, and metrics that measure the same share
    one; their names are joined after. -#}
{%- set numbered -%}
(
    select
        *,
        dense_rank() over (
            order by operand, filter_id, window_days, lag_days, only_on
        ) as measurement_number,
        row_number() over (
            partition by operand, filter_id, window_days, lag_days, only_on
            order by metric_id, operand_position
        ) as position_among_same
    from {{ ref('config_measurements') }}
)
{%- endset -%}
select
    folded.health_date,
    {{ 'accounts' if has_account_numbers else 'folded' }}.account_id,
    measurements.metric_id,
    measurements.operand_position,
    cast(
        case measurements.aggregate
            {%- for aggregate in aggregates %}
            when '{{ aggregate }}' then {{ values.get(aggregate, 'folded.' ~ aggregate ~ '_value') }}
            {%- endfor %}
        end as double
    ) as value
from (
    select
        dates.health_date,
        occurrences.{{ account }},
        measurements.measurement_number
        {%- for aggregate in aggregates %},
        {{ expressions[aggregate] }} as {{ aggregate }}_value
        {%- endfor %}
    from {{ relation }} as occurrences
    inner join {{ numbered }} as measurements
        on measurements.position_among_same = 1
        and occurrences.operand = measurements.operand
        and {{ match or is_kept_value }}
    inner join {{ ref('int_health_dates') }} as dates
        on dates.health_date = coalesce(measurements.only_on, dates.health_date)
        and dates.health_date between {{ step.first }} and {{ step.last }}
        -- In a `case`, because comparisons of both sides would make it a merge join, which sorts the
        -- occurrences for a handful of dates.
        and case
            when
                dates.health_date > occurrences.known_on + measurements.lag_days
                and dates.health_date <= least(
                    coalesce(occurrences.ends_on, {{ end_of_time() }}),
                    coalesce(occurrences.window_on + measurements.window_days, {{ end_of_time() }})
                ) + measurements.lag_days
                then true
            else false
        end
    group by
        dates.health_date,
        occurrences.{{ account }},
        measurements.measurement_number
) as folded
inner join {{ numbered }} as measurements
    on folded.measurement_number = measurements.measurement_number
{%- if has_account_numbers %}
inner join {{ ref('int_account_numbers') }} as accounts
    on folded.account_number = accounts.account_number
{%- endif %}
{%- endmacro %}

{% macro end_of_time() %}cast('9000-01-01' as date){% endmacro %}

{#- Hours from one time to another, fractions kept. -#}
{% macro hours_between(start, end) -%}
({{ epoch_seconds(end) }} - {{ epoch_seconds(start) }}) / 3600.0
{%- endmacro %}

{#- The first day of events that matters to a series of `event_series` in a step. -#}
{% macro read_from_day(days_back, step) -%}
coalesce({{ step.first }} - {{ days_back }}, cast('0001-01-01' as date))
{%- endmacro %}

{#- An event day in so far as it must be told from others: days before the step's first date, less the lag of
    what is measured, are one. -#}
{% macro day_within_step(event_day, step, lag_days) -%}
case when {{ event_day }} >= {{ step.first }} - {{ lag_days }} then {{ event_day }} end
{%- endmacro %}

{#- Condition that an event day matters to a series in a step: it lies between what the series reads from and
    the step's last date, less the lag. `>=` and `<` would make it a merge join, which sorts the events. -#}
{% macro is_day_of_series(event_day, series, step) -%}
{{ event_day }} = greatest(
            least({{ event_day }}, {{ step.last }} - {{ series }}.lag_days - 1),
            {{ series }}.read_from
        )
{%- endmacro %}

{#- The next `event_day` of what the columns say; null in a step of one date, whose days are one already. -#}
{% macro next_day_of(columns, step) -%}
{%- if step.first == step.last -%}
cast(null as date)
{%- else -%}
lead(event_day) over (partition by {{ columns }} order by event_day)
{%- endif -%}
{%- endmacro %}

{#- Condition that events are of a series: it has no dimension, or keeps to their feature,
    module or product. -#}
{% macro matches_dimension(series, events) -%}
{%- set value -%}
case {{ series }}.dimension
    when 'feature' then {{ events }}.feature
    when 'module' then {{ events }}.module
    else {{ events }}.product
end
{%- endset -%}
(
            {{ series }}.dimension is null
            or {{ array_has(series ~ '.dimension_values', value) }}
        )
{%- endmacro %}
