"""The tables that checks write: `checks.source_check_failures` before dbt, and the steward's tables
`health.check_results` and `health.check_failures` after it."""

from collections.abc import Iterable
from datetime import date

from expectations.reports import CheckResult, Report
from expectations.warehouse import Warehouse, writing
from orchestration.settings import Settings

SOURCE_CHECK_FAILURES = """
    create schema if not exists checks;
    create table if not exists checks.source_check_failures (
        health_date date not null,
        table_name text not null,
        check_name text not null,
    );
"""
# Columns with their types and what they say; the order is that of the table.
CHECK_RESULTS = {
    "health_date": ("date not null", "Health date that was judged."),
    "check_name": ("text not null", "What is checked; key of seeds/checks.csv with the next four."),
    "boundary": ("text not null", "`raw`, `pillars` or `health`."),
    "table_name": ("text not null", "Table that is judged."),
    "column_name": ("text", "Column or measure that is judged; null for the table as a whole."),
    "severity": ("text not null", "`critical` or `warning`."),
    "passed": ("boolean not null", "Whether nothing failed."),
    "observed": ("text not null", "What was observed."),
    "expected": ("text not null", "What is measured, and the bounds it should be within."),
    "failing_rows": ("bigint not null", "How many records fail."),
    "owner": ("text not null", "Who acts on a failure."),
    "what_to_do": ("text not null", "What to do about a failure."),
}
CHECK_FAILURES = {
    "health_date": ("date not null", "Health date that was judged."),
    "check_name": ("text not null", "What is checked."),
    "boundary": ("text not null", "`raw`, `pillars` or `health`."),
    "table_name": ("text not null", "Table that is judged."),
    "column_name": ("text", "Column or measure that is judged; null for the table as a whole."),
    "severity": ("text not null", "`critical` or `warning`."),
    "record_key": ("text not null", "What fails: an account, metric, condition, segment or table."),
    "account_id": ("text", "Account, where the record is about one."),
    "observed": ("text not null", "What was observed of the record."),
    "expected": ("text not null", "What is measured, and the bounds it should be within."),
    "detail": ("text", "What a person needs to understand it, such as the reasons."),
    "owner": ("text not null", "The account's success manager, else who acts on the check."),
    "what_to_do": ("text not null", "What to do about it."),
    "failing_since": ("date not null", "First date of the unbroken run of failing."),
    "age_days": ("integer not null", "Days since then."),
}
DESCRIPTIONS = {
    "check_results": "The answers of the checks. One row per health date and check.",
    "check_failures": "Records that fail a check. One row per health date, check and record.",
}
SAME_CHECK = """
    {one}.check_name = {other}.check_name
    and {one}.table_name = {other}.table_name
    and {one}.column_name is not distinct from {other}.column_name
    and {one}.severity = {other}.severity
"""


def replace_source_check_failures(settings: Settings, report: Report) -> None:
    """Say which raw tables failed a critical check, in place of what was said of these dates."""
    failures = {
        (result.health_date, result.check.table_name, result.check.check_name)
        for result in report.failed
        if result.check.severity == "critical"
    }
    with writing(settings) as warehouse:
        warehouse.connection.execute(SOURCE_CHECK_FAILURES)
        warehouse.connection.execute(
            "delete from checks.source_check_failures where health_date between ? and ?",
            [report.dates[0], report.dates[-1]],
        )
        insert(warehouse, "checks.source_check_failures", sorted(failures))


def write_check_tables(settings: Settings, reports: Iterable[Report]) -> None:
    """Write what the reports say in place of what was there for their boundaries and dates.

    A failure keeps the first date of its unbroken run: what failed on the last date before that the
    check was judged on goes on. Later dates stay as they are.
    """
    reports = list(reports)
    with writing(settings) as warehouse:
        create(warehouse, "check_results", CHECK_RESULTS)
        create(warehouse, "check_failures", CHECK_FAILURES)
        for report in reports:
            for table in ("check_results", "check_failures"):
                warehouse.connection.execute(
                    f"delete from health.{table} "
                    "where boundary = ? and health_date between ? and ?",
                    [report.boundary, report.dates[0], report.dates[-1]],
                )
        results = [result for report in reports for result in report.results]
        for day in sorted({result.health_date for result in results}):
            write_day(warehouse, day, [result for result in results if result.health_date == day])


