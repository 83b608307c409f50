"""The command `health failures`: what is open today, worst first."""

from collections import Counter
from pathlib import Path

import click

from expectations import open_failures
from expectations.warehouse import Warehouse, reading
from orchestration.insight.options import MARKDOWN, report_console
from orchestration.insight.report import Report
from orchestration.settings import Settings
from orchestration.stewardship.problems import as_messages


@click.command()
@click.option("--owner", help="Only what this team or success manager is to act on.")
@click.option("--limit", type=click.IntRange(min=1), default=25, show_default=True)
@click.option("--markdown", type=MARKDOWN, help="Also write the report here.")
def failures(owner: str | None, limit: int, markdown: Path | None) -> None:
    """Show the failures of checks that are open today, worst first.

    Critical ones come before warnings, raw data before what follows from it, old ones before new
    ones. A failure stays open, with its age, until the check passes.

    \b
    Examples:
      health failures
      health failures --owner "billing team"
    """
    console = report_console()
    # The warehouse, not what is published: a failure may be why nothing was.
    with as_messages(), reading(Settings.from_environment()) as warehouse:
        report = report_of(warehouse, owner, limit)
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")


def report_of(warehouse: Warehouse, owner: str | None, limit: int) -> Report:
    if not warehouse.has("health.check_results"):
        raise click.ClickException("Nothing was judged yet: health check does.")
    [(day,)] = warehouse.rows("select max(health_date) from health.check_results")
    found = open_failures(warehouse)
    if owner:
        owners = sorted({str(failure["owner"]) for failure in found})
        found = [failure for failure in found if failure["owner"] == owner]
        if not found and owners:
            raise click.ClickException(
                f"Nothing is open for {owner!r}. Failures are open for: {', '.join(owners)}."
            )
    report = Report(f"Open failures on {day}")
    if not found:
        report.say("None: every check passed when it was last judged.")
        return report
    severities = Counter(str(failure["severity"]) for failure in found)
    report.say(f"{severities['critical']:,} critical, {severities['warning']:,} warnings.")
    report.add(
        "Worst first",
        ("severity", "since", "days", "check", "what fails", "observed", "who", "what to do"),
        (
            (
                str(failure["severity"]),
                str(failure["failing_since"]),
                str(failure["age_days"]),
                " ".join(
                    str(failure[name])
                    for name in ("table_name", "check_name", "column_name")
                    if failure[name]
                ),
                str(failure["record_key"]),
                f"{failure['observed']}; expected {failure['expected']}"
                + (f"; {failure['detail']}" if failure["detail"] else ""),
                str(failure["owner"]),
                str(failure["what_to_do"]),
            )
            for failure in found[:limit]
        ),
        numbers=(2,),
        note=f"And {len(found) - limit:,} more: --limit shows them." * (len(found) > limit),
    )
    return report
