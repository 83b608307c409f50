with

source as (

    {{ read_configuration('pillars') }}

)

select
    pillar_id,
    pillar_name,
    {{ parse_number('display_order') }} as display_order,
    lower(when_no_data) as when_no_data
from source
