-- Overrides that apply, one row per health date, account and pillar or `overall`: the latest
-- created of those created before the date and not expired before it.
with

overrides as (

    select
        dates.health_date,
        overrides.account_id,
        overrides.pillar_id,
        overrides.state,
        overrides.reason,
        row_number() over (
            partition by dates.health_date, overrides.account_id, overrides.pillar_id
            order by overrides.created_at desc, overrides.override_id desc
        ) as position
    from {{ ref('stg_health_overrides') }} as overrides
    inner join {{ ref('int_health_dates') }} as dates
        on dates.health_date > cast(overrides.created_at as date)
        and dates.health_date <= coalesce(cast(overrides.expires_at as date), {{ end_of_time() }})

)

select
    health_date,
    account_id,
    pillar_id,
    state,
    reason
from overrides
where position = 1
