{{ config(materialized='view') }}
-- The milestones of the chosen segment, evaluated for every account: one row per health date,
-- account and milestone, whose id is the `clause`. Only the current configuration's are evaluated.
{{ described_conditions(ref('chosen_segment_results'), "'milestone'") }}
