"""The command `health lint`: configuration that is valid and yet does nothing."""

from datetime import date, timedelta
from pathlib import Path

import click

from expectations.health import run_lint
from expectations.reports import Report as CheckReport
from orchestration.base.settings import Settings
from orchestration.base.stopping import scratch_folder
from orchestration.insight import scratch
from orchestration.insight.accounts import history_dates
from orchestration.insight.options import MARKDOWN, report_console
from orchestration.insight.report import Report
from orchestration.stewardship.problems import as_messages
from orchestration.warehouse.connections import reading


@click.command()
@click.option(
    "--configuration",
    "asked",
    metavar="FOLDER|REVISION",
    help="Another configuration than the one that health was calculated with: a folder of seed "
    "files, or a git revision. It is calculated in a scratch folder first.",
)
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=14,
    show_default=True,
    help="Health dates to calculate for another configuration.",
)
@click.option("--strict", is_flag=True, help="End with exit code 1 when something is found.")
@click.option("--markdown", type=MARKDOWN, help="Also write the report here, for a pull request.")
def lint(asked: str | None, days: int, strict: bool, markdown: Path | None) -> None:
    """Look for configuration that is right and yet of no use, with the evidence.

    Segments that no account ever gets, conditions that all or none of the accounts meet, good and
    poor conditions that hold together, thresholds far from everything observed, signals that are
    mostly missing, weights of pillars that are never calculated. Validated on the latest health
    dates; the bounds stand in seeds/checks.csv.

    \b
    Examples:
      health lint
      health lint --configuration seeds --strict --markdown lint.md
    """
    settings = Settings.from_environment()
    console = report_console()
    with as_messages():
        if asked:
            with scratch_folder("health-lint-", settings.state) as place:
                side = scratch.find_side(asked, place)
                with reading(settings) as warehouse:
                    last = history_dates(warehouse.connection)[-1]
                first = last - timedelta(days=days - 1)
                file = scratch.calculate(side, settings, first, last, place, console)
                with reading(Settings(settings.raw, file)) as warehouse:
                    answer = run_lint(warehouse, last)
        else:
            with reading(settings) as warehouse:
                last = history_dates(warehouse.connection)[-1]
                answer = run_lint(warehouse, last)
    report = report_of(answer, last, named(asked))
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")
    if strict and answer.failed:
        raise click.exceptions.Exit(1)


def named(asked: str | None) -> str:
    """The configuration as the user named it."""
    if asked is None:
        return "the one of the latest run"
    return f"folder {asked}" if Path(asked).is_dir() else f"revision {asked}"


def report_of(answer: CheckReport, last: date, configuration: str) -> Report:
    report = Report(f"Lint of the configuration ({configuration}) on {last}")
    validated = sum(result.was_validated for result in answer.results)
    if validated < len(answer.results):
        unvalidated = [result.check.label for result in answer.results if not result.was_validated]
        report.say(f"Too few accounts to validate: {', '.join(unvalidated)}.")
    if not answer.failed:
        report.say("Nothing found.")
    for result in answer.failed:
        report.add(
            f"{result.check.label}: {result.check.kind.measures}",
            ("what", "observed", "evidence"),
            (
                (failure.record_key, failure.observed, failure.detail or "")
                for failure in result.failures
            ),
            numbers=(1,),
            is_prose=True,
            note=f"Expected {result.check.bounds}. {result.check.what_to_do}",
        )
    return report
