"""Runs whose process is gone: Dagster would wait for them for ever, and start no other.

Where the code server that started a run lives on, it notices by itself within a second that the
run's process is gone. This is for those whose code server was killed as well, and for `health run`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.base import clock
from orchestration.base.settings import Settings
from orchestration.runs.jobs import JOBS
from orchestration.warehouse.run_lock import AnotherRun, write_lock

IN_PROGRESS = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
# A run that has just been started may not hold the lock yet.
GRACE = timedelta(minutes=5)


def without_process(settings: Settings, instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs in progress while nobody holds the run lock: abandoned, or just beginning or ending."""
    return [record.dagster_run for record in records_without_process(settings, instance)]


def records_without_process(settings: Settings, instance: dg.DagsterInstance) -> list[dg.RunRecord]:
    try:
        with write_lock(settings, is_only_here=True):
            records = instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS))
    except AnotherRun:
        return []
    return [record for record in records if record.dagster_run.job_name in JOBS]


def end(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> None:
    """Mark runs as failed."""
    for run in runs:
        instance.report_run_failed(
            run, "The process of this run is gone. The next run makes its dates good."
        )


def end_abandoned_runs(settings: Settings, instance: dg.DagsterInstance) -> list[str]:
    """Mark as failed what began a while ago and has no process; ids of the runs.

    A start that lies ahead is that of a clock that was, and so is no start of a moment ago.
    """
    runs = [
        record.dagster_run
        for record in records_without_process(settings, instance)
        if abs(clock.now() - datetime.fromtimestamp(record.start_time or 0, UTC)) > GRACE
    ]
    end(instance, runs)
    return [run.run_id for run in runs]
