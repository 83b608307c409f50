-- The segments of this run's configuration: one row per segment.
select
    segment_id,
    segment_name,
    priority,
    is_default,
    good_from,
    poor_below,
    settle_days,
    description,
    has_health_configuration
from {{ ref('configured_segments') }}
where configuration_key = 'current'
