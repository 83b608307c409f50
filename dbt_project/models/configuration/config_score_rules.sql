with

source as (

    {{ read_configuration('score_rules') }}

)

select
    segment_id,
    pillar_id,
    signal_id,
    {{ parse_number('weight') }} as weight
from source
