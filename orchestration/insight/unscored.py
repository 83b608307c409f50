"""Unscored pillars: on how many dates and of how many accounts a pillar had no score, and why."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from orchestration.base.figures import plural
from orchestration.insight.accounts import Connection, has_table
from orchestration.warehouse.configuration import Configuration

REASONS = {
    "created_today": "the account was created on the day",
    "no_segment": "the account was in no segment",
    "pillar_not_configured": "the account's segment has no rules for it",
    "no_data": "nothing that its rules ask for is known",
    "source_unavailable": "its sources were not fit",
}
WITHOUT_REASON = "nothing that its rules ask for is known; it was average all the same"
UNSCORED = """
    select pillar_id, reason, count(*), count(distinct health_date)
    from health.pillar_health_history
    where list_contains($dates, health_date) and score is null
    group by pillar_id, reason
    order by pillar_id, count(*) desc, reason
"""
# Reasons of a smaller share of a pillar's account dates are not worth a line.
SHARE_TOLD = 0.01
COUNTED = """
    select pillar_id, count(*)
    from health.pillar_health_history
    where list_contains($dates, health_date)
    group by pillar_id
"""
STATUSES = """
    select table_name, status, count(distinct health_date)
    from health.source_status
    where list_contains($dates, health_date) and status <> 'ok'
    group by table_name, status
    order by table_name, status
"""


@dataclass(frozen=True)
class Unscored:
    """A pillar's account dates without a score, as a share of all, and why, in words."""

    share: float
    why: str


def unscored_pillars(
    connection: Connection, dates: list[date], configuration: Configuration
) -> dict[str, Unscored]:
    """By pillar; those that had a score on nearly every account date are left out."""
    counts = dict(connection.execute(COUNTED, {"dates": dates}).fetchall())
    sources = unfit_sources(connection, dates, configuration)
    reasons: dict[str, list[str]] = defaultdict(list)
    missing: dict[str, int] = defaultdict(int)
    for pillar, reason, rows, on_dates in connection.execute(UNSCORED, {"dates": dates}).fetchall():
        missing[pillar] += rows
        if rows / counts[pillar] < SHARE_TOLD:
            continue
        text = REASONS.get(reason, reason) if reason else WITHOUT_REASON
        if reason == "source_unavailable" and sources[pillar]:
            text += f": {', '.join(sources[pillar])}"
        share = f"{rows / counts[pillar]:.0%} of account dates"
        reasons[pillar].append(f"{text} ({share}, {on_days(on_dates, len(dates))})")
    return {
        pillar: Unscored(missing[pillar] / counts[pillar], "; ".join(texts))
        for pillar, texts in reasons.items()
    }


def unfit_sources(
    connection: Connection, dates: list[date], configuration: Configuration
) -> dict[str, list[str]]:
    """What was wrong with the tables that a pillar needs: `tickets stale on 3 of 9 dates`."""
    found: dict[str, list[str]] = defaultdict(list)
    if not has_table(connection, "source_status"):
        return found
    for table, status, count in connection.execute(STATUSES, {"dates": dates}).fetchall():
        for row in configuration.rows("pillar_sources"):
            if row["table_name"] == table:
                found[str(row["pillar_id"])].append(
                    f"{table} {status} {on_days(count, len(dates))}"
                )
    return found


def on_days(count: int, of: int) -> str:
    return f"on all {plural(of, 'date')}" if count == of else f"on {count} of {plural(of, 'date')}"
