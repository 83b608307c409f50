"""Reading: the one place that opens the published tables, for those who only look."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import duckdb

from orchestration.settings import Settings


@contextmanager
def reading(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the published file, or a click.ClickException that says why not.

    Runs never lock that file. A connection sees what was published when it was opened.
    """
    if not settings.published_file.exists():
        raise click.ClickException(
            f"Nothing is published in {settings.published} yet: `health run` makes it."
        )
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        yield connection
