"""The tables that checks write: `checks.source_check_failures` before dbt, and the steward's tables
`health.check_results` and `health.check_failures` after it."""

from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any

import pyarrow as pa
import yaml

from expectations.reports import CheckResult, Report
from orchestration.base.settings import DBT_PROJECT, Settings
from orchestration.warehouse.connections import Warehouse, writing
from orchestration.warehouse.duckdb_files import literal
from orchestration.warehouse.growing_tables import ensure_table

DESCRIPTIONS = DBT_PROJECT / "models" / "health" / "_checks__sources.yml"
TYPES = {
    "text": pa.string(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
}
SOURCE_CHECK_FAILURES = "checks.source_check_failures"
COLUMNS_OF_SOURCE_CHECK_FAILURES = {
    "health_date": "date",
    "table_name": "text",
    "check_name": "text",
}
SAME_CHECK = """
    {one}.check_name = {other}.check_name
    and {one}.table_name = {other}.table_name
    and {one}.column_name is not distinct from {other}.column_name
    and {one}.severity = {other}.severity
"""
# A failure goes on where its record failed on the last date before on which there was enough to
# validate. What is known of that date, if it is before the first, says since when until then.
FAILING_SINCE = f"""
    with looked_at as (
        select
            check_name,
            table_name,
            column_name,
            severity,
            coalesce(max(health_date) filter (health_date < $first), $first) as from_day
        from health.check_results
        where passed is not null
        group by all
    ),
    validated as (
        select
            results.check_name,
            results.table_name,
            results.column_name,
            results.severity,
            results.health_date,
            dense_rank() over (
                partition by
                    results.check_name, results.table_name, results.column_name, results.severity
                order by results.health_date
            ) as position
        from health.check_results as results
        inner join looked_at
            on results.health_date >= looked_at.from_day
            and {SAME_CHECK.format(one="results", other="looked_at")}
        where results.passed is not null
    ),
    failing as (
        select
            failures.*,
            -- The same for dates that follow each other.
            validated.position - dense_rank() over (
                partition by
                    failures.check_name,
                    failures.table_name,
                    failures.column_name,
                    failures.severity,
                    failures.record_key
                order by validated.position
            ) as stretch
        from health.check_failures as failures
        inner join validated
            on failures.health_date = validated.health_date
            and {SAME_CHECK.format(one="failures", other="validated")}
    ),
    dated as (
        select
            *,
            min(case when health_date < $first then failing_since else health_date end) over (
                partition by
                    check_name, table_name, column_name, severity, record_key, stretch
            ) as since
        from failing
    )
    update health.check_failures as now
    set failing_since = dated.since, age_days = now.health_date - dated.since
    from dated
    where
        now.health_date >= $first
        and now.health_date = dated.health_date
        and now.record_key = dated.record_key
        and {SAME_CHECK.format(one="now", other="dated")}
"""
# What fails on the last date on which there was enough to validate, by the checks that there are.
OPEN_FAILURES = f"""
    with latest as (
        select boundary, max(health_date) as health_date
        from health.check_results
        group by boundary
    ),
    asked as (
        select results.*
        from health.check_results as results
        inner join latest using (boundary, health_date)
    ),
    validated as (
        select
            asked.check_name,
            asked.table_name,
            asked.column_name,
            asked.severity,
            asked.health_date as latest_date,
            max(results.health_date) as health_date
        from asked
        inner join health.check_results as results
            on results.passed is not null
            and {SAME_CHECK.format(one="results", other="asked")}
        group by all
    )
    select
        failures.* replace (validated.latest_date - failures.failing_since as age_days)
    from health.check_failures as failures
    inner join validated
        on failures.health_date = validated.health_date
        and {SAME_CHECK.format(one="failures", other="validated")}
    order by
        failures.severity = 'warning',
        case failures.boundary when 'raw' then 1 when 'pillars' then 2 else 3 end,
        failures.failing_since,
        failures.check_name,
        failures.table_name,
        failures.column_name,
        failures.record_key
"""


def replace_source_check_failures(settings: Settings, report: Report) -> None:
    """Say which raw tables failed a critical check, in place of what was said of these dates."""
    failures = {
        (result.health_date, result.check.table_name, result.check.check_name)
        for result in report.failed
        if result.check.severity == "critical"
    }
    with writing(settings) as connection:
        ensure_table(connection, SOURCE_CHECK_FAILURES, COLUMNS_OF_SOURCE_CHECK_FAILURES)
        connection.execute(
            f"delete from {SOURCE_CHECK_FAILURES} where health_date between ? and ?",
            [report.dates[0], report.dates[-1]],
        )
        if failures:
            connection.executemany(
                f"insert into {SOURCE_CHECK_FAILURES} (health_date, table_name, check_name)"
                " values (?, ?, ?)",
                sorted(failures),
            )


def write_check_tables(settings: Settings, reports: Iterable[Report]) -> None:
    """Write what the reports say in place of what was there for their boundaries and dates.

    Since when a record fails is worked out again for the first of these dates and all later ones,
    so that the order in which dates are run makes no difference.
    """
    reports = list(reports)
    with writing(settings) as connection:
        warehouse = Warehouse(connection)
        for table in columns_by_table():
            create_or_grow(warehouse, table)
        for report in reports:
            for table in columns_by_table():
                warehouse.connection.execute(
                    f"delete from health.{table} "
                    "where boundary = ? and health_date between ? and ?",
                    [report.boundary, report.dates[0], report.dates[-1]],
                )
        results = [result for report in reports for result in report.results]
        insert(warehouse, "check_results", map(result_row, results))
        insert(
            warehouse,
            "check_failures",
            (row for result in results for row in failure_rows(result)),
        )
        if results:
            tell_since_when(warehouse, min(result.health_date for result in results))


def tell_since_when(warehouse: Warehouse, first: date) -> None:
    """Tell since when the records fail that fail on the first date or later."""
    warehouse.connection.execute(FAILING_SINCE, {"first": first})


def result_row(result: CheckResult) -> dict[str, Any]:
    return {
        **check_cells(result),
        "passed": result.passed if result.was_validated else None,
        "observed": result.observed,
        "failing_rows": len(result.failures),
        "owner": result.check.owner,
    }


def failure_rows(result: CheckResult) -> list[dict[str, Any]]:
    return [
        {
            **check_cells(result),
            "record_key": failure.record_key,
            "account_id": failure.account_id,
            "observed": failure.observed,
            "detail": failure.detail,
            "owner": failure.owner or result.check.owner,
            "failing_since": result.health_date,
        }
        for failure in result.failures
    ]


def check_cells(result: CheckResult) -> dict[str, Any]:
    """The cells that both tables have."""
    check = result.check
    return {
        "health_date": result.health_date,
        "check_name": check.check_name,
        "boundary": check.boundary,
        "table_name": check.table_name,
        "column_name": check.column_name,
        "severity": check.severity,
        "expected": result.expected,
        "what_to_do": check.what_to_do,
    }


@cache
def descriptions() -> dict[str, dict[str, Any]]:
    """The tables as they are described, by name."""
    [source] = yaml.safe_load(DESCRIPTIONS.read_text(encoding="utf-8"))["sources"]
    return {table["name"]: table for table in source["tables"]}


def columns_by_table() -> dict[str, dict[str, str]]:
    """The type of each column, by table."""
    return {
        name: {column["name"]: column["data_type"] for column in table["columns"]}
        for name, table in descriptions().items()
    }


def create_or_grow(warehouse: Warehouse, table: str) -> None:
    ensure_table(warehouse.connection, f"health.{table}", columns_by_table()[table])
    described = descriptions()[table]
    comment = f"comment on table health.{table} is {literal(described['description'].strip())}"
    warehouse.connection.execute(comment)
    for column in described["columns"]:
        comment = f"comment on column health.{table}.{column['name']} is "
        warehouse.connection.execute(comment + literal(column["description"].strip()))


def insert(warehouse: Warehouse, table: str, rows: Iterable[dict[str, Any]]) -> None:
    columns = columns_by_table()[table]
    schema = pa.schema([(name, TYPES[kind]) for name, kind in columns.items()])
    warehouse.connection.register("rows_to_insert", pa.Table.from_pylist(list(rows), schema))
    warehouse.connection.execute(f"insert into health.{table} by name from rows_to_insert")
    warehouse.connection.unregister("rows_to_insert")


def open_failures(warehouse: Warehouse) -> list[dict[str, object]]:
    """The failures that are open, worst first: critical ones, then where they arose, then age."""
    if not warehouse.has("health.check_failures"):
        return []
    rows = warehouse.rows(OPEN_FAILURES)
    names = [column[0] for column in warehouse.connection.description or ()]
    return [dict(zip(names, row, strict=True)) for row in rows]
