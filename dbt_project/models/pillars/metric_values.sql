{{ config(meta={'uncompressed': ['account_id']}) }}
-- Every metric that is counted from records, of all accounts in scope: one row per health date,
-- account and metric that has a value. What has to be measured besides the metrics of the
-- configuration has no pillar.
--
-- The operands are put together by the formula of the measure. A value as of some days before the
-- health date has only who was in scope on that day, too.
{% for step in steps_of_health_dates() -%}
{{ step.opening }}
with

accounts as (

    select *
    from {{ ref('int_accounts_by_health_date') }}
    where health_date between {{ step.first }} and {{ step.last }}

),

metrics as (

    select *
    from {{ ref('measured_metrics') }}
    where
        base_metric is null
        and metric_id not in (
            select unmeasured.metric_id from {{ ref('int_unmeasured_metrics') }} as unmeasured
        )

),

measured as (

    select
        *,
        case when when_none = 'zero' then 0 end as value_when_none
    from {{ ref('config_measurements') }}

),

measurements as (

    {% for pillar in var('core_pillars') %}
    select *
    from {{ ref(pillar ~ '_measurements') }}
    where health_date between {{ step.first }} and {{ step.last }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

second_measured as (

    select * from measured
    where operand_position = 2 and metric_id in (select metrics.metric_id from metrics)

),

-- Both operands of a metric that has two, side by side.
operand_pairs as (

    select
        health_date,
        account_id,
        metric_id,
        max(case when operand_position = 1 then value end) as first_value,
        max(case when operand_position = 2 then value end) as second_value
    from measurements
    where metric_id in (select second_measured.metric_id from second_measured)
    group by health_date, account_id, metric_id

),

account_metrics as (

    select
        accounts.health_date,
        accounts.account_id,
        accounts.account_age_days,
        metrics.metric_id,
        second_measured.metric_id is not null as has_second
    from accounts
    inner join metrics
        on accounts.health_date = coalesce(metrics.only_on, accounts.health_date)
        and accounts.account_age_days >= metrics.lag_days
    left join second_measured on metrics.metric_id = second_measured.metric_id

),

-- Metrics of one operand and of two apart: most have one, and one join of all measurements at a
-- time is what memory has to hold. What the metric is comes after, for the same reason.
operands as (

    select
        account_metrics.*,
        measurements.value as first_value,
        cast(null as double) as second_value
    from account_metrics
    left join measurements
        on account_metrics.health_date = measurements.health_date
        and account_metrics.account_id = measurements.account_id
        and account_metrics.metric_id = measurements.metric_id
    where not account_metrics.has_second

    union all

    select
        account_metrics.*,
        operand_pairs.first_value,
        operand_pairs.second_value
    from account_metrics
    left join operand_pairs
        on account_metrics.health_date = operand_pairs.health_date
        and account_metrics.account_id = operand_pairs.account_id
        and account_metrics.metric_id = operand_pairs.metric_id
    where account_metrics.has_second

),

described as (

    select
        operands.health_date,
        operands.account_id,
        operands.account_age_days - metrics.lag_days as account_age_days,
        metrics.metric_id,
        metrics.pillar_id,
        metrics.formula,
        metrics.when_none,
        coalesce(operands.first_value, first_measured.value_when_none) as first_value,
        coalesce(operands.second_value, second_measured.value_when_none) as second_value
    from operands
    inner join metrics on operands.metric_id = metrics.metric_id
    inner join measured as first_measured
        on metrics.metric_id = first_measured.metric_id
        and first_measured.operand_position = 1
    left join second_measured on metrics.metric_id = second_measured.metric_id

),

combined as (

    select
        *,
        case formula
            when 'value' then first_value
            else {{ compared_values('formula', 'first_value', 'second_value') }}
        end as combined_value
    from described

),

valued as (

    select
        health_date,
        account_id,
        pillar_id,
        metric_id,
        cast(coalesce(
            combined_value,
            case when_none when 'zero' then 0 when 'account_age' then account_age_days end
        ) as double) as value
    from combined

),

final as (

    select
        health_date,
        account_id,
        pillar_id,
        metric_id,
        {{ metric_number('value') }} as value
    from valued

)

select * from final
where value is not null
{{ step.closing }}
{%- endfor %}
