{{ config(meta={'dagster': {'ref': {'name': 'source_status'}}}) }}
-- A raw table without a status would make no pillar unfit, however stale it is.
select
    dates.health_date,
    raw_tables.table_name
from {{ ref('int_health_dates') }} as dates
cross join {{ ref('raw_tables') }} as raw_tables
left join {{ ref('source_status') }} as status
    on dates.health_date = status.health_date
    and raw_tables.table_name = status.table_name
where status.table_name is null
