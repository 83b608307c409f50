with

source as (

    {{ read_configuration('pillar_weights') }}

)

select
    segment_id,
    pillar_id,
    {{ parse_number('weight') }} as weight,
    {{ parse_number('cap_when_poor') }} as cap_when_poor
from source
