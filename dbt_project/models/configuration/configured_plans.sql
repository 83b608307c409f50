with

source as (

    {{ rows_of_configurations('plans') }}

)

select
    configuration_key,
    plan_id,
    plan_name,
    {{ parse_number('plan_rank') }} as plan_rank
from source
