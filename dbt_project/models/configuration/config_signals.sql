-- What a condition of this run's configuration can compare: one row per signal
-- (`configured_signals`).
select
    signal_id,
    signal_name,
    unit,
    value_type,
    origin
from {{ ref('configured_signals') }}
where configuration_key = 'current'
