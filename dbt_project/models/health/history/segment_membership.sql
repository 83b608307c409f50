{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- Segments that an account is a member of, or may be, on a health date, and the chosen one
-- (`int_evaluated_segments`).
select
    health_date,
    account_id,
    segment_id,
    priority,
    membership,
    is_chosen
from {{ ref('int_evaluated_segments') }}
where configuration_key = 'current'
