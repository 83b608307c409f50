with

source as (

    {{ rows_of_configurations('sources') }}

)

select
    configuration_key,
    table_name,
    {{ parse_number('max_age_hours') }} as max_age_hours,
    {{ parse_number('max_rejected_ratio') }} as max_rejected_ratio
from source
