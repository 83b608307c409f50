{{ config(materialized='view') }}
-- The milestones of the chosen segment, evaluated for every account: one row per health date,
-- account and milestone, whose id is the `clause`. What the previous configuration says of
-- milestones is asked by nobody.
with

conditions as (

    {{ described_conditions(ref('chosen_segment_results'), "'milestone'") }}

)

select *
from conditions
where configuration_key = 'current'
