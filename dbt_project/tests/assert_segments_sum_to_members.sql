{{ config(meta={'dagster': {'ref': {'name': 'segment_health_history'}}}) }}
-- The states of a segment must add up to its members, for every date and pillar.
with

members as (

    select
        membership.health_date,
        membership.segment_id,
        count(*) as accounts,
        sum(history.mrr) as mrr
    from {{ ref('segment_membership') }} as membership
    inner join {{ ref('account_health_history') }} as history
        on membership.health_date = history.health_date
        and membership.account_id = history.account_id
    where
        membership.health_date between {{ first_health_date() }} and {{ last_health_date() }}
        and membership.membership = 'member'
    group by membership.health_date, membership.segment_id

),

pillars as (

    select pillar_id from {{ ref('config_pillars') }}
    union all
    select 'overall' as pillar_id

),

expected as (

    select
        members.health_date,
        members.segment_id,
        pillars.pillar_id,
        members.accounts,
        members.mrr
    from members
    cross join pillars

),

found as (

    select
        health_date,
        segment_id,
        pillar_id,
        sum(accounts) as accounts,
        sum(mrr) as mrr
    from {{ ref('segment_health_history') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}
    group by health_date, segment_id, pillar_id

)

select
    coalesce(expected.health_date, found.health_date) as health_date,
    coalesce(expected.segment_id, found.segment_id) as segment_id,
    coalesce(expected.pillar_id, found.pillar_id) as pillar_id,
    expected.accounts,
    found.accounts as found_accounts
from expected
full outer join found
    on expected.health_date = found.health_date
    and expected.segment_id = found.segment_id
    and expected.pillar_id = found.pillar_id
where
    expected.accounts is distinct from found.accounts
    or abs(coalesce(expected.mrr, 0) - coalesce(found.mrr, 0)) > 0.01
