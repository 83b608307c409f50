"""Dagster's record of previous runs: what of it does not hold is set aside and begun again.

It is there to be looked at; no health date depends on it. A record that cannot be read would stop
every run and the UI, and so must not stay in its place. SQLite finds pages that are damaged (its
quick check, about a second for a gigabyte); what a page says is tried by reading through Dagster
what a start reads. What cannot be opened, is in use, or has columns of another version is whole.
The files of single runs, of which there are many, are looked at in turns; a damaged one shows when
somebody opens the page of its run.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import click
import dagster as dg
from dagster._check import CheckError
from dagster._core.storage.sqlite import create_db_conn_string
from dagster_shared.serdes.errors import DeserializationError
from filelock import FileLock

from orchestration.base import clock
from orchestration.base.set_aside import set_aside
from orchestration.base.settings import Settings
from orchestration.instance.dagster_instance import instance
from orchestration.publishing.integrity import is_turn

# What the record of all runs is called, and what is lost with each file of it.
RECORDS = {
    "runs.db": "which runs there were",
    "index.db": "what was materialized and checked when",
    "schedules.db": "what schedules and sensors did, and what was switched on or off in the UI",
}
OF_ONE_RUN = "the events of one run"
BESIDE = ("-wal", "-shm", "-journal")
BUSY_SECONDS = 10
OF_DAMAGED_PAGES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# What comes of a cell that is not as Dagster wrote it.
OF_DAMAGED_CELLS = (DeserializationError, CheckError, ValueError, LookupError, TypeError)
NOT_FINISHED = [
    status
    for status in dg.DagsterRunStatus
    if status
    not in (
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
    )
]
UNFINISHED = dg.RunsFilter(statuses=NOT_FINISHED)


def renew_damaged_records(settings: Settings, say: Callable[[str], None]) -> None:
    """Set aside what Dagster could not read, and say so; a record elsewhere is not ours to mend.

    Raises click.ClickException where Dagster cannot begin, for a record of another account.
    """
    folder = settings.state / "dagster"
    if not any((folder / name).exists() for name in RECORDS):
        return
    today = clock.today()
    with FileLock(folder / "records.lock"):  # a UI and a run may start together
        for file in sorted(folder.glob("*.db")):
            if file.name in RECORDS or is_turn(file.name, today):
                problem = problem_of(file)
                if problem:
                    put_away(file, problem, say)
        for file, problem in problems_of_reading(settings, folder).items():
            put_away(file, problem, say)


def problem_of(file: Path) -> str | None:
    """What is wrong with a database of SQLite; None where nothing is, or where it is not known."""
    if file.is_dir():
        return "it is a folder"
    try:
        with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as connection:
            [answer] = connection.execute("pragma quick_check(1)").fetchone()
    except sqlite3.Error as problem:
        return str(problem) if is_damage(problem) else None
    return None if answer == "ok" else " ".join(answer.split())


def problems_of_reading(settings: Settings, folder: Path) -> dict[Path, str]:
    """What hinders Dagster from reading what each start reads, by file: runs at work, schedules.

    Not what it keeps elsewhere. Whatever else hinders it is for the start to tell.
    """
    found = {}
    try:
        with instance(settings) as dagster:
            for storage, name, read in (
                (dagster.run_storage, "runs", lambda: dagster.get_run_records(UNFINISHED)),
                (dagster.schedule_storage, "schedules", dagster.all_instigator_state),
            ):
                if getattr(storage, "_conn_string", "") == create_db_conn_string(str(folder), name):
                    problem = problem_while(read)
                    if problem:
                        found[folder / f"{name}.db"] = problem
    except Exception:  # of dagster.yaml, a server, a lock, an account: no new record would mend it
        refuse_unwritable(folder)
    return found


def problem_while(read: Callable[[], object]) -> str | None:
    try:
        read()
    except Exception as problem:  # of SQLite, SQLAlchemy, Dagster, or of what it finds in a cell
        if not is_damage(problem):
            raise
        return f"{type(problem).__name__} while it was read"
    return None


def refuse_unwritable(folder: Path) -> None:
    for file in (folder / name for name in RECORDS):
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            raise click.ClickException(
                f"Dagster's record {file} cannot be written by the account that runs this:"
                f" `chown -R` {folder} to it."
            )


def is_damage(problem: BaseException) -> bool:
    """Whether it comes of what a file holds, and not of a lock, a right or a limit."""
    for cause in causes(problem):
        if isinstance(cause, sqlite3.Error):
            code = getattr(cause, "sqlite_errorcode", None)
            if code is None:  # Python's own, of a text that is none
                return "decode" in str(cause)
            return code & 0xFF in OF_DAMAGED_PAGES
    return isinstance(problem, OF_DAMAGED_CELLS)


def causes(problem: BaseException | None) -> Iterator[BaseException]:
    """An exception, and what it was raised from."""
    while problem:
        yield problem
        problem = problem.__cause__ or problem.__context__


def put_away(file: Path, problem: str, say: Callable[[str], None]) -> None:
    for name in BESIDE:
        beside = file.with_name(file.name + name)
        if beside.exists():
            set_aside(beside)
    aside = set_aside(file)
    lost = RECORDS.get(file.name, OF_ONE_RUN)
    say(
        f"Dagster's record {file} ({lost}) is damaged ({problem}). It is set aside as {aside.name}"
        " and begun again; no health date depends on it."
    )
