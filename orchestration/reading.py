"""Reading: the one place that opens the tables for those who only look."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import duckdb

from orchestration.settings import Settings


@contextmanager
def reading(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the warehouse, or a click.ClickException that says why not."""
    if not settings.warehouse.exists():
        raise click.ClickException(
            f"There is no warehouse {settings.warehouse} yet: `health run` makes it."
        )
    try:
        connection = duckdb.connect(str(settings.warehouse), read_only=True)
    except duckdb.IOException as problem:
        raise click.ClickException(
            f"{settings.warehouse} is being written by a run; try again when it is done."
        ) from problem
    with connection:
        yield connection
