"""Health dates: which there can be, and which of them a run has to calculate."""

import os
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

import click
import duckdb

from orchestration.base.clock import today
from orchestration.base.figures import plural
from orchestration.base.settings import Settings
from orchestration.warehouse.connections import reading
from orchestration.warehouse.published import opened_locked

Range = tuple[date, date]

FIRST_HEALTH_DATE = date(2000, 1, 1)  # as far back as the times of raw tables go
DEFAULT_CATCH_UP_DAYS = 31
RANGES_NAMED = 3


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
    with opened_locked(file) as connection:
        rows = connection.execute("select distinct health_date from health.source_status")
        return {found for (found,) in rows.fetchall()}


def missed_for_good(calculated: Collection[date], before: date) -> list[Range]:
    """Nights within the history that no run completes by itself, as seen on a health date.

    They lie further back than missed dates are looked for. With HEALTH_CATCH_UP_DAYS at 0 nothing
    counts as missed.
    """
    if not calculated or not catch_up_days():
        return []
    first, end = min(calculated), before - timedelta(days=catch_up_days())
    days = (first + timedelta(days=number) for number in range(max(0, (end - first).days)))
    return ranges_of(day for day in days if day not in calculated)


def ranges_of(dates: Iterable[date]) -> list[Range]:
    return put_together((day, day) for day in dates)


def dates_between(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + timedelta(days=day) for day in range((last - first).days + 1))


def days_in(dates: Range) -> int:
    return (dates[1] - dates[0]).days + 1


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


def all_in_words(ranges: Iterable[Range]) -> str:
    return ", ".join(in_words(*dates) for dates in ranges)


def missed_in_words(ranges: Sequence[Range]) -> str:
    """What was missed for good, and what completes it."""
    count = sum(map(days_in, ranges))
    verb = "was" if count == 1 else "were"
    commands = "; ".join(f"`{command_for(dates)}`" for dates in ranges[:RANGES_NAMED])
    more = f"; and so on for {len(ranges) - RANGES_NAMED} more" * (len(ranges) > RANGES_NAMED)
    return (
        f"{plural(count, 'night')} before the {catch_up_days()} days of HEALTH_CATCH_UP_DAYS"
        f" {verb} missed: {all_in_words(ranges[:RANGES_NAMED])}{' ...' * bool(more)}."
        f" To complete them: {commands}{more}."
    )


def command_for(dates: Range) -> str:
    """What calculates the dates."""
    if dates[0] == dates[1]:
        return f"health run --date {dates[0]}"
    return f"health run --start {dates[0]} --end {dates[1]}"


def yet_to_come(calculated: Iterable[date]) -> list[Range]:
    """Health dates that have not begun: the clock was ahead when they were calculated."""
    return ranges_of(day for day in calculated if day > today())


def to_come_in_words(ranges: Sequence[Range]) -> str:
    """Health dates that have not begun, and what removes them."""
    return (
        f"{all_in_words(ranges[:RANGES_NAMED])}{' ...' * (len(ranges) > RANGES_NAMED)}"
        f" {'has' if sum(map(days_in, ranges)) == 1 else 'have'} not begun (today is {today()},"
        " UTC): the clock was ahead, or is behind now. If it is right now:"
        f" `health forget --after {today()}`, then `health run`."
    )


def latest_date(settings: Settings) -> date:
    """The latest health date that was calculated; today (UTC) before the first run."""
    if not settings.warehouse.exists():
        return today()
    with reading(settings) as warehouse:
        [(latest,)] = warehouse.rows_if_there(
            "health.source_status", "select max(health_date) from health.source_status"
        ) or [(None,)]
    return latest or today()
