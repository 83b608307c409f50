-- The calculated overall state and score of each account, and between which scores it could lie
-- (docs/health.md, "Overall" and "What is not known"): one row per configuration, health date and
-- account.
with

accounts as (

    select *
    from {{ ref('int_evaluated_accounts') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

),

segments as (

    select * from {{ ref('configured_segments') }}

),

pillars as (

    select * from {{ ref('int_evaluated_pillars') }}

),

weights as (

    select * from {{ ref('configured_pillar_weights') }}

),

weighed as (

    select
        pillars.configuration_key,
        pillars.health_date,
        pillars.account_id,
        {{ exact_sum('pillars.score * weights.weight') }}
        / {{ exact_sum('case when pillars.score is not null then weights.weight end') }} as score,
        min(case when pillars.calculated_state = 'poor' then weights.cap_when_poor end) as cap,
        {{ exact_sum('case when pillars.score is not null then weights.weight else 0 end') }}
        / {{ exact_sum('weights.weight') }} as coverage,
        -- What could be, over the pillars that are configured: the others have no ends.
        {{ exact_sum('pillars.score_low * weights.weight') }}
        / {{ exact_sum('case when pillars.score_low is not null then weights.weight end') }}
            as score_low,
        {{ exact_sum('pillars.score_high * weights.weight') }}
        / {{ exact_sum('case when pillars.score_high is not null then weights.weight end') }}
            as score_high,
        min(
            case
                when pillars.score_low is not null and pillars.may_be_poor
                    then weights.cap_when_poor
            end
        ) as cap_of_low,
        min(case when pillars.is_surely_poor then weights.cap_when_poor end) as cap_of_high
    from pillars
    inner join weights
        on pillars.configuration_key = weights.configuration_key
        and pillars.segment_id = weights.segment_id
        and pillars.pillar_id = weights.pillar_id
    group by pillars.configuration_key, pillars.health_date, pillars.account_id

),

chosen_segments as (

    select
        configuration_key,
        health_date,
        account_id,
        segment_id
    from {{ ref('int_evaluated_segments') }}
    where is_chosen

),

scores as (

    select
        accounts.configuration_key,
        accounts.health_date,
        accounts.account_id,
        chosen_segments.segment_id,
        segments.good_from,
        segments.poor_below,
        case
            when weighed.score is not null then least(weighed.score, weighed.cap)
        end as overall_score,
        coalesce(weighed.coverage, 0) as coverage,
        case
            when weighed.score_low is not null then least(weighed.score_low, weighed.cap_of_low)
        end as score_low,
        case
            when weighed.score_high is not null then least(weighed.score_high, weighed.cap_of_high)
        end as score_high,
        case
            when accounts.is_created_today then 'created_today'
            when chosen_segments.segment_id is null then 'no_segment'
            when weighed.score is null then 'no_pillar_calculated'
        end as reason
    from accounts
    left join chosen_segments
        on accounts.configuration_key = chosen_segments.configuration_key
        and accounts.health_date = chosen_segments.health_date
        and accounts.account_id = chosen_segments.account_id
    left join segments
        on chosen_segments.configuration_key = segments.configuration_key
        and chosen_segments.segment_id = segments.segment_id
    left join weighed
        on accounts.configuration_key = weighed.configuration_key
        and accounts.health_date = weighed.health_date
        and accounts.account_id = weighed.account_id

),

states as (

    select
        *,
        case
            when reason is not null then 'not_calculated'
            else {{ state_of_score('overall_score', 'good_from', 'poor_below') }}
        end as calculated_overall_state
    from scores

)

select
    configuration_key,
    health_date,
    account_id,
    segment_id,
    calculated_overall_state,
    cast(round(overall_score, 12) as double) as overall_score,
    cast(round(coverage, 12) as double) as coverage,
    reason,
    cast(round(score_low, 12) as double) as score_low,
    cast(round(score_high, 12) as double) as score_high,
    case
        when score_low is null then null
        when reason is not null then false
        else
            {{ state_of_score('score_low', 'good_from', 'poor_below') }} = calculated_overall_state
            and {{ state_of_score('score_high', 'good_from', 'poor_below') }}
            = calculated_overall_state
    end as is_certain
from states
