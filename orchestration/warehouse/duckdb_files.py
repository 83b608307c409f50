"""Files of DuckDB: where Python opens them, in sessions that are in UTC.

Only what readers ask is opened elsewhere, with its configuration locked (`published`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.settings import STORAGE_VERSION


def opened(file: Path, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file. One that writes makes the file if there is none."""
    storage: dict[str, Any] = (
        {} if read_only else {"storage_compatibility_version": STORAGE_VERSION}
    )
    connection = duckdb.connect(str(file), read_only=read_only, config=storage)
    connection.execute("set TimeZone = 'UTC'")
    return connection


def in_memory(
    spill: Path | None = None, *, config: Mapping[str, str] | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection to no file, to which files are attached.

    spill: the folder for what does not fit into memory; by default none of the project's.
    """
    connection = duckdb.connect(config={**(config or {})})
    connection.execute("set TimeZone = 'UTC'")
    if spill:
        connection.execute(f"set temp_directory = {literal(spill)}")
    return connection


def quoted(name: str) -> str:
    """A name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """A text as a literal of SQL, where no parameter can stand (`attach`, `set`)."""
    return "'" + str(text).replace("'", "''") + "'"
