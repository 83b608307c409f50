with

source as (

    {{ read_configuration('alert_rules') }}

)

select
    alert_id,
    pillar_id,
    from_state,
    to_state,
    {{ parse_number('score_below') }} as score_below,
    {{ parse_number('score_drop_7d') }} as score_drop_7d,
    segment_id,
    severity,
    playbook
from source
