"""Dagster's own processes, killed while runs wait in the queue: the run's worker, then the daemon,
the code servers and the worker of the next run. What is left goes on by itself once there is a
daemon again, which a service manager sees to."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dagster_browser import ask, program, serving
from processes import processes_of
from receiver import Receiver, receiving
from turning_poor import TODAY, YESTERDAY, write_turning_poor

from orchestration.base.settings import Settings
from orchestration.instance.dagster_instance import instance
from orchestration.warehouse.unfinished import unfinished

SECONDS = 900
DAEMON = ("dagster", "dagster-daemon", "run")
LAUNCH = """
    mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
        __typename ... on LaunchRunSuccess { run { runId } }
    } }
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write_turning_poor(tmp_path / "raw")
    return Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")


def environment(settings: Settings, receiver: Receiver) -> dict[str, str]:
    return {
        **settings.environment,
        "HEALTH_DOCS_DIR": str(settings.warehouse.parent / "docs"),
        "HEALTH_ALERT_DESTINATION": receiver.url,
        "NO_PROXY": "127.0.0.1",
        "DBT_TARGET_PATH": str(settings.warehouse.parent / "target"),
    }


def wait_for(found: Callable[[], object], what: str, seconds: float = SECONDS) -> float:
    """Wait until something is found; seconds that it took."""
    began_at = time.monotonic()
    while not found():
        assert time.monotonic() - began_at < seconds, what
        time.sleep(0.2)
    return time.monotonic() - began_at


def launch(address: str, health_date: object) -> str:
    launched = ask(
        address,
        LAUNCH,
        params={
            "selector": {
                "repositoryLocationName": "orchestration.definitions",
                "repositoryName": "__repository__",
                "jobName": "health",
            },
            "executionMetadata": {
                "tags": [{"key": "dagster/partition", "value": str(health_date)}]
            },
        },
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return launched["run"]["runId"]


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


def kill(*processes: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def test_killed_processes_of_dagster_lose_no_date_and_no_alert(
    settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    told = environment(settings, receiver)

    def dbt() -> list[int]:
        return processes_of(settings.warehouse, "health-dbt")

    def is_at_work() -> bool:
        """Whether a run has begun to calculate."""
        return bool(dbt() and unfinished_or_busy(settings))

    with (
        serving(tmp_path, told, "dagster", "dagster-webserver") as address,
        program(tmp_path, told, *DAEMON) as daemon,
    ):
        first = launch(address, YESTERDAY)
        second = launch(address, TODAY)
        wait_for(is_at_work, "the first run does not begin")
        [of_first, *_] = dbt()
        kill(parent_of(of_first))
        noticed = wait_for(
            lambda: status_of(settings, first) is dg.DagsterRunStatus.FAILURE,
            "it is not noticed",
        )
        wait_for(lambda: of_first not in dbt() and is_at_work(), "the queue does not go on")
        kill(daemon.pid, *processes_of(settings.warehouse, ""))
        daemon.wait()
    at_work = [run for run in runs_of(settings) if not run.is_finished]
    assert len(at_work) == 2, "one that was at work, and one that waits"

    with program(tmp_path, told, *DAEMON):
        went_on = wait_for(
            lambda: all(run.is_finished for run in runs_of(settings)) and not dbt(),
            "the queue does not go on",
        )
    print(f"a dead worker was noticed in {noticed:.1f} s; the queue was done in {went_on:.0f} s")
    states = {run.run_id: run.status for run in runs_of(settings)}
    assert dg.DagsterRunStatus.SUCCESS in states.values()
    assert second in states
    assert unfinished(settings) == []
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        dates = connection.execute("select distinct health_date from health.source_status")
        assert sorted(day for (day,) in dates.fetchall()) == [YESTERDAY, TODAY]
        shown = connection.execute(
            "select health_date::varchar, alert_id, account_id, pillar_id from health.health_alerts"
            " where health_date = ? and status = 'sent'",
            [TODAY],
        ).fetchall()
    assert len(shown) > 5
    columns = ("health_date", "alert_id", "account_id", "pillar_id")
    sent = {(key, tuple(body[name] for name in columns)) for key, body in receiver.requests}
    assert {alert for _, alert in sent} == set(shown)
    assert len(sent) == len(receiver.accepted) == len(shown), "one key for each alert"


def runs_of(settings: Settings) -> list[dg.DagsterRun]:
    with instance(settings) as dagster:
        return list(dagster.get_runs())


def status_of(settings: Settings, run_id: str) -> dg.DagsterRunStatus:
    return {run.run_id: run.status for run in runs_of(settings)}[run_id]


def unfinished_or_busy(settings: Settings) -> bool:
    """Whether dates are noted as begun, or the warehouse is being written, which says as much."""
    try:
        return bool(unfinished(settings))
    except duckdb.IOException:
        return True
