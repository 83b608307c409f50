-- How pillars weigh in the segments. A segment without weights weighs all pillars that it
-- configures alike.
with

source as (

    {{ rows_of_configurations('pillar_weights') }}

),

segments_of_source as (

    select distinct
        configuration_key,
        segment_id
    from source

),

pillars_with_rules as (

    select distinct
        configuration_key,
        segment_id,
        pillar_id
    from {{ ref('configured_conditions') }}
    where rule_set in ('good', 'poor', 'healthy', 'poor_band')

)

select
    configuration_key,
    segment_id,
    pillar_id,
    {{ parse_number('weight') }} as weight,
    {{ parse_number('cap_when_poor') }} as cap_when_poor
from source

union all

select
    pillars_with_rules.configuration_key,
    pillars_with_rules.segment_id,
    pillars_with_rules.pillar_id,
    1 as weight,
    cast(null as double) as cap_when_poor
from pillars_with_rules
left join segments_of_source
    on pillars_with_rules.configuration_key = segments_of_source.configuration_key
    and pillars_with_rules.segment_id = segments_of_source.segment_id
where segments_of_source.segment_id is null
