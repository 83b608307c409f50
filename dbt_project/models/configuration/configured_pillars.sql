with

source as (

    {{ rows_of_configurations('pillars') }}

)

select
    configuration_key,
    pillar_id,
    {{ name_of_id('pillar_name', 'pillar_id') }} as pillar_name,
    {{ parse_number('display_order') }} as display_order,
    when_no_data
from source
