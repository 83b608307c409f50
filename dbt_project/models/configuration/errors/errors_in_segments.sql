-- Segments that cannot be told apart or put in order. One row per mistake.
with

segments as (

    {{ configuration_rows('segments') }}

),

segment_rules as (

    {{ configuration_rows('segment_rules') }}

),

typed_segments as (

    select
        segment_id,
        row_key,
        coalesce(lower(is_default) = 'true', false) as is_default,
        {{ parse_number('priority') }} as priority_number,
        priority,
        coalesce(
            {{ parse_number('good_from') }}, {{ configuration_default('segments', 'good_from') }}
        ) as good_from,
        coalesce(
            {{ parse_number('poor_below') }}, {{ configuration_default('segments', 'poor_below') }}
        ) as poor_below
    from segments

),

same_priorities as (

    select
        'segments.csv' as file_name,
        min(row_key) as row_key,
        {{ sentence(
            "priority {} is given to {} segments: {}.",
            [
                "min(priority)",
                "cast(count(*) as " ~ dbt.type_string() ~ ")",
                dbt.listagg('segment_id', "', '", 'order by segment_id'),
            ],
        ) }} as problem,
        'Give each segment its own priority.' as cure
    from typed_segments
    where priority_number is not null
    group by priority_number
    having count(*) > 1

),

defaults_other_than_one as (

    select
        'segments.csv' as file_name,
        'is_default' as row_key,
        case
            when count(*) = 0 then 'no segment is the default.'
            else 'more than one segment is the default.'
        end as problem,
        'Set `is_default` to true for exactly one segment, the last.' as cure
    from typed_segments
    where is_default
    having count(*) <> 1

),

default_not_last as (

    select
        'segments.csv' as file_name,
        row_key,
        'the default segment is not the last.' as problem,
        'Give it the highest number as `priority`.' as cure
    from typed_segments
    where
        is_default
        and priority_number < (select max(others.priority_number) from typed_segments as others)

),

default_with_rules as (

    select distinct
        'segment_rules.csv' as file_name,
        segment_rules.row_key,
        'the default segment has a rule.' as problem,
        'Remove it: every account belongs to the default segment.' as cure
    from segment_rules
    inner join typed_segments as segments on segment_rules.segment_id = segments.segment_id
    where segments.is_default

),

bands_without_average as (

    select
        'segments.csv' as file_name,
        row_key,
        '`good_from` is not above `poor_below`.' as problem,
        'Empty cells stand for {{ configuration_default('segments', 'good_from') }} and {{
            configuration_default('segments', 'poor_below')
        }}.' as cure
    from typed_segments
    where good_from <= poor_below

)

select * from same_priorities
union all
select * from defaults_other_than_one
union all
select * from default_not_last
union all
select * from default_with_rules
union all
select * from bands_without_average
