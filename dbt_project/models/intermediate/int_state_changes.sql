{{
    config(
        materialized='incremental',
        incremental_strategy='replace_health_dates',
        full_refresh=false,
    )
}}
-- On which health dates anything about an account changed, kept over the runs: one row per health
-- date and account whose overall or any pillar changed.
select distinct
    health_date,
    account_id
from {{ ref('int_changed_states') }}
