"""Short connections to the warehouse, for what a run writes there beside dbt."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.settings import STORAGE_VERSION, Settings


def connected(warehouse: Path) -> duckdb.DuckDBPyConnection:
    """A connection that writes; makes the file if there is none."""
    config = {"storage_compatibility_version": STORAGE_VERSION}
    return duckdb.connect(str(warehouse), config=config)


@contextmanager
def writing(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for one transaction: all that is written is there in the end, or nothing.

    For holders of the run lock only.
    """
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with connected(settings.warehouse) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.begin()
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
