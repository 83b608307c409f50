-- Every metric of every account in scope: one row per health date, account and metric, with its
-- value (null: missing). Puts the operands together by the formula of the measure.
with

accounts as (

    select * from {{ ref('int_accounts_by_health_date') }}

),

absent_tables as (

    select table_name
    from {{ ref('raw_tables') }}
    where not is_present

),

metric_tables as (

    {{ list_values(ref('measured_metrics'), ['metric_id'], 'tables') }}

),

-- A measure whose table is absent is missing, not 0.
metrics as (

    select *
    from {{ ref('measured_metrics') }}
    where metric_id not in (
        select metric_tables.metric_id
        from metric_tables
        inner join absent_tables on metric_tables.value = absent_tables.table_name
    )

),

measured as (

    select
        *,
        case when when_none = 'zero' then 0 end as value_when_none
    from {{ ref('config_measurements') }}

),

measurements as (

    {% for pillar in ['product_adoption', 'financial', 'service', 'relationship', 'external'] %}
    select * from {{ ref(pillar ~ '_measurements') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

operands as (

    select
        accounts.health_date,
        accounts.account_id,
        accounts.account_age_days,
        metrics.metric_id,
        metrics.pillar_id,
        metrics.formula,
        metrics.when_none,
        coalesce(first_measurements.value, first_measured.value_when_none) as first_value,
        coalesce(second_measurements.value, second_measured.value_when_none) as second_value
    from accounts
    inner join metrics
        on accounts.health_date = coalesce(metrics.only_on, accounts.health_date)
    inner join measured as first_measured
        on metrics.metric_id = first_measured.metric_id
        and first_measured.operand_position = 1
    left join measured as second_measured
        on metrics.metric_id = second_measured.metric_id
        and second_measured.operand_position = 2
    left join measurements as first_measurements
        on accounts.health_date = first_measurements.health_date
        and accounts.account_id = first_measurements.account_id
        and metrics.metric_id = first_measurements.metric_id
        and first_measurements.operand_position = 1
    left join measurements as second_measurements
        on accounts.health_date = second_measurements.health_date
        and accounts.account_id = second_measurements.account_id
        and metrics.metric_id = second_measurements.metric_id
        and second_measurements.operand_position = 2

),

combined as (

    select
        *,
        case formula
            when 'value' then first_value
            when 'difference' then first_value - second_value
            when 'ratio' then first_value / nullif(second_value, 0)
            when 'change' then first_value / nullif(second_value, 0) - 1
            when 'days_since'
                then {{ day_number('health_date') }} - first_value
            when 'days_until'
                then first_value - {{ day_number('health_date') }}
        end as combined_value
    from operands

),

final as (

    select
        health_date,
        account_id,
        metric_id,
        pillar_id,
        cast(coalesce(
            combined_value,
            case when_none when 'zero' then 0 when 'account_age' then account_age_days end
        ) as double) as value
    from combined

)

-- Numbers too large to add up are missing, not infinite. The last bits of a sum depend on the order
-- in which threads add: without them a rerun gives the very same rows.
select
    health_date,
    account_id,
    metric_id,
    pillar_id,
    round({{ finite_number('value') }}, 12) as value
from final
