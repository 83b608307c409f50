-- When each subscription row was active, one row per subscription row. A row ends at the latest
-- when the next row of its id starts. Active on the health dates after `started_on` up to
-- `ended_on`.
with

subscriptions as (

    select
        *,
        lead(started_at) over (
            partition by subscription_id
            order by started_at
        ) as next_started_at
    from {{ ref('stg_subscriptions') }}

),

plans as (

    select
        plan_id,
        max(case when configuration_key = 'current' then plan_rank end) as plan_rank,
        max(case when configuration_key = 'previous' then plan_rank end) as previous_plan_rank
    from {{ ref('configured_plans') }}
    group by plan_id

)

select
    subscriptions.subscription_id,
    subscriptions.account_id,
    subscriptions.plan_id,
    plans.plan_rank,
    plans.previous_plan_rank,
    subscriptions.mrr,
    subscriptions.seats,
    cast(subscriptions.started_at as date) as started_on,
    least(
        cast(subscriptions.ended_at as date),
        cast(subscriptions.next_started_at as date)
    ) as ended_on,
    cast(subscriptions.renews_at as date) as renews_on
from subscriptions
left join plans on subscriptions.plan_id = plans.plan_id
