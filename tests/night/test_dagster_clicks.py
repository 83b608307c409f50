"""Dagster by clicking, in a real browser: everything, a group, one asset, a backfill; and what else
starts runs there: GraphQL, the schedule's tick, the sensor.

One company, and the tests in their order."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster._core.scheduler.instigation import ScheduleInstigatorData
from dagster_browser import a_browser, ask, program, serving
from processes import processes_of

from orchestration.base.settings import Settings
from orchestration.instance.dagster_instance import instance
from orchestration.sample_data import write_sample
from orchestration.warehouse.unfinished import half_calculated, unfinished

TODAY = datetime.now(UTC).date()
RUN_SECONDS = 600
GROUP = "/locations/orchestration.definitions/asset-groups/{}/lineage"
REPOSITORY = {
    "repositoryLocationName": "orchestration.definitions",
    "repositoryName": "__repository__",
}
RUNS = """
    query { runsOrError { ... on Runs { results {
        runId jobName status assetSelection { path } tags { key value }
    } } } }
"""
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}


def day(number: int) -> date:
    """So many days ago."""
    return TODAY - timedelta(days=number)


@dataclass
class Company:
    """A company, its Dagster, and a browser that looks at it."""

    settings: Settings
    folder: Path
    address: str = ""
    browser: Any = None
    close: Callable[[], None] = lambda: None
    seen: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.settings.environment,
            "HEALTH_DOCS_DIR": str(self.folder / "docs"),
            "HEALTH_FOLLOW_MINUTES": "0",
            "DBT_TARGET_PATH": str(self.folder / "target"),
        }

    def materialize(self, path: str, button: str, dates: str = "") -> dict[str, Any]:
        """Click the button on the page, choose dates where they are asked for; the run of it."""
        page = self.browser.new_page(viewport={"width": 1600, "height": 1000})
        try:
            page.goto(self.address + path)
            offered = page.get_by_role("button", name=button).first
            offered.wait_for(timeout=120_000)
            page.wait_for_timeout(2000)  # until the page knows what is to be materialized
            offered.click(timeout=120_000)
            if dates:
                dialog = page.get_by_role("dialog")
                chosen = dialog.get_by_role("textbox").first
                chosen.wait_for(timeout=120_000)
                chosen.fill(dates)
                chosen.press("Enter")
                dialog.get_by_role("button", name="Launch").last.click(timeout=120_000)
            return self.next_run()
        finally:
            page.close()

    def runs(self) -> list[dict[str, Any]]:
        return ask(self.address, RUNS)["runsOrError"]["results"]

    def launch(self, job: str, health_date: date) -> str:
        """Launch the job by GraphQL; the id of the run."""
        launched = ask(
            self.address,
            """
            mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
                __typename ... on LaunchRunSuccess { run { runId } }
            } }
            """,
            params={
                "selector": {**REPOSITORY, "jobName": job},
                "executionMetadata": {
                    "tags": [{"key": "dagster/partition", "value": str(health_date)}]
                },
            },
        )["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def next_run(self) -> dict[str, Any]:
        """The run that was started since the last one, when it has ended."""
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            new = [run for run in self.runs() if run["runId"] not in self.seen]
            if new and all(run["status"] in FINISHED for run in new):
                assert len(new) == 1, new
                self.seen.add(new[0]["runId"])
                return {
                    **new[0],
                    "tags": {tag["key"]: tag["value"] for tag in new[0]["tags"]},
                }
            time.sleep(0.5)
        pytest.fail(f"no run has ended: {self.runs()}")

    def failure_of(self, run: dict[str, Any]) -> str:
        with instance(self.settings) as dagster:
            return " ".join(
                entry.dagster_event.step_failure_data.user_failure_data.description
                for entry in dagster.all_logs(
                    run["runId"], of_type=dg.DagsterEventType.STEP_FAILURE
                )
            )

    def published_dates(self) -> list[date]:
        with duckdb.connect(str(self.settings.published_file), read_only=True) as connection:
            rows = connection.execute(
                "select distinct health_date from health.account_health_history order by all"
            ).fetchall()
        return [health_date for (health_date,) in rows]

    def rows(self, table: str, health_date: date) -> int:
        """Rows of the warehouse."""
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            [(rows,)] = connection.execute(
                f"select count(*) from health.{table} where health_date = ?", [health_date]
            ).fetchall()
        return rows


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("clicks")
    write_sample(folder / "raw", accounts=8, days=20, end_date=TODAY)
    return Company(Settings(folder / "raw", folder / "warehouse.duckdb"), folder)


@pytest.fixture(scope="module")
def dagster(company: Company) -> Iterator[Company]:
    """The company, with `health ui` open, and its daemon at work."""
    with ExitStack() as opened:
        company.browser = opened.enter_context(a_browser())
        ui = serving(company.folder, company.environment, "ui")
        company.address = opened.enter_context(ui)
        company.close = opened.close
        yield company


def test_materialize_all_is_a_whole_run(dagster: Company) -> None:
    run = dagster.materialize("/asset-groups", "Materialize all", f"[{TODAY}...{TODAY}]")
    assert run["status"] == "SUCCESS"
    assert run["tags"]["dagster/partition"] == str(TODAY)
    assert dagster.published_dates() == [TODAY]
    assert unfinished(dagster.settings) == []
    with instance(dagster.settings) as found:
        answers = found.all_logs(run["runId"], of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    tables = {
        entry.dagster_event.asset_check_evaluation_data.asset_key.path[0] for entry in answers
    }
    assert {"raw", "health"} <= tables, "checks of raw tables too, which nobody can choose here"


def test_a_backfill_of_two_dates_is_one_run(dagster: Company) -> None:
    run = dagster.materialize("/asset-groups", "Materialize all", f"[{day(3)}...{day(2)}]")
    assert run["status"] == "SUCCESS"
    assert run["tags"]["dagster/asset_partition_range_start"] == str(day(3))
    assert run["tags"]["dagster/asset_partition_range_end"] == str(day(2))
    assert dagster.published_dates() == [day(3), day(2), TODAY]
    assert unfinished(dagster.settings) == []


@pytest.mark.parametrize("group", ["configuration", "checks", "published"])
def test_a_group_is_a_run_that_finishes_nothing(dagster: Company, group: str) -> None:
    run = dagster.materialize(GROUP.format(group), "Materialize all")
    assert run["status"] == "SUCCESS"
    assert dagster.published_dates() == [day(3), day(2), TODAY]
    assert unfinished(dagster.settings) == []


def test_all_of_history_is_calculated_and_neither_begun_nor_finished(dagster: Company) -> None:
    run = dagster.materialize(GROUP.format("health"), "Materialize all", f"[{day(6)}...{day(6)}]")
    assert run["status"] == "SUCCESS"
    assert dagster.rows("account_health_history", day(6)) > 0
    assert unfinished(dagster.settings) == []
    assert day(6) not in dagster.published_dates()


def test_one_asset_is_of_its_date_and_waits_for_the_rest(dagster: Company) -> None:
    page = "/assets/health/account_health_history"
    run = dagster.materialize(page, "Materialize", f"[{day(5)}...{day(5)}]")
    assert run["status"] == "SUCCESS"
    assert len(run["assetSelection"]) == 1
    assert dagster.rows("account_health_history", day(5)) > 0
    assert dagster.rows("health_changes", day(5)) == 0, "which rests on it, and was not chosen"
    assert dagster.rows("health_explanations", day(5)) == 0
    assert half_calculated(dagster.settings) == [(day(5), day(5))]

    published = dagster.settings.published_file.resolve()
    run = dagster.materialize("/assets/published/alerts", "Materialize")
    assert run["status"] == "FAILURE"
    assert f"Of {day(5)} only some tables are calculated" in dagster.failure_of(run)
    assert dagster.settings.published_file.resolve() == published

    dagster.launch("health", day(5))
    assert dagster.next_run()["status"] == "SUCCESS"
    assert unfinished(dagster.settings) == []
    assert day(5) in dagster.published_dates()


def test_a_check_is_executed_alone(dagster: Company) -> None:
    run = dagster.materialize("/assets/raw/accounts?view=checks", "Execute")
    assert run["status"] == "SUCCESS"


def test_a_run_that_is_terminated_stops_at_once_and_is_not_tried_again(dagster: Company) -> None:
    run_id = dagster.launch("health", day(4))
    deadline = time.monotonic() + RUN_SECONDS
    while not processes_of(dagster.settings.warehouse, "health-dbt"):
        assert time.monotonic() < deadline, "dbt does not start"
        time.sleep(0.2)
    terminate = "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"
    ask(dagster.address, terminate, id=run_id)
    before = time.monotonic()
    assert dagster.next_run()["status"] == "CANCELED"
    assert time.monotonic() - before < 20
    assert not processes_of(dagster.settings.warehouse, "health-dbt")
    assert unfinished(dagster.settings) == [(day(4), day(4))]
    with instance(dagster.settings) as found:
        again = found.all_logs(run_id, of_type=dg.DagsterEventType.STEP_UP_FOR_RETRY)
    assert not again


def test_the_sensor_follows_new_raw_files(dagster: Company) -> None:
    ask(
        dagster.address,
        "mutation ($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename } }",
        s={**REPOSITORY, "sensorName": "new_raw_files"},
    )
    deadline = time.monotonic() + 180
    state = "query ($s: SensorSelector!) { sensorOrError(sensorSelector: $s) {"
    state += " ... on Sensor { sensorState { typeSpecificData { ... on SensorData {"
    state += " lastCursor } } } } } }"
    while not ask(dagster.address, state, s={**REPOSITORY, "sensorName": "new_raw_files"})[
        "sensorOrError"
    ]["sensorState"]["typeSpecificData"]["lastCursor"]:
        assert time.monotonic() < deadline, "the sensor is not asked"
        time.sleep(1)
    os.utime(dagster.settings.raw / "accounts.parquet")
    run = dagster.next_run()
    assert run["tags"]["dagster/sensor_name"] == "new_raw_files"
    assert run["status"] == "SUCCESS"


def test_the_tick_of_the_schedule_through_the_daemon_alone(dagster: Company) -> None:
    """As if the daemon had been at work at midnight, and was begun again since."""
    company = dagster
    company.close()  # its own daemon keeps another one out
    midnight = datetime.combine(TODAY, time_of_day(), UTC).timestamp()
    with instance(company.settings) as found:
        [state] = [
            state for state in found.all_instigator_state() if state.instigator_name == "nightly"
        ]
        found.update_instigator_state(
            state.with_data(ScheduleInstigatorData("0 0 * * *", start_timestamp=midnight - 60))
        )
        before = {run.run_id for run in found.get_runs()}
    with (
        program(company.folder, company.environment, "dagster", "dagster-daemon", "run"),
        instance(company.settings) as found,
    ):
        deadline = time.monotonic() + RUN_SECONDS
        while True:
            runs = [run for run in found.get_runs() if run.run_id not in before]
            if runs and all(run.is_finished for run in runs):
                break
            assert time.monotonic() < deadline, runs
            time.sleep(1)
    [run] = runs
    assert run.tags["dagster/schedule_name"] == "nightly"
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert set(company.published_dates()) >= {day(number) for number in range(6)}
