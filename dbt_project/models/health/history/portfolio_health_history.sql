{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- How many accounts, and how much MRR, each account manager and segment has in each state.
with

states as (

    {{ shown_states(first_health_date(), last_health_date()) }}

)

select
    health_date,
    csm_email,
    segment_id,
    pillar_id,
    state,
    count(*) as accounts,
    {{ total_mrr('mrr') }} as mrr
from states
group by
    health_date,
    csm_email,
    segment_id,
    pillar_id,
    state
