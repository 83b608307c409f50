"""Published tables: the one place that opens the published tables, for those who only look."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import duckdb

from orchestration.base.settings import Settings
from orchestration.warehouse import damage

Row = dict[str, Any]
Values = Sequence[object] | Mapping[str, object]

# Whoever looks may ask in SQL of their own (`health query`): it reads this file and nothing else,
# and cannot change that. Without a folder for what does not fit into memory, because DuckDB lets
# statements write into that folder; what is larger than memory is refused.
LOCKED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",
    "lock_configuration": "true",
}


def opened_locked(file: Path) -> duckdb.DuckDBPyConnection:
    """A connection that reads this file of DuckDB's, and can neither read nor write another one.

    DuckDB refuses a second connection of a process to the same file with other settings, so every
    reader of a published file has it from here. The scratch warehouses of `health what-if` and
    `health backtest` are attached without the lock: they are ours, gone at the end of the command,
    and asked in SQL of this program only.
    """
    return duckdb.connect(str(file), read_only=True, config=dict(LOCKED))


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, values: Values = ()) -> list[Row]:
    """The rows as a mapping from column to value; may be called by many threads at once."""
    cursor = connection.cursor().execute(sql, values if values else None)
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def reading_published(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the published file, or a click.ClickException that says why not.

    Runs never lock that file. A connection sees what was published when it was opened.
    """
    if not settings.published_file.exists():
        raise click.ClickException(nothing_there(settings))
    try:
        with (
            opened_locked(settings.published_file) as connection,
            in_words_of_versions(connection),
        ):
            yield connection
    except duckdb.Error as problem:
        words = damage.of_publication(settings, problem)
        if words is None:
            raise
        raise click.ClickException(words) from problem


def nothing_there(settings: Settings) -> str:
    if settings.published_file.is_symlink():
        return (
            f"The published file {settings.published_file} is gone: `health run` rewrites it"
            " from the warehouse."
        )
    return f"Nothing is published in {settings.published} yet: `health run` makes it."


@contextmanager
def in_words_of_versions(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Says it where what is asked for is not there because another version published it."""
    try:
        yield
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
