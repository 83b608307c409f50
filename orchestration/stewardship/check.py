"""The command `health check`: validate the data of health dates that are calculated already."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime

import click

import expectations
from expectations import CheckResult
from expectations.checks import BOUNDARIES
from expectations.raw_columns import forget
from expectations.reports import Report as CheckReport
from expectations.reports import worst_first
from orchestration.base import escaping
from orchestration.base.figures import plural
from orchestration.base.settings import Settings
from orchestration.insight.options import DATE, report_console
from orchestration.insight.report import Report
from orchestration.raw_reader import read_folder
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.stewardship.problems import as_messages
from orchestration.warehouse.connections import reading
from orchestration.warehouse.health_dates import dates_between, latest_date
from orchestration.warehouse.run_lock import write_lock

RUNNERS: dict[str, Callable[..., CheckReport]] = {
    "raw": expectations.run_raw_checks,
    "pillars": expectations.run_pillar_checks,
    "health": expectations.run_health_checks,
}
RECORDS_NAMED = 3  # failing records that are named in the summary; the rest are counted


def columns_of_contract(
    context: click.Context, parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """`tickets.reopens` as table and column."""
    tables = raw_definitions()
    columns = []
    for name in names:
        table, _, column = name.strip().lower().partition(".")
        if table not in tables:
            raise click.BadParameter(f"{name}: the raw tables are {', '.join(tables)}.")
        if column not in tables[table].columns:
            known = ", ".join(tables[table].columns)
            raise click.BadParameter(f"{name}: the columns of {table} are {known}.")
        columns.append((table, column))
    return tuple(columns)


@click.command()
@click.option(
    "--boundary",
    "asked",
    multiple=True,
    type=click.Choice(BOUNDARIES),
    help="Only this boundary; may be given again. All when left out.",
)
@click.option(
    "--gone-for-good",
    "gone",
    multiple=True,
    metavar="TABLE.COLUMN",
    callback=columns_of_contract,
    help="This column of a raw table is not coming back: forget that it was ever filled, so that "
    "nothing fails because it is absent. May be given again.",
)
@click.option("--date", "health_date", type=DATE, help="Validate this health date.")
@click.option("--start", type=DATE, help="First health date of a range.")
@click.option("--end", type=DATE, help="Last health date of a range.")
def check(
    asked: tuple[str, ...],
    gone: tuple[tuple[str, str], ...],
    health_date: datetime | None,
    start: datetime | None,
    end: datetime | None,
) -> None:
    """Run the checks of the data and print what failed.

    Without a date it validates the latest health date. Writes health.check_results and
    health.check_failures, and the pages of the Data Docs. Calculates nothing: a raw table that
    fails a critical check is left out of health when that date is calculated next. Ends with exit
    code 1 when something must not be published.

    \b
    Examples:
      health check
      health check --boundary raw --date 2026-11-22
      health check --gone-for-good tickets.reopens
      health check --start 2026-11-01 --end 2026-11-22
    """
    if health_date and (start or end):
        raise click.UsageError("Give either --date, or --start and --end.")
    if bool(start) != bool(end):
        raise click.UsageError("A range needs both --start and --end.")
    settings = Settings.from_environment()
    boundaries = [boundary for boundary in BOUNDARIES if boundary in (asked or BOUNDARIES)]
    with as_messages():
        first, last = (
            moment.date() if moment else latest_date(settings)
            for moment in (start or health_date, end or health_date)
        )
        if first > last:
            raise click.UsageError(f"--start {first} lies after --end {last}.")
        if boundaries != ["raw"]:
            refuse_uncalculated(settings, first, last)
        with write_lock(settings):
            if gone:
                forget(settings, gone)
            reports = [RUNNERS[boundary](settings, first, last) for boundary in boundaries]
            expectations.write_check_tables(settings, reports)
    console = report_console()
    summary_of(reports).print(console)
    if "raw" in boundaries and not settings.is_on_spark:
        for file in read_folder(settings.raw, settings.state).files:
            if not file.is_read:
                console.print(escaping.text(f"{file.file}: {file.problem}"))
    try:
        click.echo(f"\nData Docs: {expectations.build_docs(reports)}")
    except expectations.DocsNotWritten as problem:
        click.echo(f"\n{problem}")
    if expectations.blocking_failures(reports):
        raise click.exceptions.Exit(1)


def refuse_uncalculated(settings: Settings, first: date, last: date) -> None:
    """Refuses dates that were not calculated; one without accounts was, and has its sources."""
    with reading(settings) as warehouse:
        rows = warehouse.rows_if_there(
            "health.source_status", "select distinct health_date from health.source_status"
        )
    calculated = {day for (day,) in rows}
    missing = [day for day in dates_between(first, last) if day not in calculated]
    if missing:
        raise click.ClickException(
            f"{missing[0]}{f' and {len(missing) - 1} more' * (len(missing) > 1)}"
            f" {'was' if len(missing) == 1 else 'were'} not"
            f" calculated yet: health run --start {missing[0]} --end {missing[-1]}. The raw data"
            " can be validated before: --boundary raw."
        )


def summary_of(reports: Iterable[CheckReport]) -> Report:
    """What was validated, what failed, and what follows: for the end of a run."""
    reports = list(reports)
    dates = sorted({day for report in reports for day in report.dates})
    shown = Report("Checks of " + " to ".join(dict.fromkeys(map(str, (dates[0], dates[-1])))))
    shown.add(
        "What was validated",
        ("boundary", "validated", "passed", "warnings", "critical", "not validated"),
        ((report.boundary, *(f"{count:,}" for count in counts_of(report))) for report in reports),
        numbers=(1, 2, 3, 4, 5),
        note="Not validated: too little to compare with, or a table that is absent.",
    )
    failed = by_check(worst_first(result for report in reports for result in report.failed))
    shown.add(
        "What failed, worst first",
        ("severity", "check", "dates", "observed", "failing", "who", "what to do"),
        (
            (
                severity_of(found[0]),
                f"{found[0].check.table_name}: {found[0].check.label}",
                dates_of(found),
                f"{found[0].observed}, expected {found[0].check.bounds}",
                records_of(found[0]),
                found[0].check.owner,
                found[0].check.what_to_do,
            )
            for found in failed
        ),
        is_prose=True,
        heading=1,
    )
    if not failed:
        shown.say("Nothing failed.")
    blocking = expectations.blocking_failures(reports)
    if blocking:
        shown.say(f"Must not be published, because of {plural(len(blocking), 'critical failure')}.")
    return shown


def counts_of(report: CheckReport) -> tuple[int, int, int, int, int]:
    validated = sum(result.was_validated for result in report.results)
    severities = Counter(result.check.severity for result in report.failed)
    return (
        validated,
        validated - len(report.failed),
        severities["warning"],
        severities["critical"],
        len(report.results) - validated,
    )


def by_check(results: Iterable[CheckResult]) -> list[list[CheckResult]]:
    """The results of each check together, the latest date first."""
    found: dict[tuple[str, ...], list[CheckResult]] = {}
    for result in results:
        found.setdefault(result.check.key, []).append(result)
    return list(found.values())


def severity_of(result: CheckResult) -> str:
    if result.blocks_publishing:
        return "critical, blocks publishing"
    return result.check.severity


def dates_of(results: list[CheckResult]) -> str:
    latest = str(max(result.health_date for result in results))
    return latest if len(results) == 1 else f"{len(results)}, last {latest}"


def records_of(result: CheckResult) -> str:
    """The failing records, the first by name; nothing for a check of a table as a whole."""
    keys = [failure.record_key for failure in result.failures]
    if keys == [result.check.table_name]:
        return ""
    more = len(keys) - RECORDS_NAMED
    return ", ".join(keys[:RECORDS_NAMED]) + (f" and {more:,} more" if more > 0 else "")
