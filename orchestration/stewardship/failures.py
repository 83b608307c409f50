"""The command `health failures`: what is open today, worst first."""

import re
from collections import Counter
from pathlib import Path

import click

from expectations import open_failures
from orchestration.base.figures import plural
from orchestration.base.settings import Settings
from orchestration.insight.options import MARKDOWN, report_console
from orchestration.insight.report import Report
from orchestration.stewardship.problems import as_messages
from orchestration.warehouse.connections import Warehouse, reading

Failure = dict[str, object]
RECORDS_NAMED = 3  # of a problem; the rest are counted


@click.command()
@click.option("--owner", help="Only what this team or success manager is to act on.")
@click.option("--limit", type=click.IntRange(min=1), default=25, show_default=True)
@click.option("--all", "one_by_one", is_flag=True, help="Every failing record, one by one.")
@click.option("--markdown", type=MARKDOWN, help="Also write the report here.")
def failures(owner: str | None, limit: int, one_by_one: bool, markdown: Path | None) -> None:
    """Show the failures of checks that are open today, worst first.

    Critical ones come before warnings, raw data before what follows from it, old ones before new
    ones. Records that fail the same check for the same reason are one line; --all lists them one by
    one. A failure stays open, with its age, until the check passes.

    \b
    Examples:
      health failures
      health failures --owner "billing team"
      health failures --all --limit 1000 --markdown failures.md
    """
    console = report_console()
    # The warehouse, not what is published: a failure may be why nothing was.
    with as_messages(), reading(Settings.from_environment()) as warehouse:
        report = report_of(warehouse, owner, limit, one_by_one)
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")


def report_of(
    warehouse: Warehouse, owner: str | None, limit: int, one_by_one: bool = False
) -> Report:
    if not warehouse.has("health.check_results"):
        raise click.ClickException("Nothing was validated yet: health check does.")
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
        report.say("None: every check passed when it was last validated.")
        return report
    severities = Counter(str(failure["severity"]) for failure in found)
    report.say(f"{severities['critical']:,} critical, {plural(severities['warning'], 'warning')}.")
    problems = [[failure] for failure in found] if one_by_one else together(found)
    hidden = len(problems) - limit
    report.add(
        "Worst first",
        ("severity", "since", "days", "check", "what fails", "observed", "who", "what to do"),
        [cells_of(problem) for problem in problems[:limit]],
        note=f"And {hidden:,} more: --limit shows them." * (hidden > 0),
        numbers=(2,),
        is_prose=True,
        heading=3,
    )
    if len(problems) < len(found):
        report.say("Every record: health failures --all, or the table health.check_failures.")
    return report


def together(found: list[Failure]) -> list[list[Failure]]:
    """The failures in their order; those of a check with the same reason are one problem."""
    problems: dict[tuple[object, ...], list[Failure]] = {}
    for failure in found:
        names = ("check_name", "table_name", "column_name", "severity")
        key = (*(failure[name] for name in names), reason_of(failure))
        problems.setdefault(key, []).append(failure)
    return list(problems.values())


def reason_of(failure: Failure) -> str:
    """The detail without what differs from record to record: since when."""
    return re.sub(r" since \d{4}-\d\d-\d\d", "", str(failure["detail"] or ""))


def cells_of(problem: list[Failure]) -> tuple[str, ...]:
    first = problem[0]
    names = ("table_name", "check_name", "column_name")
    keys = [str(failure["record_key"]) for failure in problem]
    more = len(keys) - RECORDS_NAMED
    since = min(str(failure["failing_since"]) for failure in problem)
    age = max(int(str(failure["age_days"])) for failure in problem)
    observed = list(dict.fromkeys(str(failure["observed"]) for failure in problem))
    owners = Counter(str(failure["owner"]) for failure in problem)
    reason = reason_of(first) if len(problem) > 1 else str(first["detail"] or "")
    return (
        str(first["severity"]),
        since,
        str(age),
        " ".join(str(first[name]) for name in names if first[name]),
        (f"{plural(len(keys), 'record')}: " if more > 0 else "")
        + ", ".join(keys[:RECORDS_NAMED])
        + (f" and {more:,} more" if more > 0 else ""),
        f"{', '.join(observed[:RECORDS_NAMED])}{' and others' * (len(observed) > RECORDS_NAMED)}"
        f"; expected {first['expected']}" + (f"; {reason}" if reason else ""),
        ", ".join(
            owner if len(owners) == 1 else f"{owner} ({count:,})"
            for owner, count in owners.most_common()
        ),
        str(first["what_to_do"]),
    )
