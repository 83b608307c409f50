"""The command `health`: calculate, look at the result, make sample data."""

from datetime import date, datetime, timedelta

import click
import duckdb

from orchestration import sample_data
from orchestration.base.clock import today
from orchestration.base.settings import DEFAULT_WAREHOUSE, SAMPLE_RAW, Settings
from orchestration.console import summary
from orchestration.console.command_group import Commands
from orchestration.console.dagster_programs import add_commands as add_dagster
from orchestration.console.in_process import run_job
from orchestration.insight import answers
from orchestration.insight.commands import add_commands as add_insight
from orchestration.insight.options import report_console
from orchestration.pages.commands import serve, site
from orchestration.runs.preflight import refuse_what_cannot_work
from orchestration.stewardship.commands import add_commands as add_stewardship
from orchestration.stewardship.restore import restore
from orchestration.warehouse import damage
from orchestration.warehouse.health_dates import (
    all_in_words,
    missed_dates,
    ranges_of,
    refuse_what_cannot_be,
)
from orchestration.warehouse.published import reading_published
from orchestration.warehouse.run_lock import write_lock

SAMPLE_DATES = 60  # health dates that a run on sample data calculates
DATE = click.DateTime(["%Y-%m-%d"])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Account health: calculated in the warehouse, explained down to the condition."""


@main.command()
@click.option("--date", "health_date", type=DATE, help="Calculate this health date.")
@click.option("--start", type=DATE, help="First health date of a range.")
@click.option("--end", type=DATE, help="Last health date of a range.")
def run(health_date: datetime | None, start: datetime | None, end: datetime | None) -> None:
    """Calculate health and print a summary.

    The job of the night, in this process: it validates the raw tables in HEALTH_RAW_DIR, calculates
    in the warehouse HEALTH_DB_PATH, validates the results, publishes them in HEALTH_PUBLISHED_DIR
    and sends alerts. Dates that an earlier run left unfinished are calculated as well. Without a
    date it calculates today (UTC) and what was missed in the last days; on sample data, which it
    makes when there is no other, 60 days.

    \b
    Examples:
      health run
      health run --date 2026-11-22
      health run --start 2026-10-01 --end 2026-11-22
    """
    if health_date and (start or end):
        raise click.UsageError("Give either --date, or --start and --end.")
    if bool(start) != bool(end):
        raise click.UsageError("A range needs both --start and --end.")
    first, last = (
        moment.date() if moment else None for moment in (start or health_date, end or health_date)
    )
    if first and last:
        refuse_what_cannot_be(first, last)
    settings = Settings.from_environment()
    console = report_console()
    if settings.raw == SAMPLE_RAW and not (settings.raw.exists() or settings.is_on_spark):
        console.print("No raw data yet: making sample data in data/raw.")
        sample_data.write_sample(settings.raw)
    refuse_what_cannot_work(settings)
    if first is None or last is None:
        first, last = default_dates(settings)
    run_job(settings, first, last)
    with reading_published(settings) as connection:
        summary.print_summary(connection, console, asked=last)
    console.print(
        f"\nThe results are the tables of schema `health` in {settings.published_file}\n"
        "Next: read README.md, change a row in seeds/, run again; or set HEALTH_RAW_DIR to your own"
        " folder and HEALTH_DB_PATH to a new file."
    )


def default_dates(settings: Settings) -> tuple[date, date]:
    """Today (UTC) and what was missed before it; for sample data the last days up to its end."""
    last = today()
    sample_end = None if settings.is_on_spark else sample_data.end_of_sample(settings.raw)
    if sample_end is not None:
        if sample_end < last:
            click.echo(
                f"The sample data ends on {sample_end}; `make sample` rebuilds it up to today."
            )
        last = min(sample_end, last)  # it may have been made by a clock that was ahead
        return last - timedelta(days=SAMPLE_DATES - 1), last
    missed = missed_dates(settings, last)
    if missed:
        days = all_in_words(ranges_of(missed))
        click.echo(f"Catching up with {days}, which no run has published.")
    return min([*missed, last]), last


@main.command("summary")
def show_summary() -> None:
    """Print the summary of the latest health date again."""
    with reading_published(Settings.from_environment()) as connection:
        summary.print_summary(connection, report_console())


@main.command()
@click.argument("sql")
def query(sql: str) -> None:
    """Print what a query of the published tables returns.

    It reads these tables alone: no other file, no extension, no setting. To write an answer to a
    file, open the published file with DuckDB or a notebook.

    \b
    Example:
      health query "select overall_state, count(*) from health.account_health group by all"
    """
    settings = Settings.from_environment()
    with reading_published(settings) as connection:
        try:
            answers.print_answer(connection.execute(sql), report_console())
        except duckdb.PermissionException as problem:
            raise click.ClickException(
                f"`health query` reads the published tables and touches no file: {problem}"
            ) from problem
        except duckdb.Error as problem:
            if damage.is_damage(problem, settings.published_file):
                raise
            raise click.ClickException(str(problem)) from problem


@main.command()
@click.option("--accounts", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--days", type=click.IntRange(min=1), default=180, show_default=True)
def sample(accounts: int, days: int) -> None:
    """Replace the sample data in data/raw, and the sample's warehouse, by new ones up to today."""
    settings = Settings.from_environment()
    settings.refuse_spark("`health sample`")
    if settings.raw != SAMPLE_RAW:
        raise click.ClickException("HEALTH_RAW_DIR is set; sample data is made in data/raw only.")
    with write_lock(settings):
        is_ours = sample_data.end_of_sample(SAMPLE_RAW) is not None
        rows = sample_data.write_sample(SAMPLE_RAW, accounts=accounts, days=days)
        if is_ours and settings.warehouse == DEFAULT_WAREHOUSE:
            settings.warehouse.unlink(missing_ok=True)
    click.echo(f"Wrote {sum(rows.values()):,} rows in {len(rows)} tables to data/raw.")


main.add_command(restore)
main.add_command(serve)
main.add_command(site)
add_insight(main)
add_stewardship(main)
add_dagster(main)
