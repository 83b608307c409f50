{{ config(materialized='view') }}
-- Every condition of every segment, evaluated for every account: one row per configuration, health
-- date, account and condition.
{{ described_conditions(ref('segment_results')) }}
