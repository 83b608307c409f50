-- A segment has a health configuration when it has a health rule or a score rule.
with

source as (

    {{ rows_of_configurations('segments') }}

),

health_rules as (

    {{ rows_of_configurations('health_rules') }}

),

score_rules as (

    {{ rows_of_configurations('score_rules') }}

),

with_rules as (

    select
        configuration_key,
        segment_id
    from health_rules

    union

    select
        configuration_key,
        segment_id
    from score_rules

)

select
    source.configuration_key,
    source.segment_id,
    source.segment_name,
    {{ parse_number('source.priority') }} as priority,
    coalesce(lower(source.is_default) = 'true', false) as is_default,
    coalesce(
        {{ parse_number('source.good_from') }},
        {{ configuration_default('segments', 'good_from') }}
    ) as good_from,
    coalesce(
        {{ parse_number('source.poor_below') }},
        {{ configuration_default('segments', 'poor_below') }}
    ) as poor_below,
    try_cast(
        coalesce(
            {{ parse_number('source.settle_days') }},
            {{ configuration_default('segments', 'settle_days') }}
        ) as integer
    ) as settle_days,
    source.description,
    with_rules.segment_id is not null as has_health_configuration
from source
left join with_rules
    on source.configuration_key = with_rules.configuration_key
    and source.segment_id = with_rules.segment_id
