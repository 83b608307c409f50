"""Scratch schemas of a Spark cluster: where another configuration is tried, and raw checks keep
what they look up.

Those of a try are named like those of a run, after a prefix (dbt's var `schema_prefix`), and begin
with copies of the tables whose rows outlive a run, which the cluster makes itself (DECISIONS.md,
184).
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from orchestration.base.clock import today
from orchestration.warehouse.spark import Session, connected

PREFIX = "health_scratch_"
# Older ones are of a command that was killed.
DAYS_KEPT = 1


@contextmanager
def scratch_schemas() -> Iterator[str]:
    """A new prefix for the names of schemas; those that have it are dropped in the end."""
    prefix = f"{PREFIX}{today():%Y%m%d}_{secrets.token_hex(4)}_"
    with connected() as session:
        drop_left_behind(session)
    try:
        yield prefix
    finally:
        with connected() as session:
            drop_all(session, prefix)


def copy_tables(prefix: str, tables: Iterable[str]) -> None:
    """Copy the tables, `schema.name`, into the schemas of the prefix; those that are there."""
    with connected() as session:
        for table in tables:
            if not session.has(table):
                continue
            _, partitioned = session.columns(table)
            by = f" partitioned by ({', '.join(partitioned)})" if partitioned else ""
            session.execute(f"create schema if not exists {prefix}{table.split('.')[0]}")
            session.execute(
                f"create table {prefix}{table} using iceberg{by} as select * from {table}"
            )


def drop_left_behind(session: Session) -> None:
    """Drop the schemas of commands that were killed, once nobody can be at work in them."""
    oldest = f"{PREFIX}{today() - timedelta(DAYS_KEPT):%Y%m%d}"
    drop(session, [name for name in session.schemas() if PREFIX < name < oldest])


def drop_all(session: Session, prefix: str = PREFIX) -> None:
    """Drop the schemas with a prefix: those of all commands, also of those that are at work."""
    drop(session, [name for name in session.schemas() if name.startswith(prefix)])


def drop(session: Session, names: Iterable[str]) -> None:
    """Drop the schemas, and the files of their tables. A command may be at work in them still."""
    for schema in names:
        views = session.views(schema)
        tables = set(session.tables(schema)).difference(views)
        for name in views:
            session.execute(f"drop view if exists {schema}.{name}")
        for name in tables:
            session.execute(f"drop table if exists {schema}.{name} purge")
        session.execute(f"drop schema if exists {schema} cascade")
