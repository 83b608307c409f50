"""Sensors: tell of failed runs and failed checks, end abandoned runs, and (off by default) follow
new raw files during the day."""

import hashlib
import os
from pathlib import Path

import click
import dagster as dg

from orchestration.base import clock, escaping
from orchestration.base.clock import today
from orchestration.base.figures import plural
from orchestration.base.settings import Settings
from orchestration.notify.notices import notify
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.runs.abandoned_runs import end, without_process
from orchestration.runs.jobs import HEALTH_JOB, JOBS
from orchestration.runs.partitions import dates_in_words, tags_of
from orchestration.warehouse import spark_raw
from orchestration.warehouse.spark import SparkProblem, within

CHECKS_NAMED = 10
DEFAULT_FOLLOW_MINUTES = 30
# Dagster gives a sensor 60 seconds.
SPARK_SECONDS = 40.0
NOT_FINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dg.run_failure_sensor(
    name="failed_runs",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells operators of a run that failed, and why.",
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    text = failed_run_text(context.dagster_run, why(context))
    context.log.error(text)
    notify(text)


def why(context: dg.RunFailureSensorContext) -> str:
    """The words of the failure of the first step that failed; else of the run."""
    for event in context.get_step_failure_events():
        failure = event.step_failure_data
        if failure.user_failure_data and failure.user_failure_data.description:
            return failure.user_failure_data.description
        if failure.error:
            return failure.error.message.strip()
    return context.failure_event.message or "Its process ended."


def failed_run_text(run: dg.DagsterRun, reason: str) -> str:
    dates = dates_in_words(run.tags)
    shown = escaping.lines(reason)
    return f"The health run of {dates} failed; readers keep what they have.\n{shown}"


@dg.run_status_sensor(
    name="failed_checks",
    run_status=dg.DagsterRunStatus.SUCCESS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells operators of the checks that failed in a run that was published.",
)
def failed_checks(context: dg.RunStatusSensorContext) -> None:
    text = failed_checks_text(context.dagster_run, context.instance)
    if text:
        context.log.warning(text)
        notify(text)


def failed_checks_text(run: dg.DagsterRun, instance: dg.DagsterInstance) -> str | None:
    """The failed checks of a run, critical ones first; None where all passed."""
    failed = [
        entry.dagster_event.asset_check_evaluation_data
        for entry in instance.all_logs(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        )
        if entry.dagster_event and not entry.dagster_event.asset_check_evaluation_data.passed
    ]
    if not failed:
        return None
    failed.sort(key=lambda check: check.severity is dg.AssetCheckSeverity.WARN)
    lines = [
        f"- {'critical' if check.severity is dg.AssetCheckSeverity.ERROR else 'warning'}:"
        f" {check.asset_key.to_user_string()} {check.check_name}:"
        f" {escaping.line(check.description or 'failed')}"
        for check in failed[:CHECKS_NAMED]
    ]
    if len(failed) > CHECKS_NAMED:
        lines.append(f"- and {len(failed) - CHECKS_NAMED} more: health failures")
    dates = dates_in_words(run.tags)
    words = plural(len(failed), "check")
    return f"{words} failed in the health run of {dates}:\n" + "\n".join(lines)


@dg.sensor(
    name="abandoned_runs",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose process is gone, so that the queue goes on.",
)
def abandoned_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """A run that begins or ends at this moment has no process either; not so a minute later."""
    seen_before = (context.cursor or "").split()
    found = without_process(Settings.from_environment(), context.instance)
    ended = [run for run in found if run.run_id in seen_before]
    end(context.instance, ended)
    context.update_cursor(" ".join(run.run_id for run in found if run not in ended))
    words = ", ".join(run.run_id for run in ended)
    return dg.SkipReason(f"Ended: {words}." if ended else "No run is abandoned.")


@dg.sensor(
    name="new_raw_files",
    job_name=HEALTH_JOB,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Near real time: calculates the health date of today again after raw files, or raw"
    " tables of a Spark cluster, have changed, at most every HEALTH_FOLLOW_MINUTES (30). Off until"
    " it is switched on.",
)
def new_raw_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    try:
        print_now = raw_print(Settings.from_environment())
    except SparkProblem as problem:
        return dg.SkipReason(problem.message)
    seen, _, asked_at = (context.cursor or "").partition(" ")
    if not seen:
        context.update_cursor(f"{print_now} 0")
        return dg.SkipReason("From now on, new raw data are noticed.")
    if print_now == seen:
        return dg.SkipReason("No raw data have changed.")
    now = clock.now().timestamp()
    # A time to come is that of a clock that was ahead: nobody knows how long ago that was.
    if 0 <= now - float(asked_at) < follow_minutes() * 60:
        return dg.SkipReason("Raw data have changed; the last run was too short a while ago.")
    at_work = context.instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED))
    if any(run.job_name in JOBS for run in at_work):
        return dg.SkipReason("Raw data have changed; a run is at work or waits.")
    context.update_cursor(f"{print_now} {now}")
    return dg.RunRequest(run_key=f"{today()} {print_now}", tags=tags_of(today(), today()))


def raw_print(settings: Settings) -> str:
    """Changes when the raw data do. Raises SparkProblem."""
    if settings.is_on_spark:
        return within(SPARK_SECONDS, lambda: spark_raw.fingerprint(raw_definitions()))
    return raw_files_print(settings.raw)


def raw_files_print(folder: Path) -> str:
    """Changes when a raw file is added, removed or written."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        status = path.stat()
        digest.update(
            f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode()
        )
    return digest.hexdigest()[:16]


def follow_minutes() -> int:
    asked = os.environ.get("HEALTH_FOLLOW_MINUTES") or str(DEFAULT_FOLLOW_MINUTES)
    if not asked.isdecimal():
        raise click.ClickException(
            f"HEALTH_FOLLOW_MINUTES is {asked!r}; it has to be a whole number of minutes."
        )
    return int(asked)


def all_sensors() -> list[dg.SensorDefinition]:
    return [failed_runs, failed_checks, abandoned_runs, new_raw_files]
