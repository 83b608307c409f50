"""As of: a publication as it was on a previous date, as far as its history keeps that."""

from datetime import date
from pathlib import Path

import duckdb

from orchestration.warehouse.configuration import Configuration
from orchestration.warehouse.duckdb_files import in_memory, literal

DAYS = 60  # of last_60_days
TABLES = """
    select table_name, bool_or(column_name = 'health_date') as has_dates
    from information_schema.columns
    where table_catalog = 'published' and table_schema = 'health'
    group by table_name
"""
# Tables of the latest date alone are left without rows; so are failures that are open now.
OF_ITS_DATES = """
    create view health.{table} as
    select * from published.health.{table} where {condition}
"""
PUBLICATION = """
    create or replace view health.publication as
    select * replace (date '{day}' as last_health_date, '{version}' as config_version)
    from published.health.publication
"""
# A table, because every page asks it. What the history does not keep is null.
ACCOUNTS = """
    create or replace table health.account_health as
    with present as (
        select * from health.account_health_history where health_date = date '{day}'
    ),
    days as (
        select cast(unnest(range({days})) as integer) as days_ago
    ),
    strips as (
        select
            present.account_id,
            string_agg(
                case history.overall_state
                    when 'good' then 'g'
                    when 'average' then 'a'
                    when 'poor' then 'p'
                    when 'not_calculated' then '-'
                    else '.'
                end,
                '' order by days.days_ago desc
            ) as last_60_days
        from present
        cross join days
        left join health.account_health_history as history
            on present.account_id = history.account_id
            and present.health_date - days.days_ago = history.health_date
        group by present.account_id
    ),
    changes as (
        select
            account_id,
            max(health_date) as state_since,
            arg_max(from_state, health_date) as previous_overall_state
        from health.health_changes
        where pillar_id = 'overall'
        group by account_id
    )
    select
        present.*, churned.account_name, segment_names.segment_name, changes.state_since,
        changes.previous_overall_state, strips.last_60_days,
        cast(null as varchar) as main_reason, cast(null as varchar) as lifecycle_stage
    from present
    inner join strips on present.account_id = strips.account_id
    left join changes on present.account_id = changes.account_id
    left join health.account_churn as churned on present.account_id = churned.account_id
    left join segment_names on present.segment_id = segment_names.segment_id
"""
PILLARS = """
    create or replace table health.pillar_health as
    select * from health.pillar_health_history where health_date = date '{day}'
"""


def publication_as_of(file: Path, day: date) -> duckdb.DuckDBPyConnection:
    """A connection with the tables of the published file as they were on one of its dates."""
    connection = in_memory()
    connection.execute(f"attach {literal(file)} as published (read_only)")
    connection.execute("create schema health")
    for table, has_dates in connection.execute(TABLES).fetchall():
        is_kept = "false" if table == "check_failures" else "true"
        condition = f"health_date <= date '{day}'" if has_dates else is_kept
        connection.execute(OF_ITS_DATES.format(table=table, condition=condition))
    [(version,)] = connection.execute(
        "select max(config_version) from health.account_health_history where health_date = ?", [day]
    ).fetchall()
    connection.execute(PUBLICATION.format(day=day, version=version))
    names = Configuration.of_version(connection, version).segment_names
    connection.execute("create table segment_names (segment_id varchar, segment_name varchar)")
    if names:
        connection.executemany("insert into segment_names values (?, ?)", list(names.items()))
    connection.execute("drop view health.account_health")
    connection.execute(ACCOUNTS.format(day=day, days=DAYS))
    connection.execute("drop view health.pillar_health")
    connection.execute(PILLARS.format(day=day))
    return connection
