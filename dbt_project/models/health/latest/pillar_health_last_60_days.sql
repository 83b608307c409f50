{{ config(materialized='view') }}
-- The last 60 days of `pillar_health_history`.
select *
from {{ ref('pillar_health_history') }}
where health_date > (
    select max(history.health_date) - 60
    from {{ ref('account_health_history') }} as history
)
