"""Short connections to the warehouse, for what a run writes there beside dbt."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from orchestration.settings import STORAGE_VERSION, Settings


@contextmanager
def writing(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for one transaction: all that is written is there in the end, or nothing.

    For holders of the run lock only.
    """
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    config = {"storage_compatibility_version": STORAGE_VERSION}
    with duckdb.connect(str(settings.warehouse), config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.begin()
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
