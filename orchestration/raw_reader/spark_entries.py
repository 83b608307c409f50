"""Entries on Spark: files on this machine, as without it, which each run sends to the cluster.

So the pages take an entry, and show it, whether or not the cluster answers at the moment.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from orchestration.base import progress
from orchestration.base.settings import Settings
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.raw_reader.entries import folder
from orchestration.warehouse.spark import Session, connected, literal
from orchestration.warehouse.spark_raw import REGISTERED, properties

TABLE = "raw.health_entries"
ROWS_AT_ONCE = 1_000


def send(settings: Settings) -> int:
    """Add the entries of this machine to the cluster's table that are not there yet; how many.

    The table is made where there is none. For holders of the run lock. Raises
    click.ClickException.
    """
    files = sorted(folder(settings).glob("*.jsonl"))
    if not files:
        return 0
    with connected() as session:
        columns = columns_of_table(session)
        there = {entry_id for (entry_id,) in session.rows(f"select entry_id from {TABLE}")}
        rows = [row for file in files for row in rows_of(file) if row["entry_id"] not in there]
        for first in range(0, len(rows), ROWS_AT_ONCE):
            insert(session, columns, rows[first : first + ROWS_AT_ONCE])
    return len(rows)


def columns_of_table(session: Session) -> dict[str, str]:
    """The type of each column, in the table's order; a column that an entry has is added."""
    named = list(raw_definitions()["health_entries"].columns)
    session.execute("create schema if not exists raw")
    if session.has(TABLE) and REGISTERED in properties(session, "health_entries"):
        raise click.ClickException(
            f"{TABLE} is made of files that were registered, to which health adds nothing: load"
            " them into a table of that name, or remove the entries of the pages."
        )
    session.execute(
        f"create table if not exists {TABLE} ({', '.join(f'{name} string' for name in named)})"
        " using iceberg"
    )
    columns, _ = session.columns(TABLE)
    missing = [name for name in named if name not in columns]
    if missing:
        listed = ", ".join(f"{name} string" for name in missing)
        session.execute(f"alter table {TABLE} add columns ({listed})")
    return columns | dict.fromkeys(missing, "string")


def rows_of(file: Path) -> Iterator[dict[str, Any]]:
    """The entries of a file; a file that has others too is named, and these are left out."""
    for line in file.read_bytes().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict) and row.get("entry_id"):
            yield row
        else:
            progress.note(f"{file} holds what is no entry, which is not sent to Spark.")


def insert(session: Session, columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> None:
    """Add the rows in one commit."""
    values = ", ".join(
        f"({', '.join(literal(text_of(row.get(name))) for name in columns)})" for row in rows
    )
    typed = ", ".join(
        f"cast(col{place} as {kind})" for place, kind in enumerate(columns.values(), start=1)
    )
    session.execute(f"insert into {TABLE} select {typed} from values {values}")


def text_of(value: Any) -> str | None:
    return None if value is None else str(value)
