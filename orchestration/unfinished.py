"""Unfinished dates: what a run began and has not finished, so that the next run makes it good.

The note lies in the warehouse, because it speaks of what that file holds: it is gone when the file
is, and a copy of the file carries it along.
"""

from datetime import date, timedelta

import duckdb

from orchestration.growing_tables import ensure_table
from orchestration.settings import Settings
from orchestration.warehouse import writing

TABLE = "operations.unfinished_dates"
COLUMNS = {"first_date": "date not null", "last_date": "date not null"}


def begin(settings: Settings, first: date, last: date) -> None:
    """Note that the dates from first to last are being calculated, before the first write."""
    with writing(settings) as warehouse:
        ensure_table(warehouse, TABLE, COLUMNS)
        warehouse.execute(
            f"insert into {TABLE} (first_date, last_date) values (?, ?)", [first, last]
        )


def finish(settings: Settings, first: date, last: date) -> None:
    """Note that the dates from first to last are whole, and all that was noted within them."""
    with writing(settings) as warehouse:
        warehouse.execute(
            "delete from operations.unfinished_dates where first_date >= ? and last_date <= ?",
            [first, last],
        )


def unfinished(settings: Settings) -> list[tuple[date, date]]:
    """Ranges that runs began and did not finish, in order, those that touch put together."""
    if not settings.warehouse.exists():
        return []
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        try:
            noted = warehouse.execute(
                "select first_date, last_date from operations.unfinished_dates order by all"
            ).fetchall()
        except duckdb.CatalogException:
            return []  # no run has begun on this warehouse
    ranges: list[tuple[date, date]] = []
    for first, last in noted:
        if ranges and first <= ranges[-1][1] + timedelta(days=1):
            ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
        else:
            ranges.append((first, last))
    return ranges
