"""Reading: the one place that opens the published tables, for those who only look."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

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
        try:
            yield connection
        except (duckdb.BinderException, duckdb.CatalogException) as problem:
            [(publisher,)] = connection.execute(
                "select product_version from health.publication"
            ).fetchall()
            if publisher == version("account-health"):
                raise
            raise click.ClickException(
                f"What is published is of version {publisher} of account-health, and this command"
                " asks for more: `health run` brings it up to date."
            ) from problem
