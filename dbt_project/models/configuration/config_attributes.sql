with

source as (

    {{ read_configuration('attributes') }}

)

select
    attribute_id,
    lower(value_type) as value_type,
    unit,
    description
from source
