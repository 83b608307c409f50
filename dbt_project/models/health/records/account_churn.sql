{{ config(materialized='table') }}
-- Every account of the raw data, those that have left too: the truth that a back-test holds health
-- against, and the names by which people ask. No state and no score reads it.
select
    account_id,
    account_name,
    created_at,
    churned_at
from {{ ref('stg_accounts') }}
