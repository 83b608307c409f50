{{ config(materialized='incremental', incremental_strategy='replace_all') }}
-- How far accounts have come in the milestones of their segment on the latest health date.
with

latest as (

    {{ latest_accounts() }}

),

-- On the latest date, or, where this run did not calculate it, as its own run left them.
milestones as (

    select
        conditions.account_id,
        conditions.segment_id,
        conditions.clause as milestone_id,
        config_milestones.milestone_name,
        config_milestones.position,
        conditions.observed,
        conditions.resolved_threshold
    from {{ ref('milestone_conditions') }} as conditions
    inner join latest
        on conditions.health_date = latest.health_date
        and conditions.account_id = latest.account_id
    inner join {{ ref('config_milestones') }} as config_milestones
        on conditions.segment_id = config_milestones.segment_id
        and conditions.clause = config_milestones.milestone_id
    {%- if keeps_latest_date() %}

    union all

    select
        account_id,
        segment_id,
        milestone_id,
        milestone_name,
        position,
        observed,
        resolved_threshold
    from {{ this }}
    {%- endif %}

),

-- For good: the first of the dates on which it was met, in whatever order they were calculated.
reached as (

    select
        account_id,
        segment_id,
        milestone_id,
        min(health_date) as reached_on
    from {{ ref('int_milestone_changes') }}
    where is_met
    group by account_id, segment_id, milestone_id

)

select
    milestones.account_id,
    milestones.segment_id,
    milestones.milestone_id,
    milestones.milestone_name,
    milestones.position,
    reached.reached_on is not null as is_reached,
    reached.reached_on,
    milestones.observed,
    milestones.resolved_threshold
from milestones
left join reached
    on milestones.account_id = reached.account_id
    and milestones.segment_id = reached.segment_id
    and milestones.milestone_id = reached.milestone_id
