{{ config(materialized='view') }}
-- The signals of the current configuration (`evaluated_signals`): one row per health date, account
-- and signal that is not missing.
select
    health_date,
    account_id,
    signal_id,
    value_number,
    value_text,
    value_texts
from {{ ref('evaluated_signals') }}
where configuration_key = 'current'
