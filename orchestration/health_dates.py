"""Health dates: which there can be, and which of them a run has to calculate."""

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import duckdb

from orchestration.reading import opened
from orchestration.settings import Settings

Range = tuple[date, date]

FIRST_HEALTH_DATE = date(2000, 1, 1)  # as far back as the times of raw tables go
DEFAULT_CATCH_UP_DAYS = 31


def today() -> date:
    return datetime.now(UTC).date()


def refuse_what_cannot_be(first: date, last: date) -> None:
    """Raises click.UsageError for a range that is no range of health dates."""
    if first > last:
        raise click.UsageError(f"The range ends on {last}, before it starts on {first}.")
    if first < FIRST_HEALTH_DATE:
        raise click.UsageError(f"The first health date that there can be is {FIRST_HEALTH_DATE}.")
    if last > today():
        raise click.UsageError(f"{last} has not begun: the latest health date is {today()} (UTC).")


def catch_up_days() -> int:
    """How far back missed dates are looked for; 0: never."""
    asked = os.environ.get("HEALTH_CATCH_UP_DAYS") or str(DEFAULT_CATCH_UP_DAYS)
    if not asked.isdecimal():
        raise click.ClickException(
            f"HEALTH_CATCH_UP_DAYS is {asked!r}; it has to be a whole number of days."
        )
    return int(asked)


def missed_dates(settings: Settings, before: date) -> list[date]:
    """Health dates that nobody has published, of the last days before a date.

    Dates before the history begins were never asked for, and so were not missed. Without anything
    published nothing was missed.
    """
    published = dates_published(settings)
    if not published:
        return []
    days = range(catch_up_days(), 0, -1)
    looked_at = [before - timedelta(days=back) for back in days]
    return [day for day in looked_at if day > min(published) and day not in published]


def dates_published(settings: Settings) -> set[date]:
    """The health dates that are published.

    Where that cannot be read, those of the warehouse: the run that mends it publishes them all.
    """
    if not (settings.published_file.exists() or settings.published_file.is_symlink()):
        return set()
    try:
        return dates_in(settings.published_file)
    except duckdb.Error:
        return dates_in(settings.warehouse) if settings.warehouse.exists() else set()


def dates_in(file: Path) -> set[date]:
    with opened(file) as connection:
        rows = connection.execute("select distinct health_date from health.source_status")
        return {found for (found,) in rows.fetchall()}


def put_together(ranges: Iterable[Range]) -> list[Range]:
    """The ranges in order, those that touch or overlap as one."""
    joined: list[Range] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + timedelta(days=1):
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def in_words(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} to {last}"
