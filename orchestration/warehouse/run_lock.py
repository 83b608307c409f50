"""The run lock: one writing run at a time, and a clear word for whoever comes second."""

import json
import os
import re
import shlex
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import click
import duckdb
from filelock import FileLock, Timeout

from orchestration.base import clock
from orchestration.base.private_files import (
    group_of_the_house,
    make_folder,
    private_files,
    protect_all,
)
from orchestration.base.settings import Settings
from orchestration.warehouse import damage, spark_lock
from orchestration.warehouse.duckdb_files import opened
from orchestration.warehouse.spark import SparkProblem

POLL_SECONDS = 0.2
# What a killed run leaves behind (dbt) ends by itself within this time.
GRACE_SECONDS = 5.0
# Between two looks at the row on a Spark cluster, which take a second each.
SPARK_POLL_SECONDS = 10.0


class AnotherRun(click.ClickException):
    """The warehouse is being written; the message says by whom and since when."""


class CannotBeOpened(AnotherRun):
    """The warehouse cannot be opened, whoever waits; the message says why."""


@contextmanager
def write_lock(
    settings: Settings,
    wait_seconds: float = 0.0,
    to_mend: bool = False,
    is_only_here: bool = False,
) -> Iterator[None]:
    """Keep every other run out of the warehouse; raises AnotherRun after wait_seconds.

    The lock is the kernel's, so it ends with the process that holds it, however that ends: nothing
    is left to clean up after a kill. Processes that do not know the lock (a SQL client that has the
    warehouse open) are waited for as well, because DuckDB would stop the run half-way.

    Where dbt calculates on Spark, the lock row there is held as well, because other machines do not
    see the kernel's lock of this one (`spark_lock`).

    to_mend: for who puts another file in place of a warehouse that cannot be opened.
    is_only_here: for who asks after runs of this machine alone.
    """
    is_shared = settings.is_on_spark and not is_only_here
    with private_files(), locked(settings, wait_seconds, to_mend, is_shared):
        protect_all(settings)
        yield
        protect_all(settings)  # what was made meanwhile


@contextmanager
def locked(
    settings: Settings, wait_seconds: float, to_mend: bool, is_shared: bool
) -> Iterator[None]:
    for folder in (settings.state, settings.warehouse.parent):
        make_folder(folder, group_of_the_house())
    deadline = time.monotonic() + max(wait_seconds, GRACE_SECONDS)
    lock = FileLock(settings.state / "run.lock", fallback_to_soft=False)
    note = settings.state / "run.json"
    try:
        lock.acquire(timeout=wait_seconds, poll_interval=POLL_SECONDS)
    except Timeout as timeout:
        raise AnotherRun(holder_text(note)) from timeout
    try:
        holder = write_note(note)
        try:
            wait_for_warehouse(settings, deadline)
        except CannotBeOpened:
            if not to_mend:
                raise
        with locked_on_spark(holder, wait_seconds) if is_shared else nullcontext():
            yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


@contextmanager
def locked_on_spark(holder: Mapping[str, Any], wait_seconds: float) -> Iterator[None]:
    """Hold the lock row of the cluster; raises AnotherRun after wait_seconds."""
    own = spark_lock.Holder(
        socket.gethostname(), **{name: str(value) for name, value in holder.items()}
    )
    deadline = time.monotonic() + wait_seconds
    while other := spark_lock.take(own, is_gone):
        if time.monotonic() >= deadline:
            raise AnotherRun(
                f"Another run is at work on the Spark cluster: {other}. Try again when it is done."
                " If that machine is gone for good: `health unlock`."
            )
        time.sleep(min(SPARK_POLL_SECONDS, wait_seconds))
    try:
        yield
    finally:
        with suppress(SparkProblem):  # then the next run on this machine takes the lock over
            spark_lock.release(own)


def is_gone(holder: spark_lock.Holder) -> bool:
    """Whether the holder was a process of this machine that is no more."""
    is_here = holder.host == socket.gethostname()
    return is_here and str(start_of(int(holder.process))) != holder.process_started


def write_note(note: Path) -> dict[str, Any]:
    """Who holds the lock, for the message; in one step, because others read it at any moment."""
    holder = {
        "process": os.getpid(),
        "process_started": start_of(os.getpid()),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "since": clock.now().isoformat(timespec="seconds"),
    }
    unfinished = note.with_suffix(".tmp")
    unfinished.write_text(json.dumps(holder), encoding="utf-8")
    unfinished.replace(note)
    return holder


def start_of(process: int) -> str | None:
    """When a process started, as the kernel counts it, to tell it from a later one of its number.

    None where there is no such process, and on systems that do not say.
    """
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    return status.rsplit(")", 1)[1].split()[19]


def holder_text(note: Path) -> str:
    try:
        holder = json.loads(note.read_text(encoding="utf-8"))
        if start_of(holder["process"]) != holder["process_started"]:
            # The note of a run that was killed, whose number another program may have by now.
            raise ValueError("not the holder's")
        who = f"process {holder['process']} (`{holder['command']}`), since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # not there yet, damaged, or of another
        return "Another run has just begun. Try again when it is done."
    return f"Another run is at work: {who}. Try again when it is done."


def wait_for_warehouse(settings: Settings, deadline: float) -> None:
    """Return when nobody has the warehouse open; raises AnotherRun when that lasts too long."""
    warehouse = settings.warehouse
    while warehouse.exists():
        if not warehouse.stat().st_size:  # DuckDB would begin an empty history in it
            problem = damage.of_empty(warehouse)
            raise CannotBeOpened(damage.of_warehouse(settings, problem) or problem)
        try:
            opened(warehouse, read_only=False).close()
        except duckdb.Error as problem:
            who = re.search(r"Conflicting lock is held in (.+?) \(PID (\d+)\)", str(problem))
            if not who:  # nothing to wait for
                words = damage.of_warehouse(settings, problem)
                text = words or f"{warehouse} cannot be opened: {damage.one_line(problem)}"
                raise CannotBeOpened(text) from problem
            if time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                continue
            raise AnotherRun(
                f"Process {who[2]} ({Path(who[1]).name}) has {warehouse} open, and DuckDB lets "
                "nobody write meanwhile. Close it there, or let it read the published file instead."
            ) from problem
        return
