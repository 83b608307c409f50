with

source as (

    {{ rows_of_configurations('score_rules') }}

)

select
    configuration_key,
    segment_id,
    pillar_id,
    signal_id,
    {{ parse_number('weight') }} as weight
from source
