-- What the data of each raw table is worth (docs/health.md, "Sources"): one row per configuration,
-- health date and raw table. On the first date of the run also by what the previous configuration
-- asks of it.
with

days as (

    select * from {{ ref('int_source_days') }}

),

status_keys as (

    select
        dates.health_date,
        raw_tables.table_name,
        raw_tables.is_present,
        raw_tables.problem is not null as is_unreadable
    from {{ ref('int_health_dates') }} as dates
    cross join {{ ref('raw_tables') }} as raw_tables

),

counts as (

    select
        status_keys.health_date,
        status_keys.table_name,
        sum(
            case
                when days.event_day < status_keys.health_date
                    then days.rows_read - days.rows_rejected
                else 0
            end
        ) as rows_before_date,
        max(
            case when days.event_day < status_keys.health_date then days.latest_at end
        ) as latest_at,
        sum(
            case when {{ is_recent_source_day() }} then days.rows_read else 0 end
        ) as recent_rows,
        sum(
            case when {{ is_recent_source_day() }} then days.rows_rejected else 0 end
        ) as recent_rejected
    from status_keys
    inner join days on status_keys.table_name = days.table_name
    where status_keys.is_present
    group by status_keys.health_date, status_keys.table_name

),

failures as (

    {{ source_check_failures() }}

),

facts as (

    select
        status_keys.*,
        coalesce(counts.rows_before_date, 0) as rows_before_date,
        counts.latest_at,
        counts.recent_rejected / nullif(cast(counts.recent_rows as double), 0) as rejected_ratio,
        failures.table_name is not null as has_failed
    from status_keys
    left join counts
        on status_keys.health_date = counts.health_date
        and status_keys.table_name = counts.table_name
    left join failures
        on status_keys.health_date = failures.health_date
        and status_keys.table_name = failures.table_name

),

configurations as (

    select configuration_key from {{ ref('configurations') }}

),

asked as (

    select
        configurations.configuration_key,
        facts.*,
        sources.max_age_hours,
        sources.max_rejected_ratio
    from facts
    inner join configurations
        on configurations.configuration_key = 'current'
        or facts.health_date = {{ first_health_date() }}
    left join {{ ref('configured_sources') }} as sources
        on configurations.configuration_key = sources.configuration_key
        and facts.table_name = sources.table_name

)

select
    configuration_key,
    health_date,
    table_name,
    case
        when is_unreadable then 'unreadable'
        when not is_present then 'absent'
        when has_failed then 'failed'
        when max_age_hours is not null and latest_at is null then 'stale'
        when
            {{ epoch_seconds('cast(health_date as timestamp)') }} - {{ epoch_seconds('latest_at') }}
            > max_age_hours * 3600
            then 'stale'
        when round(rejected_ratio, 6) > round(max_rejected_ratio, 6) then 'broken'
        else 'ok'
    end as status,
    cast(rows_before_date as bigint) as rows_before_date,
    latest_at,
    cast(rejected_ratio as double) as rejected_ratio
from asked
