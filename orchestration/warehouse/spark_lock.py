"""The lock row: one run at a time on a Spark cluster, whichever machine starts it.

The table has one row for ever, which is free or names its holder. Taking it is one `update` of a
free row, and that is one commit of Iceberg's: of two at the same moment, the second finds that the
file which it was to replace is gone, and fails. The row is read again after a moment, for
metastores that look before they commit and not as they do. Nothing ends with a process here, so
that a holder on this machine whose process is gone is taken over, and one on another machine is
removed by a person who knows (`health unlock`). Turned down: a time-out, because a backfill may
take days, and a second run beside it would do harm.
"""

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields

from orchestration.warehouse.spark import Session, SparkProblem, connected, literal

TABLE = "operations.run_lock"
SETTLE_SECONDS = 1.0


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: a process, and when it started as its kernel counts."""

    host: str
    process: str
    process_started: str
    command: str
    since: str

    def __str__(self) -> str:
        return f"process {self.process} on {self.host} (`{self.command}`), since {self.since}"


COLUMNS = tuple(field.name for field in fields(Holder))


def take(own: Holder, is_gone: Callable[[Holder], bool]) -> Holder | None:
    """Take the lock; None then, else who holds it. Raises SparkProblem.

    is_gone: whether a holder can be taken over.
    """
    with connected() as session:
        make_table(session)
        other = held_by(session)
        if other and not is_gone(other):
            return other
        try:
            replace(session, other, own)
        except SparkProblem:
            # Another one was a moment faster; where nobody was, it is another problem.
            if held_by(session) == other:
                raise
        time.sleep(SETTLE_SECONDS)
        now = held_by(session)
        return None if now == own else now


def release(held: Holder) -> None:
    """Free the lock, if it is this holder's. Raises SparkProblem."""
    with connected() as session:
        replace(session, held, None)


def holder() -> Holder | None:
    """Who holds the lock now."""
    with connected() as session:
        make_table(session)
        return held_by(session)


def make_table(session: Session) -> None:
    """With its one row in one commit, so that no two can make one each."""
    nothing = ", ".join(f"cast(null as string) as {name}" for name in COLUMNS)
    session.execute("create schema if not exists operations")
    session.execute(f"create table if not exists {TABLE} using iceberg as select {nothing}")


def held_by(session: Session) -> Holder | None:
    [row] = session.rows(f"select {', '.join(COLUMNS)} from {TABLE}")
    return Holder(*row) if row[0] is not None else None


def replace(session: Session, previous: Holder | None, holder: Holder | None) -> None:
    """Give the lock from one to the other; nothing happens where the one does not have it."""
    cells = zip(COLUMNS, astuple(holder) if holder else [None] * len(COLUMNS), strict=True)
    values = ", ".join(f"{name} = {literal(value)}" for name, value in cells)
    conditions = (
        [f"{name} = {literal(value)}" for name, value in vars(previous).items()]
        if previous
        else ["host is null"]
    )
    session.execute(f"update {TABLE} set {values} where {' and '.join(conditions)}")
