-- The pillars of this run's configuration: one row per pillar.
select
    pillar_id,
    pillar_name,
    display_order,
    when_no_data
from {{ ref('configured_pillars') }}
where configuration_key = 'current'
