"""A run on the console: the job of the night in this process, with a progress bar."""

import gc
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from orchestration.base import escaping, progress
from orchestration.base.settings import Settings
from orchestration.base.stopping import when_stopped
from orchestration.dbt_runner import dbt_build, dbt_process
from orchestration.dbt_runner.wrong_configuration import refuse_wrong_configuration
from orchestration.warehouse.health_dates import in_words

OBJECTS_BETWEEN_COLLECTIONS = (100_000, 50, 50)  # by generation
STARTED_HERE = {"health/started_by": "health run"}
COLUMNS = (
    TextColumn("[progress.description]{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TextColumn("[dim]{task.fields[latest]}"),
)


def run_job(settings: Settings, first: date, last: date) -> None:
    """Run the health job for the dates from first to last.

    Raises click.ClickException with what went wrong; the rest that a run has to say is in the log
    of the state folder, and in Dagster.
    """
    dbt_build.start_early(settings)
    try:
        refuse_wrong_configuration()
        run_ready_job(settings, first, last)
    finally:
        dbt_process.dismiss_early()


def run_ready_job(settings: Settings, first: date, last: date) -> None:
    settings.state.mkdir(parents=True, exist_ok=True)
    log = settings.state / "health_run.log"
    with everything_else_to(log) as console_file:
        console = Console(file=console_file)
        with ProgressBar(*COLUMNS, console=console) as bar:
            task = bar.add_task("Starting", total=None, latest="")

            def show(step: progress.Step) -> None:
                nonlocal task
                if step.note:
                    bar.console.print(escaping.text(step.note))
                    return
                if bar.tasks[task].description != step.phase:
                    finish(bar, task)
                    task = bar.add_task(step.phase, total=None, latest="")
                bar.update(task, completed=step.done, total=step.total, latest=step.latest)

            try:
                execute(settings, first, last, show)
            except click.ClickException as problem:
                bar.update(task, latest="failed")
                raise type(problem)(f"{problem.message}\n(Log: {log})") from problem
            finish(bar, task)
            bar.add_task(f"{in_words(first, last)} done", total=1, completed=1, latest="")


def finish(bar: ProgressBar, task: TaskID) -> None:
    done = bar.tasks[task].total or 1
    bar.update(task, total=done, completed=done, latest="")


def execute(settings: Settings, first: date, last: date, show: progress.Listener) -> None:
    # What is loaded stays: looking through it for garbage again and again costs a sixth of a run.
    gc.set_threshold(*OBJECTS_BETWEEN_COLLECTIONS)
    # Dagster takes seconds to import; the other commands do without.
    import dagster as dg

    from orchestration.definitions import build
    from orchestration.instance.dagster_instance import instance
    from orchestration.instance.run_records import renew_damaged_records
    from orchestration.runs.abandoned_runs import end_abandoned_runs
    from orchestration.runs.jobs import HEALTH_JOB
    from orchestration.runs.partitions import tags_of

    with progress.listening(show):
        renew_damaged_records(settings, progress.note)
    with (
        instance(settings) as dagster,
        progress.listening(show),
        when_stopped(note_stopped_runs, "What is not finished is completed by the next run."),
    ):
        show(progress.Step("Loading"))
        job = build().resolve_job_def(HEALTH_JOB)
        end_abandoned_runs(settings, dagster)
        try:
            job.execute_in_process(
                run_config={"resources": {"health_run": {"config": {"wait_seconds": 0.0}}}},
                instance=dagster,
                tags={**tags_of(first, last), **STARTED_HERE},
            )
        except dg.Failure as failure:
            raise click.ClickException(failure.description or "The run failed.") from failure
        except dg.DagsterResourceFunctionError as problem:
            raise click.ClickException(cause_of(problem)) from problem


def note_stopped_runs() -> None:
    """Have Dagster know that the run of this process is no more, so that nobody waits for it."""
    import dagster as dg

    at_work = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], tags=STARTED_HERE)
    # Not the instance of the run, which may be in use at this moment.
    with dg.DagsterInstance.get() as dagster:
        for run in dagster.get_runs(at_work):
            dagster.report_run_canceled(run, message="It was stopped.")


def cause_of(problem: BaseException) -> str:
    """The words of the failure behind what Dagster raised."""
    import dagster as dg

    cause: BaseException | None = problem
    while cause is not None and not isinstance(cause, dg.Failure):
        cause = cause.__cause__
    return (cause.description if isinstance(cause, dg.Failure) else None) or str(problem)


@contextmanager
def everything_else_to(log: Path) -> Iterator[TextIO]:
    """What libraries and child processes print goes to a file; yields where the console is.

    A file that is no terminal's or pipe's own, as in tests, stays where it is.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        outputs = [stream.fileno() for stream in (sys.stdout, sys.stderr)]
    except OSError:  # captured by a test: nothing to put aside
        outputs = []
    if outputs != [1, 2]:
        with quiet_loggers():
            yield sys.stdout
        return
    kept = [os.dup(output) for output in outputs]
    log.write_bytes(b"")
    # Appending, because an erasure empties the file while we write it.
    with log.open("a", encoding="utf-8") as file, os.fdopen(os.dup(1), "w") as console:
        for output in outputs:
            os.dup2(file.fileno(), output)
        try:
            yield console
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for output, original in zip(outputs, kept, strict=True):
                os.dup2(original, output)
                os.close(original)


@contextmanager
def quiet_loggers() -> Iterator[None]:
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
