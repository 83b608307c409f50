"""Short connections to the warehouse, and the checks with what they may name."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta

import duckdb
import pandas as pd

from expectations.checks import Check, load_checks
from expectations.reports import WarehouseNotReady
from orchestration import damage
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.settings import DBT_PROJECT, STORAGE_VERSION, Settings

DATES_PER_QUERY = 200
STORAGE = {"storage_compatibility_version": STORAGE_VERSION}


class Warehouse:
    """A connection to the warehouse."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def rows(self, sql: str, **named: object) -> list[tuple]:
        return self.connection.execute(sql, named or None).fetchall()

    def frame(self, sql: str, **named: object) -> pd.DataFrame:
        return self.connection.execute(sql, named or None).df()

    def has(self, table: str) -> bool:
        """Whether a table `schema.name` is there."""
        schema, name = table.split(".")
        return bool(
            self.rows(
                "select 1 from information_schema.tables "
                "where table_schema = $schema and table_name = $name",
                schema=schema,
                name=name,
            )
        )

    def rows_if_there(self, table: str, sql: str, **named: object) -> list[tuple]:
        """The rows of a query; none where the table is not there yet."""
        return self.rows(sql, **named) if self.has(table) else []


@contextmanager
def reading(settings: Settings) -> Iterator[Warehouse]:
    """A read-only connection, held as shortly as possible because it keeps writers out."""
    if not settings.warehouse.exists():
        raise WarehouseNotReady(
            f"There is no warehouse {settings.warehouse} yet: `health run` makes it."
        )
    with connected(settings, {}, read_only=True) as warehouse:
        yield warehouse


@contextmanager
def writing(settings: Settings) -> Iterator[Warehouse]:
    """A connection for one transaction: all that is written is there in the end, or nothing."""
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with connected(settings, STORAGE, read_only=False) as warehouse:
        warehouse.connection.begin()
        try:
            yield warehouse
        except BaseException:
            warehouse.connection.rollback()
            raise
        warehouse.connection.commit()


@contextmanager
def connected(settings: Settings, config: dict[str, str], read_only: bool) -> Iterator[Warehouse]:
    try:
        connection = duckdb.connect(str(settings.warehouse), read_only=read_only, config=config)
    except duckdb.Error as problem:
        words = damage.of_warehouse(settings, problem)
        if words is None and not isinstance(problem, duckdb.IOException):
            raise
        raise WarehouseNotReady(
            words
            or f"{settings.warehouse} is in use by another process, or is no DuckDB file; "
            "try again when the run is done."
        ) from problem
    with connection:
        connection.execute("set timezone = 'UTC'")
        yield Warehouse(connection)


def checks_of(boundary: str) -> tuple[Check, ...]:
    """The checks of a boundary. Raises WrongChecks for a wrong row of any boundary."""
    tables = {name: list(table.columns) for name, table in raw_definitions().items()}
    catalogue = DBT_PROJECT / "catalogue" / "measures.csv"
    with catalogue.open(encoding="utf-8", newline="") as lines:
        measures = {row["measure"] for row in csv.DictReader(lines)}
    checks = load_checks(tables, measures)
    return tuple(check for check in checks if check.boundary == boundary)


def dates_between(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + timedelta(days=day) for day in range((last - first).days + 1))


def in_steps(dates: Sequence[date]) -> Iterator[Sequence[date]]:
    """The dates, as many at a time as one query is asked for, to bound the memory it takes."""
    for start in range(0, len(dates), DATES_PER_QUERY):
        yield dates[start : start + DATES_PER_QUERY]


def days_asked(dates: Sequence[date], window: int) -> dict[str, object]:
    """The dates and the days that they look back on, as the queries name them."""
    return {
        "days": dates,
        "from_day": dates[0] - timedelta(days=window),
        "to_day": dates[-1],
        "window": window,
    }
