{{ config(materialized='view') }}
-- The conditions of the chosen segment's health and score rules, evaluated for every account: one
-- row per configuration, health date, account and condition.
{{ described_conditions(ref('chosen_segment_results'), "'good', 'poor', 'healthy', 'poor_band'") }}
