with

source as (

    {{ rows_of_configurations('pillars') }}

)

select
    configuration_key,
    pillar_id,
    pillar_name,
    {{ parse_number('display_order') }} as display_order,
    when_no_data
from source
