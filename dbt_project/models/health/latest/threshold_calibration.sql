{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- For each number condition of the health and score rules: how its signal is distributed over the
-- accounts of its segment on the latest health date, and which thresholds some share would meet.
-- Thresholds of scaled conditions are in units of the cell that holds them: observed / scale.
{%- set percents = [10, 25, 50, 75, 90] %}
{%- set shares = [0.1, 0.25, 0.5, 0.75, 0.9] %}
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

scales as (

    select *
    from {{ ref('account_signals') }}
    where signal_id in (select rules.scaled_by from rules)

),

-- In numbers, and what they are conditions of stands in the rules.
conditions as (

    select
        results.condition_id,
        results.is_met,
        case when results.is_met is not null then results.observed_number end as value,
        case
            when rules.scaled_by is null then results.observed_number
            -- No threshold follows from a scale of 0.
            when scales.value_number > 0 then results.observed_number / scales.value_number
        end as threshold_value
    from {{ ref('chosen_segment_results') }} as results
    inner join rules on results.condition_id = rules.condition_id
    inner join accounts
        on results.health_date = accounts.health_date
        and results.account_id = accounts.account_id
    left join scales
        on results.health_date = scales.health_date
        and results.account_id = scales.account_id
        and rules.scaled_by = scales.signal_id

),

counts as (

    select
        condition_id,
        count(*) as accounts,
        count(*) - count(is_met) as missing,
        {{ quantiles('value', shares) }} as value_quantiles,
        {{ quantiles('threshold_value', shares) }} as threshold_quantiles,
        round(count(case when is_met then 1 end) / nullif(cast(count(is_met) as double), 0), 12)
            as matched_share
    from conditions
    group by condition_id

),

distributions as (

    select
        {% for percent in percents %}
        round({{ array_item('value_quantiles', loop.index) }}, 12) as p{{ percent }},
        round({{ array_item('threshold_quantiles', loop.index) }}, 12) as threshold_p{{ percent }},
        {% endfor %}
        condition_id,
        accounts,
        missing,
        matched_share
    from counts

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
    cast(distributions.matched_share as double) as matched_share,
    cast(distributions.p10 as double) as p10,
    cast(distributions.p25 as double) as p25,
    cast(distributions.p50 as double) as p50,
    cast(distributions.p75 as double) as p75,
    cast(distributions.p90 as double) as p90,
    cast(
        case
            when rules.operator in ('>', '>=') then distributions.threshold_p90
            when rules.operator in ('<', '<=') then distributions.threshold_p10
        end as double
    ) as threshold_for_10_percent,
    cast(
        case
            when rules.operator in ('>', '>=') then distributions.threshold_p75
            when rules.operator in ('<', '<=') then distributions.threshold_p25
        end as double
    ) as threshold_for_25_percent,
    cast(
        case
            when rules.operator in ('>', '>=') then distributions.threshold_p50
            when rules.operator in ('<', '<=') then distributions.threshold_p50
        end as double
    ) as threshold_for_50_percent
from rules
left join distributions on rules.condition_id = distributions.condition_id
