{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- Segments that an account is a member of, or may be, on a health date. The chosen one is the first
-- by priority of those it is a member of and that have a health configuration.
{{ segment_memberships(
    'config', ref('int_accounts_by_health_date'), ref('segment_conditions')
) }}
