"""The erasure list on a Spark cluster, where staging leaves out the rows of whom it names.

A copy of the file of the house (`erasure_list`), which whoever calculates there brings up to date.
"""

from collections.abc import Collection
from pathlib import Path

import click

from orchestration.warehouse.erasure_list import Erasure, erasure_list
from orchestration.warehouse.spark import Session, connected
from orchestration.warehouse.spark_copy import rows_in_sql

TABLE = "operations.erasure_list"


def send(file: Path) -> None:
    """Make the list on the cluster that of the file. For holders of the run lock.

    Raises click.ClickException where there is no file, and the cluster's list names somebody: a
    machine that takes over would bring them back.
    """
    entries = erasure_list(file)
    with connected() as session:
        if not file.exists() and session.has(TABLE) and session.rows(f"select 1 from {TABLE}"):
            raise click.ClickException(
                f"There is no {file}, and the cluster's erasure list ({TABLE}) names somebody."
                " Bring the file from the machine that ran before. If nobody is to be kept out any"
                " more: make it with its first line alone, `kind,id,requested_at,reason`."
            )
        replace(session, entries)


def replace(session: Session, entries: Collection[Erasure]) -> None:
    """Make the list on the cluster this one, in one commit; in none where it is the same."""
    session.execute("create schema if not exists operations")
    session.execute(f"create table if not exists {TABLE} (kind string, id string) using iceberg")
    wanted = {(entry.kind, entry.id) for entry in entries}
    if wanted != set(session.rows(f"select kind, id from {TABLE}")):
        rows = rows_in_sql(sorted(wanted)) or "select null, null where false"
        session.execute(f"insert into {TABLE} replace where true {rows}")
