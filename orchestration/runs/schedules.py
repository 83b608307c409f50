"""The night: at 00:00 GMT the health date that has just begun, and what was missed before it."""

import dagster as dg

from orchestration.base.settings import Settings
from orchestration.runs.jobs import HEALTH_JOB
from orchestration.runs.partitions import TIME_ZONE, tags_of
from orchestration.warehouse.health_dates import all_in_words, missed_dates, ranges_of


@dg.schedule(
    name="nightly",
    job_name=HEALTH_JOB,
    cron_schedule="0 0 * * *",
    execution_timezone=TIME_ZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 00:00 GMT, for the health date that has just begun. Health dates"
    " that no run published are calculated in the same run.",
)
def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    health_date = context.scheduled_execution_time.date()
    missed = missed_dates(Settings.from_environment(), health_date)
    first = min([*missed, health_date])
    tags = tags_of(first, health_date)
    if missed:
        missed_text = all_in_words(ranges_of(missed))
        context.log.info(f"Catching up with {missed_text}, which no run has published.")
        tags["health/caught_up"] = missed_text
    return dg.RunRequest(run_key=str(health_date), tags=tags)
