"""Connections to the warehouse, for reading and for writing.

dbt opens the warehouse itself (`dbt_project/profiles.yml`), and what is published is read through a
locked connection (`published`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pandas as pd

from orchestration.base.settings import Settings
from orchestration.warehouse import damage
from orchestration.warehouse.duckdb_files import opened


class WarehouseNotReady(Exception):
    """There is no warehouse, or another process writes it; the message says which."""


class Warehouse:
    """A connection to the warehouse, with the queries that most of its users need."""

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
    """A read-only connection, held as shortly as possible because it keeps writers out.

    Raises WarehouseNotReady.
    """
    if not settings.warehouse.exists():
        raise WarehouseNotReady(
            f"There is no warehouse {settings.warehouse} yet: `health run` makes it."
        )
    with connected(settings, read_only=True) as connection:
        yield Warehouse(connection)


@contextmanager
def writing(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for one transaction: all that is written is there in the end, or nothing.

    For holders of the run lock only. Raises WarehouseNotReady.
    """
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with connected(settings, read_only=False) as connection:
        connection.begin()
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def connected(settings: Settings, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """A connection to the warehouse, or WarehouseNotReady with words that a user can act on."""
    try:
        return opened(settings.warehouse, read_only=read_only)
    except duckdb.Error as problem:
        words = damage.of_warehouse(settings, problem)
        if words is None and not isinstance(problem, duckdb.IOException):
            raise
        raise WarehouseNotReady(
            words
            or f"{settings.warehouse} is in use by another process, or is no DuckDB file; "
            "try again when the run is done."
        ) from problem
