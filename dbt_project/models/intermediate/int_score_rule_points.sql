-- What each score rule of the chosen segment gives (docs/health.md, "Pillar score" and "What is not
-- known"): one row per configuration, health date, account, pillar and signal.
--
-- `points` is null where nothing is known; `least_points` and `greatest_points` are what the rule
-- could give, whatever it is that is not known.
with

conditions as (

    select
        *,
        {{ truth_level('is_met') }} as truth_level
    from {{ ref('health_conditions') }}
    where rule_set in ('healthy', 'poor_band')

),

-- A condition that is left out never holds. A linear rule is one condition, shown as two.
rules as (

    select
        configuration_key,
        health_date,
        account_id,
        segment_id,
        pillar_id,
        signal_id,
        max(case when rule_set = 'healthy' then truth_level else 0 end) as healthy_level,
        max(case when rule_set = 'poor_band' then truth_level else 0 end) as poor_level,
        count(is_met) = 0 as is_unknown,
        max(points) as linear_points,
        sum(
            case
                when is_met is null and not (operator = 'linear' and rule_set = 'poor_band') then 1
                else 0
            end
        ) as unknown_conditions
    from conditions
    group by configuration_key, health_date, account_id, segment_id, pillar_id, signal_id

)

select
    rules.configuration_key,
    rules.health_date,
    rules.account_id,
    rules.pillar_id,
    rules.signal_id,
    weights.weight,
    {{ points_of_score_rule('rules') }} as points,
    case
        when rules.is_unknown then 0
        when rules.linear_points is not null then rules.linear_points
        when rules.healthy_level = 2 then 10
        when rules.poor_level >= 1 then 0
        else 5
    end as least_points,
    case
        when rules.is_unknown then 10
        when rules.linear_points is not null then rules.linear_points
        when rules.healthy_level >= 1 then 10
        when rules.poor_level = 2 then 0
        else 5
    end as greatest_points,
    cast(rules.unknown_conditions as integer) as unknown_conditions
from rules
inner join {{ ref('configured_score_rules') }} as weights
    on rules.configuration_key = weights.configuration_key
    and rules.segment_id = weights.segment_id
    and rules.pillar_id = weights.pillar_id
    and rules.signal_id = weights.signal_id
