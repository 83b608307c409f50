with

source as (

    {{ read_configuration('plans') }}

)

select
    plan_id,
    plan_name,
    {{ parse_number('plan_rank') }} as plan_rank
from source
