-- The conditions of this run's configuration: one row per condition (`configured_conditions`).
select
    condition_id,
    rule_set,
    segment_id,
    pillar_id,
    clause,
    signal_id,
    value_type,
    operator,
    threshold,
    scaled_by,
    threshold_number,
    poor_number,
    healthy_number,
    threshold_numbers,
    threshold_texts,
    threshold_count,
    threshold_number_count
from {{ ref('configured_conditions') }}
where configuration_key = 'current'
