"""Dagster after its clock was ahead: it would let the schedule and the sensors wait until the time
that it saw has come, for a year if need be, and leave out the nights that it has had already.
"""

from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import ScheduleInstigatorData, SensorInstigatorData
from dagster._core.storage.schedules.schema import JobTickTable
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
from dagster._core.storage.tags import RUN_KEY_TAG, SCHEDULE_NAME_TAG

from orchestration.base import clock
from orchestration.runs.partitions import date_of
from orchestration.warehouse.health_dates import yet_to_come


def forget_times_to_come(instance: dg.DagsterInstance) -> list[str]:
    """Let the schedule and the sensors go on from now; the names of those that waited.

    For when no daemon is at work, because a daemon remembers the times as well.
    """
    waited = forget_ticks(instance) | forget_marks(instance)
    free_run_keys(instance)
    return sorted(waited)


def forget_ticks(instance: dg.DagsterInstance) -> set[str]:
    """Delete the ticks of times to come; whose they were."""
    storage = instance.schedule_storage
    if not isinstance(storage, SqlScheduleStorage):
        return set()
    is_to_come = JobTickTable.c.timestamp > clock.timestamp()
    with storage.connect() as connection:
        selectors = connection.execute(
            JobTickTable.select().with_only_columns(JobTickTable.c.selector_id).where(is_to_come)
        )
        found = {selector for (selector,) in selectors}
        connection.execute(JobTickTable.delete().where(is_to_come))
    return {
        state.instigator_name
        for state in instance.all_instigator_state()
        if state.selector_id in found
    }


def forget_marks(instance: dg.DagsterInstance) -> set[str]:
    """Take back the times up to which schedules and sensors were looked at; whose those were."""
    now = clock.now().timestamp()
    waited = set()
    for state in instance.all_instigator_state():
        data: Any = state.instigator_data
        corrected: Any
        if isinstance(data, ScheduleInstigatorData):
            corrected = data._replace(
                start_timestamp=data.start_timestamp and min(data.start_timestamp, now),
                last_iteration_timestamp=data.last_iteration_timestamp
                and min(data.last_iteration_timestamp, now),
            )
        elif isinstance(data, SensorInstigatorData):
            corrected = data._replace(
                last_tick_timestamp=data.last_tick_timestamp and min(data.last_tick_timestamp, now),
                last_tick_start_timestamp=data.last_tick_start_timestamp
                and min(data.last_tick_start_timestamp, now),
            )
        else:
            continue
        if corrected != data:
            instance.update_instigator_state(state.with_data(corrected))
            waited.add(state.instigator_name)
    return waited


def free_run_keys(instance: dg.DagsterInstance) -> None:
    """Let the schedule ask again for nights that it had before they came."""
    for run in instance.get_runs(dg.RunsFilter(tags={SCHEDULE_NAME_TAG: "nightly"}), limit=100):
        key = run.tags.get(RUN_KEY_TAG, "")
        if key and " " not in key and yet_to_come([date_of(key)]):
            instance.add_run_tags(run.run_id, {RUN_KEY_TAG: f"{key} before it came"})
