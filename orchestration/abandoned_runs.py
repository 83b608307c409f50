"""Runs whose process is gone: Dagster would wait for them for ever, and start no other."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.jobs import JOBS
from orchestration.run_lock import AnotherRun, write_lock
from orchestration.settings import Settings

IN_PROGRESS = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
# A run that has just been started may not hold the lock yet.
GRACE = timedelta(minutes=5)


def end_abandoned_runs(settings: Settings, instance: dg.DagsterInstance) -> list[str]:
    """Mark as failed what is in progress while nobody holds the run lock; ids of the runs."""
    try:
        with write_lock(settings):
            abandoned = [
                record.dagster_run
                for record in instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS))
                if record.dagster_run.job_name in JOBS
                and datetime.fromtimestamp(record.start_time or 0, UTC) < datetime.now(UTC) - GRACE
            ]
            for run in abandoned:
                instance.report_run_failed(
                    run, "The process of this run is gone. The next run makes its dates good."
                )
    except AnotherRun:
        return []
    return [run.run_id for run in abandoned]
