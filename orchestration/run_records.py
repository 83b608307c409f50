"""Dagster's record of former runs: what of it does not hold is set aside and begun anew.

It is there to be looked at; no health date depends on it. A record that cannot be read would stop
every run and the UI, and so must not stay in its place. SQLite finds pages that are damaged (its
quick check, about a second for a gigabyte); what a page says is tried by reading through Dagster
what a start reads. The files of single runs, of which there are many, are looked at in turns; a
damaged one shows when somebody opens the page of its run.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import dagster as dg
from filelock import FileLock

from orchestration import clock
from orchestration.dagster_instance import instance
from orchestration.integrity import is_turn
from orchestration.set_aside import set_aside
from orchestration.settings import Settings

# What the record of all runs is called, and what is lost with each file of it.
RECORDS = {
    "runs.db": "which runs there were",
    "index.db": "what was materialized and checked when",
    "schedules.db": "what schedules and sensors did, and what was switched on or off in the UI",
}
OF_ONE_RUN = "the events of one run"
BESIDE = ("-wal", "-shm", "-journal")
BUSY_SECONDS = 10
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


def renew_damaged_records(settings: Settings, say: Callable[[str], None]) -> None:
    """Set aside what Dagster could not read, and say so; a record elsewhere is not ours to mend."""
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
        problem = problem_of_reading(settings)
        if problem:
            for name in RECORDS:
                if (folder / name).exists():
                    put_away(folder / name, problem, say)


def problem_of(file: Path) -> str | None:
    """What is wrong with a database of SQLite; None where nothing is, or where it is in use."""
    try:
        with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as connection:
            [answer] = connection.execute("pragma quick_check(1)").fetchone()
    except sqlite3.DatabaseError as problem:
        return None if is_busy(problem) else str(problem)
    return None if answer == "ok" else " ".join(answer.split())


def problem_of_reading(settings: Settings) -> str | None:
    """What hinders Dagster from reading what each start reads: runs at work, schedules, sensors."""
    try:
        with instance(settings) as dagster:
            dagster.get_run_records(dg.RunsFilter(statuses=NOT_FINISHED))
            dagster.all_instigator_state()
    except Exception as problem:  # of SQLite, SQLAlchemy, Dagster, or of what it finds in a cell
        return None if is_busy(problem) else f"{type(problem).__name__} while it was read"
    return None


def is_busy(problem: Exception) -> bool:
    return "database is locked" in str(problem) or "database table is locked" in str(problem)


def put_away(file: Path, problem: str, say: Callable[[str], None]) -> None:
    for name in BESIDE:
        beside = file.with_name(file.name + name)
        if beside.exists():
            set_aside(beside)
    aside = set_aside(file)
    lost = RECORDS.get(file.name, OF_ONE_RUN)
    say(
        f"Dagster's record {file} ({lost}) is damaged ({problem}). It is set aside as {aside.name}"
        " and begun anew; no health date depends on it."
    )
