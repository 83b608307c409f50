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

    select * from {{ ref('config_plans') }}

),

former_plans as (

    select * from {{ ref('former_plans') }}

)

select
    subscriptions.subscription_id,
    subscriptions.account_id,
    subscriptions.plan_id,
    plans.plan_rank,
    former_plans.plan_rank as former_plan_rank,
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
left join former_plans on subscriptions.plan_id = former_plans.plan_id
