with

source as (

    {{ read_configuration('milestones') }}

)

select
    segment_id,
    milestone_id,
    milestone_name,
    {{ parse_number('position') }} as position
from source
