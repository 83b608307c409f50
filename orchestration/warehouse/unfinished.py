"""Unfinished dates: what a run began and has not finished, so that the next run completes it.

The note lies in the warehouse, because it speaks of what that file holds: it is gone when the file
is, and a copy of the file carries it along. Until dbt has written all history tables of a date, the
date is half calculated, and nothing is published: readers would see tables that disagree.
"""

from datetime import date

import duckdb

from orchestration.base.settings import Settings
from orchestration.warehouse.connections import writing
from orchestration.warehouse.duckdb_files import opened
from orchestration.warehouse.growing_tables import ensure_table
from orchestration.warehouse.health_dates import Range, put_together

TABLE = "operations.unfinished_dates"
COLUMNS = {
    "first_date": "date not null",
    "last_date": "date not null",
    "is_calculated": "boolean",
}
WITHIN = "first_date >= ? and last_date <= ?"


def begin(settings: Settings, first: date, last: date) -> bool:
    """Note that the dates from first to last are being calculated, before the first write.

    Whether the note is new.
    """
    with writing(settings) as warehouse:
        ensure_table(warehouse, TABLE, COLUMNS)
        known = warehouse.execute(
            "update operations.unfinished_dates set is_calculated = false"
            " where first_date = ? and last_date = ? returning 1",
            [first, last],
        ).fetchall()
        if not known:
            warehouse.execute(
                "insert into operations.unfinished_dates (first_date, last_date, is_calculated)"
                " values (?, ?, false)",
                [first, last],
            )
    return not known


def calculated(settings: Settings, first: date, last: date) -> None:
    """Note that all history tables hold the dates from first to last."""
    with writing(settings) as warehouse:
        warehouse.execute(
            f"update operations.unfinished_dates set is_calculated = true where {WITHIN}",
            [first, last],
        )


def withdraw(settings: Settings, first: date, last: date) -> None:
    """Take one note back, of a run that left nothing half done."""
    with writing(settings) as warehouse:
        warehouse.execute(
            "delete from operations.unfinished_dates where first_date = ? and last_date = ?",
            [first, last],
        )


def finish(settings: Settings, first: date, last: date) -> None:
    """Note that the dates from first to last are whole, and all that was noted within them."""
    with writing(settings) as warehouse:
        warehouse.execute(f"delete from operations.unfinished_dates where {WITHIN}", [first, last])


def unfinished(settings: Settings) -> list[Range]:
    """Ranges that runs began and did not finish, in order, those that touch put together."""
    return put_together((first, last) for first, last, _ in noted(settings))


def half_calculated(settings: Settings) -> list[Range]:
    """Those of which not all history tables are written."""
    return put_together((first, last) for first, last, done in noted(settings) if not done)


def noted(settings: Settings) -> list[tuple[date, date, bool]]:
    """All notes: first date, last date, and whether the dates are calculated."""
    if not settings.warehouse.exists():
        return []
    with opened(settings.warehouse) as warehouse:
        try:
            rows = warehouse.execute("from operations.unfinished_dates").fetchall()
        except duckdb.CatalogException:
            return []  # no run has begun on this warehouse
    # An earlier version noted the dates alone.
    return [(first, last, done == [True]) for first, last, *done in rows]
