-- The conditions that say why a pillar has its calculated state on the latest health date
-- (docs/published_tables.md, "The main reason"): one row per account, pillar and condition, those
-- of one clause or of one score rule. None where the run does not calculate that date.
with

latest as (

    select max(health_date) as health_date
    from {{ ref('account_health_history') }}

),

pillars as (

    select
        pillar_health.account_id,
        pillar_health.pillar_id,
        pillar_health.segment_id,
        case when pillar_health.calculated_state = 'poor' then 'poor' else 'good' end
            as deciding_rule_set
    from {{ ref('pillar_health_history') }} as pillar_health
    inner join latest on pillar_health.health_date = latest.health_date
    where pillar_health.calculated_state <> 'not_calculated'

),

conditions as (

    select
        condition_id,
        segment_id,
        pillar_id,
        rule_set,
        coalesce(clause, '') as clause,
        signal_id,
        operator,
        max(case when rule_set in ('good', 'poor') then 1 else 0 end)
            over (partition by segment_id, pillar_id)
        = 1 as has_health_rules
    from {{ ref('config_conditions') }}
    where rule_set in ('good', 'poor', 'healthy', 'poor_band')

),

-- Of a poor pillar its poor conditions, of one that is not its good ones; of one without either its
-- score rules.
deciding_conditions as (

    select *
    from conditions
    where rule_set in ('good', 'poor') or not has_health_rules

),

-- Results meet their conditions first: an inner join with pillars would begin by putting conditions
-- and pillars together, millions of pairs, because it looks as if there were few.
results as (

    select
        results.account_id,
        conditions.pillar_id,
        conditions.condition_id,
        conditions.rule_set,
        conditions.clause,
        conditions.signal_id,
        results.is_met,
        round(results.observed_number, 6) as observed_number,
        results.observed_text,
        -- There is no gap to a list, of a single number either.
        case when {{ takes_list('conditions.operator') }} then null else results.resolved_number end
            as resolved_number
    from {{ ref('chosen_segment_results') }} as results
    inner join latest on results.health_date = latest.health_date
    inner join deciding_conditions as conditions
        on results.condition_id = conditions.condition_id
    left join pillars
        on results.account_id = pillars.account_id
        and conditions.pillar_id = pillars.pillar_id
    where
        results.configuration_key = 'current'
        and results.health_date = {{ latest_health_date() }}
        and coalesce(
            conditions.segment_id = pillars.segment_id
            and (
                not conditions.has_health_rules
                or conditions.rule_set = pillars.deciding_rule_set
            ),
            false
        )

),

-- How far a clause is from holding: by how many of its conditions, then by how many of them are
-- unknown, then by the largest gap relative to its threshold. Nothing is far where it holds.
clauses as (

    select
        account_id,
        pillar_id,
        clause,
        row_number() over (
            partition by account_id, pillar_id
            order by
                sum(case when is_met then 0 else 1 end),
                sum(case when is_met is null then 1 else 0 end),
                max(
                    case
                        when is_met then 0
                        else coalesce(
                            round(
                                abs(observed_number - resolved_number)
                                / coalesce(nullif(abs(resolved_number), 0), 1),
                                6
                            ),
                            1
                        )
                    end
                ),
                clause
        ) as position
    from results
    where rule_set in ('good', 'poor')
    group by account_id, pillar_id, clause

),

-- What a rule costs is what it lacks of ten points, times its weight.
costs as (

    select
        rules.account_id,
        rules.pillar_id,
        rules.signal_id,
        rules.points,
        row_number() over (
            partition by rules.account_id, rules.pillar_id
            order by round((10 - rules.points) * rules.weight, 6) desc, rules.signal_id
        ) as position
    from {{ ref('int_score_rule_points') }} as rules
    inner join latest on rules.health_date = latest.health_date
    where
        rules.configuration_key = 'current'
        and rules.health_date = {{ latest_health_date() }}
        and round(rules.points, 6) < 10

)

select
    results.account_id,
    results.pillar_id,
    results.condition_id,
    results.rule_set,
    results.is_met,
    results.observed_number,
    results.observed_text,
    results.resolved_number,
    cast(null as double) as points
from results
inner join clauses
    on results.account_id = clauses.account_id
    and results.pillar_id = clauses.pillar_id
    and results.clause = clauses.clause
    and clauses.position = 1
where results.rule_set in ('good', 'poor')

union all

select
    results.account_id,
    results.pillar_id,
    results.condition_id,
    results.rule_set,
    results.is_met,
    results.observed_number,
    results.observed_text,
    results.resolved_number,
    costs.points
from results
inner join costs
    on results.account_id = costs.account_id
    and results.pillar_id = costs.pillar_id
    and results.signal_id = costs.signal_id
    and costs.position = 1
where results.rule_set in ('healthy', 'poor_band')