def write_day(warehouse: Warehouse, day: date, results: list[CheckResult]) -> None:
    since = {
        tuple(key): failing_since
        for *key, failing_since in warehouse.rows(
            f"""
            with judged as (
                select check_name, table_name, column_name, severity, max(health_date) as last_date
                from health.check_results
                where health_date < $day
                group by all
            )
            select
                failures.check_name,
                failures.table_name,
                failures.column_name,
                failures.severity,
                failures.record_key,
                failures.failing_since,
            from health.check_failures as failures
            inner join judged
                on failures.health_date = judged.last_date
                and {SAME_CHECK.format(one="failures", other="judged")}
            """,
            day=day,
        )
    }
    failures = []
    for result in results:
        check = result.check
        named = (check.check_name, check.table_name, check.column_name, check.severity)
        for failure in result.failures:
            first = since.get((*named, failure.record_key), day)
            failures.append(
                (
                    day,
                    check.check_name,
                    check.boundary,
                    check.table_name,
                    check.column_name,
                    check.severity,
                    failure.record_key,
                    failure.account_id,
                    failure.observed,
                    result.expected,
                    failure.detail,
                    failure.owner or check.owner,
                    check.what_to_do,
                    first,
                    (day - first).days,
                )
            )
    insert(
        warehouse,
        "health.check_results",
        [
            (
                day,
                result.check.check_name,
                result.check.boundary,
                result.check.table_name,
                result.check.column_name,
                result.check.severity,
                result.passed,
                result.observed,
                result.expected,
                len(result.failures),
                result.check.owner,
                result.check.what_to_do,
            )
            for result in results
        ],
    )
    insert(warehouse, "health.check_failures", failures)


def create(warehouse: Warehouse, table: str, columns: dict[str, tuple[str, str]]) -> None:
    if warehouse.has(f"health.{table}"):
        return
    definitions = ", ".join(f"{name} {kind}" for name, (kind, _) in columns.items())
    warehouse.connection.execute("create schema if not exists health")
    warehouse.connection.execute(f"create table health.{table} ({definitions})")
    warehouse.connection.execute(f"comment on table health.{table} is '{DESCRIPTIONS[table]}'")
    for name, (_, description) in columns.items():
        text = description.replace("'", "''")
        warehouse.connection.execute(f"comment on column health.{table}.{name} is '{text}'")


def insert(warehouse: Warehouse, table: str, rows: list[tuple]) -> None:
    """Insert rows a thousand at a time: DuckDB takes one statement far faster than many."""
    for start in range(0, len(rows), 1000):
        some = rows[start : start + 1000]
        places = ", ".join(f"({', '.join('?' * len(some[0]))})" for _ in some)
        warehouse.connection.execute(
            f"insert into {table} values {places}", [cell for row in some for cell in row]
        )


OPEN_FAILURES = """
    with latest as (
        select max(health_date) as health_date from health.check_results
    )
    select failures.*
    from health.check_failures as failures
    inner join latest on failures.health_date = latest.health_date
    order by
        failures.severity = 'warning',
        case failures.boundary when 'health' then 1 when 'pillars' then 2 else 3 end,
        failures.age_days desc,
        failures.check_name,
        failures.table_name,
        failures.column_name,
        failures.record_key
"""


def open_failures(warehouse: Warehouse) -> list[dict[str, object]]:
    """The failures of the latest date that was judged, worst first."""
    if not warehouse.has("health.check_failures"):
        return []
    rows = warehouse.rows(OPEN_FAILURES)
    names = [column[0] for column in warehouse.connection.description or ()]
    return [dict(zip(names, row, strict=True)) for row in rows]
