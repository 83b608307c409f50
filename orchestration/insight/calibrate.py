"""`health calibrate`: where thresholds lie among the accounts that they apply to."""

from pathlib import Path

import click

from orchestration.base.settings import Settings
from orchestration.insight.accounts import Connection, require_table
from orchestration.insight.options import MARKDOWN, report_console
from orchestration.insight.report import Report, number
from orchestration.warehouse.configuration import Configuration
from orchestration.warehouse.published import reading_published

LATEST_VERSION = """
    select config_version
    from health.account_health_history
    where health_date = (select max(health_date) from health.account_health_history)
    limit 1
"""
CALIBRATION = """
    select
        segment_id, pillar_id, rule_set, clause, signal_id, operator, threshold, accounts, missing,
        matched_share, p10, p25, p50, p75, p90, threshold_for_10_percent, threshold_for_25_percent,
        threshold_for_50_percent
    from health.threshold_calibration
    where
        ($segment is null or segment_id = $segment)
        and ($pillar is null or pillar_id = $pillar)
        and ($signal is null or signal_id = $signal)
    order by segment_id, pillar_id, rule_set, clause, signal_id, operator, threshold
"""


@click.command()
@click.option("--segment", help="Only this segment's rules.")
@click.option("--pillar", help="Only this pillar's rules.")
@click.option("--signal", help="Only rules on this signal.")
@click.option("--markdown", type=MARKDOWN, help="Also write the table here.")
def calibrate(
    segment: str | None, pillar: str | None, signal: str | None, markdown: Path | None
) -> None:
    """Show for each rule how its signal is spread, who meets it, and thresholds to start from.

    Thresholds that 10, 25 and 50 percent of the segment's accounts would meet: start where states
    spread, and raise the bar step by step; `health what-if` says whose state would change.

    \b
    Examples:
      health calibrate --segment standard --pillar product_adoption
      health calibrate --signal days_since_last_event
    """
    console = report_console()
    with reading_published(Settings.from_environment()) as connection:
        require_table(connection, "threshold_calibration")
        report = report_of(connection, segment, pillar, signal)
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")


def report_of(
    connection: Connection, segment: str | None, pillar: str | None, signal: str | None
) -> Report:
    rows = connection.execute(
        CALIBRATION, {"segment": segment, "pillar": pillar, "signal": signal}
    ).fetchall()
    if not rows:
        raise click.ClickException(
            "No rule with a number as its threshold is like that; without options all are shown."
        )
    [(version,)] = connection.execute(LATEST_VERSION).fetchall() or [("",)]
    units = Configuration.of_version(connection, version).units if version else {}
    report = Report("Thresholds among the accounts that they apply to")
    for place in dict.fromkeys(row[:2] for row in rows):
        report.add(
            f"Segment {place[0]}, pillar {place[1]}",
            (
                "rule",
                "signal",
                "asked",
                "met",
                "accounts",
                "missing",
                "p10 to p90",
                "median",
                "10% meet",
                "25% meet",
                "50% meet",
            ),
            (rule_cells(row[2:], units) for row in rows if row[:2] == place),
            numbers=(3, 4, 5, 7, 8, 9, 10),
            is_prose=True,
            heading=1,
        )
    return report


def rule_cells(row: tuple, units: dict[str, str]) -> tuple[str, ...]:
    rule_set, clause, signal, operator, threshold, accounts, missing, share, *values = row
    low, _, median, _, high, *suggested = values
    unit = units.get(signal, "")
    return (
        f"{rule_set.replace('_', ' ')} {clause or ''}".strip(),
        f"{signal} ({unit})" if unit else signal,
        f"{operator} {threshold}",
        "" if share is None else f"{share:.0%}",
        f"{accounts:,}",
        f"{missing:,}",
        "" if low is None else f"{number(low)} to {number(high)}",
        number(median),
        *(number(value) for value in suggested),
    )
