with

source as (

    {{ read_configuration('pillars') }}

)

select
    pillar_id,
    pillar_name,
    {{ parse_number('display_order') }} as display_order,
    when_no_data
from source
