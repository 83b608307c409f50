with

source as (

    {{ read_configuration('attributes') }}

)

select
    attribute_id,
    value_type,
    unit,
    description
from source
