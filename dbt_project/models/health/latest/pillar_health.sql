{{ config(materialized='incremental', incremental_strategy='replace_all') }}
-- The health of every pillar of every account on the latest health date of the history.
with

latest as (

    select *
    from {{ ref('pillar_health_history') }}
    where
        health_date = (
            select max(history.health_date)
            from {{ ref('account_health_history') }} as history
        )

),

-- What the history does not hold, as in `account_health`: from this run, or as it was.
names as (

    select
        accounts.health_date,
        accounts.account_id,
        main_reasons.pillar_id,
        accounts.account_name,
        config_pillars.pillar_name,
        main_reasons.main_reason
    from {{ ref('int_accounts_by_health_date') }} as accounts
    inner join {{ ref('int_main_reasons') }} as main_reasons
        on accounts.health_date = main_reasons.health_date
        and accounts.account_id = main_reasons.account_id
    inner join {{ ref('config_pillars') }} as config_pillars
        on main_reasons.pillar_id = config_pillars.pillar_id
    {%- if keeps_latest_date() %}

    union all

    select
        health_date,
        account_id,
        pillar_id,
        account_name,
        pillar_name,
        main_reason
    from {{ this }}
    {%- endif %}

)

select
    latest.account_id,
    case when names.account_id is null then accounts.account_name else names.account_name end
        as account_name,
    latest.health_date,
    latest.pillar_id,
    case when names.account_id is null then config_pillars.pillar_name else names.pillar_name end
        as pillar_name,
    latest.segment_id,
    latest.state,
    latest.settled_state,
    present_states.state_since,
    latest.score,
    latest.score_low,
    latest.score_high,
    latest.is_certain,
    latest.reason,
    names.main_reason,
    present_states.last_60_days
from latest
inner join {{ ref('int_latest_states') }} as present_states
    on latest.account_id = present_states.account_id
    and latest.pillar_id = present_states.pillar_id
left join {{ ref('stg_accounts') }} as accounts on latest.account_id = accounts.account_id
left join {{ ref('config_pillars') }} as config_pillars
    on latest.pillar_id = config_pillars.pillar_id
left join names
    on latest.health_date = names.health_date
    and latest.account_id = names.account_id
    and latest.pillar_id = names.pillar_id
