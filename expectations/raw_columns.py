"""Columns that metrics rest on: whether they are there and filled, and whether they ever were.

A column that vanishes makes no error: its values read as null, and health moves without a word. So
what was filled is remembered in `checks.filled_columns` of the warehouse, by health date, and a
column that was filled on the date that is validated, or on one before, and is absent or empty now
has vanished. Nothing is forgotten because a column is absent, so that reruns answer the same; a gap
between health dates does not matter. It is over when the column is back, when no metric of the
configuration rests on it, or when a person says that it is gone for good (`forget`).
"""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from expectations.checks import Check
from orchestration.base.dbt_project import catalogue
from orchestration.base.settings import Settings
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.warehouse.connections import Warehouse, writing
from orchestration.warehouse.growing_tables import ensure_table

METRICS_NAMED = 3  # metrics that rest on a column and are named; the rest are counted
FILLED_COLUMNS = "checks.filled_columns"
COLUMNS_OF_FILLED_COLUMNS = {
    "table_name": "text",
    "column_name": "text",
    "first_date": "date",
    "last_date": "date",
    "other_columns": "text[]",
}
Metrics = dict[str, list[str]]  # the metrics that rest on a column, by column


@dataclass(frozen=True)
class Filled:
    """Health dates on which a column was filled, and what else its files held the last time: the
    names of their columns that the contract does not know."""

    first: date
    last: date
    others: frozenset[str]


@dataclass
class Columns:
    """The columns of a raw table that metrics rest on.

    `present` are in its files, `filled` have a value in any row that was read; None where there was
    no row. `others` are the columns of its files that the contract does not know. `known` is what
    was filled on earlier health dates.
    """

    metrics: Metrics
    present: set[str] = field(default_factory=set)
    filled: set[str] | None = None
    others: frozenset[str] = frozenset()
    known: dict[str, Filled] = field(default_factory=dict)

    def count(self, numbers: Mapping[tuple[str, str], Mapping[date, float]]) -> None:
        """Take what is filled from the numbers by day of a profile, where it is not known yet."""
        if self.filled is None and numbers.get(("rows", "")):
            self.filled = {
                column
                for column in self.present
                if any(numbers.get(("filled", column), {}).values())
            }

    def vanished(self, health_date: date, is_filled: Callable[[str], bool | None]) -> list[str]:
        """Columns that were filled and are not now, in the order of the catalogue."""
        return [
            column
            for column in self.metrics
            if column in self.known
            and self.known[column].first <= health_date
            and (column not in self.present or is_filled(column) is False)
        ]

    def detail(self, column: str) -> str:
        """What became of a column that vanished, what may have taken its place, and who minds."""
        known = self.known[column]
        is_now = "has no value any more" if column in self.present else "is in no file any more"
        new = sorted(self.others - known.others)
        place = f"new in the files: {', '.join(new)}" if new else "no new column took its place"
        metrics = self.metrics[column]
        named = ", ".join(metrics[:METRICS_NAMED])
        more = len(metrics) - METRICS_NAMED
        return (
            f"{column} was filled until {known.last} and {is_now}; {place}. Metrics that rest on "
            f"it: {named}{f' and {more} more' if more > 0 else ''}"
        )


def rested_on(seeds: Path) -> dict[str, Metrics]:
    """By raw table, the optional columns that metrics of the configuration rest on, and which."""
    tables = raw_definitions()
    measures = {
        row["measure"]: row["tables"].split("|") for row in catalogue("measures") if row["tables"]
    }
    found: dict[str, Metrics] = {}
    for metric in rows_of(seeds / "metrics.csv"):
        measure = metric.get("measure", "")
        rests_on = {
            (row["table_name"], row["column_name"]): None
            for row in catalogue("measure_columns")
            if row["measure"] == measure
        }
        rests_on |= {
            (table, metric.get("dimension", "")): None for table in measures.get(measure, ())
        }
        for table, column in rests_on:
            known = tables[table].columns
            if column in known and not known[column].get("required"):
                found.setdefault(table, {}).setdefault(column, []).append(metric["metric_id"])
    return found


def rows_of(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with trimmed cells; none where it is absent."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return [
            {name: (cell or "").strip() for name, cell in row.items() if name}
            for row in csv.DictReader(lines)
        ]


def look_for_columns(
    checks: Iterable[Check],
    metrics: Metrics,
    raw_table: Mapping[str, Any],
    typed: Mapping[str, str],
    has_value: Callable[[str], object],
) -> Columns | None:
    """Which columns the files of a table have, and which have a value; None where no check asks.

    `typed` is the SQL of the value of each column of the contract; `has_value` says whether it is
    not null in any row of the raw table. A check of some days has values counted with them
    (`counted_by_day`).
    """
    asked = [check for check in checks if check.check_name == "columns_kept"]
    if not asked:
        return None
    present = set(metrics) & set(raw_table["columns"])
    columns = Columns(metrics, present, others=frozenset(raw_table["other_columns"]))
    if not any(check.window_days for check in asked) and raw_table["row_count"]:
        columns.filled = {column for column in columns.present if has_value(typed[column])}
    return columns


def counted_by_day(
    check: Check, columns: Columns | None, typed: Mapping[str, str]
) -> dict[tuple[str, str], str]:
    """What a profile is to count by day for a check of some days."""
    if not check.window_days or not columns:
        return {}
    return {("filled", column): f"count({typed[column]})" for column in sorted(columns.present)}


def recall(warehouse: Warehouse, columns: Mapping[str, Columns]) -> None:
    """Add what was filled on earlier health dates, by raw table."""
    for table, column, first, last, others in warehouse.rows_if_there(
        "checks.filled_columns",
        "select table_name, column_name, first_date, last_date, other_columns "
        "from checks.filled_columns",
    ):
        if table in columns:
            columns[table].known[column] = Filled(first, last, frozenset(others))


def remember(settings: Settings, columns: Mapping[str, Columns], first: date, last: date) -> None:
    """Note which columns are filled, on the health dates from first to last."""
    rows = []
    for table, found in columns.items():
        for column in sorted(found.filled or ()):
            known = found.known.get(column, Filled(first, last, found.others))
            noted = (min(first, known.first), max(last, known.last), sorted(found.others))
            rows.append((table, column, *noted))
    if not rows:
        return
    with writing(settings) as connection:
        warehouse = Warehouse(connection)
        ensure_table(warehouse.connection, FILLED_COLUMNS, COLUMNS_OF_FILLED_COLUMNS)
        for row in rows:
            forget_column(warehouse, *row[:2])
        warehouse.connection.executemany(
            f"insert into {FILLED_COLUMNS} ({', '.join(COLUMNS_OF_FILLED_COLUMNS)})"
            " values (?, ?, ?, ?, ?)",
            rows,
        )


def forget(settings: Settings, columns: Iterable[tuple[str, str]]) -> None:
    """Forget that columns were ever filled: they are gone for good, as a person says."""
    with writing(settings) as connection:
        warehouse = Warehouse(connection)
        ensure_table(warehouse.connection, FILLED_COLUMNS, COLUMNS_OF_FILLED_COLUMNS)
        for table, column in columns:
            forget_column(warehouse, table, column)


def forget_column(warehouse: Warehouse, table: str, column: str) -> None:
    warehouse.connection.execute(
        "delete from checks.filled_columns where table_name = ? and column_name = ?",
        [table, column],
    )
