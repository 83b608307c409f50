-- A segment has a health configuration when it has a health rule or a score rule.
with

source as (

    {{ read_configuration('segments') }}

),

configured as (

    select segment_id from ({{ read_configuration('health_rules') }}) as health_rules
    union
    select segment_id from ({{ read_configuration('score_rules') }}) as score_rules

)

select
    source.segment_id,
    source.segment_name,
    {{ parse_number('source.priority') }} as priority,
    coalesce(lower(source.is_default) = 'true', false) as is_default,
    coalesce({{ parse_number('source.good_from') }}, 6.66) as good_from,
    coalesce({{ parse_number('source.poor_below') }}, 3.34) as poor_below,
    source.description,
    configured.segment_id is not null as has_health_configuration
from source
left join configured on source.segment_id = configured.segment_id
