{{
    config(
        materialized='incremental',
        incremental_strategy='replace_all',
        full_refresh=false,
        on_schema_change='fail',
    )
}}
-- Milestones that accounts have reached, for good: one row per account, segment and milestone, with
-- the first health date that showed it. Dates may be calculated in any order: an earlier one moves
-- it back, and none takes it away.
with

reached as (

    select
        account_id,
        segment_id,
        clause as milestone_id,
        health_date as reached_on
    from {{ ref('milestone_conditions') }}
    where is_met

    {% if is_incremental() -%}
    union all

    select
        account_id,
        segment_id,
        milestone_id,
        reached_on
    from {{ this }}
    {%- endif %}

)

select
    account_id,
    segment_id,
    milestone_id,
    min(reached_on) as reached_on
from reached
group by account_id, segment_id, milestone_id
