with

source as (

    {{ rows_of_configurations('pillar_sources') }}

)

select
    configuration_key,
    pillar_id,
    table_name
from source
