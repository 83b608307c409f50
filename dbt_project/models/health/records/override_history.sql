{{ config(materialized='table') }}
-- Every override that counts, whether it applies now or not: who said what, why and until when.
select
    override_id,
    account_id,
    pillar_id,
    state,
    reason,
    author,
    created_at,
    expires_at
from {{ ref('stg_health_overrides') }}
