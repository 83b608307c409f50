{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- For each number condition of the health and score rules: how its signal is distributed over the
-- accounts of its segment on the latest health date, and which thresholds some share would meet.
-- Thresholds of scaled conditions are in units of the cell that holds them: observed / scale.
{%- set shares = [10, 25, 50] %}
with

rules as (

    select *
    from {{ ref('config_conditions') }}
    where
        rule_set in ('good', 'poor', 'healthy', 'poor_band')
        and value_type = 'number'
        and {{ is_latest_date_in_run() }}

),

accounts as (

    {{ latest_accounts() }}

),

conditions as (

    select
        conditions.condition_id,
        conditions.is_met,
        case when conditions.is_met is not null then signals.value_number end as value,
        case
            when conditions.scaled_by is null then signals.value_number
            -- No threshold follows from a scale of 0.
            when scales.value_number > 0 then signals.value_number / scales.value_number
        end as threshold_value
    from {{ ref('health_conditions') }} as conditions
    inner join accounts
        on conditions.health_date = accounts.health_date
        and conditions.account_id = accounts.account_id
    left join {{ ref('account_signals') }} as signals
        on conditions.health_date = signals.health_date
        and conditions.account_id = signals.account_id
        and conditions.signal_id = signals.signal_id
    left join {{ ref('account_signals') }} as scales
        on conditions.health_date = scales.health_date
        and conditions.account_id = scales.account_id
        and conditions.scaled_by = scales.signal_id

),

distributions as (

    select
        condition_id,
        count(*) as accounts,
        count(*) - count(is_met) as missing,
        count(case when is_met then 1 end) / nullif(cast(count(is_met) as double), 0)
            as matched_share
        {%- for percent in [10, 25, 50, 75, 90] %},
        {{ quantile('value', percent / 100) }} as p{{ percent }},
        {{ quantile('threshold_value', percent / 100) }} as threshold_p{{ percent }}
        {%- endfor %}
    from conditions
    group by condition_id

)

select
    rules.segment_id,
    rules.pillar_id,
    rules.rule_set,
    rules.clause,
    rules.signal_id,
    rules.operator,
    rules.threshold,
    cast(coalesce(distributions.accounts, 0) as integer) as accounts,
    cast(coalesce(distributions.missing, 0) as integer) as missing,
    {%- for column in ['matched_share', 'p10', 'p25', 'p50', 'p75', 'p90'] %}
    cast(round(distributions.{{ column }}, 12) as double) as {{ column }},
    {%- endfor %}
    {%- for share in shares %}
    cast(round(
        case
            when rules.operator in ('>', '>=') then distributions.threshold_p{{ 100 - share }}
            when rules.operator in ('<', '<=') then distributions.threshold_p{{ share }}
        end, 12
    ) as double) as threshold_for_{{ share }}_percent{{ ',' if not loop.last }}
    {%- endfor %}
from rules
left join distributions on rules.condition_id = distributions.condition_id
