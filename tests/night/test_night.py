"""The night: what Dagster knows, a run of the job on a small sample, and what stops publishing."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import Result
from nights import END, START, Night, a_night, a_night_calculated
from pipeline import ROOT

from orchestration.base.settings import Settings
from orchestration.dbt_runner.manifest import manifest
from orchestration.definitions import build
from orchestration.instance.dagster_instance import instance
from orchestration.runs.abandoned_runs import end_abandoned_runs
from orchestration.runs.partitions import HEALTH_DATES, range_of, tags_of
from orchestration.runs.schedules import nightly
from orchestration.runs.selection import dbt_part
from orchestration.runs.sensors import failed_checks_text, failed_run_text, new_raw_files
from orchestration.warehouse import health_dates

pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning"),
]

HISTORY = dg.AssetKey(["health", "account_health_history"])


@pytest.fixture(scope="module")
def night() -> Night:
    return a_night()


@pytest.fixture(scope="module")
def definitions(night: Night) -> dg.Definitions:
    return build(night.settings)


@pytest.fixture(scope="module")
def thirty_dates() -> Result:
    return a_night_calculated()


@pytest.fixture
def dagster(night: Night, thirty_dates: Result) -> Iterator[dg.DagsterInstance]:
    assert thirty_dates.exit_code == 0, thirty_dates.output
    with instance(night.settings) as found:
        yield found


# What Dagster knows


def test_states_are_calculated_with_what_the_raw_checks_say(night: Night) -> None:
    project = manifest(night.settings)
    for model in ("pillar_health_history", "account_health_history", "health_changes"):
        part = dbt_part(project, [f"model.health.{model}"], [])
        assert part.reads_raw_checks, model
        assert {"int_evaluated_sources", "source_status"} <= set(part.names), model


def test_definitions_load(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_assets_are_grouped_by_layer(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    groups = {key: graph.get(key).group_name for key in graph.get_all_asset_keys()}
    expected = {
        "raw/accounts": "raw",
        "staging/stg_accounts": "staging",
        "intermediate/int_accounts_by_health_date": "intermediate",
        "pillars/service_measurements": "pillars",
        "signals/account_signals": "signals",
        "health/account_health_history": "health",
        "configuration/health_rules": "configuration",
        "checks/source_check_failures": "raw",
        "checks/check_results": "checks",
        "published/account_health": "published",
        "published/alerts": "published",
    }
    found = {key.to_user_string(): group for key, group in groups.items()}
    assert {key: found.get(key) for key in expected} == expected
    layers = {path.name for path in (ROOT / "dbt_project" / "models").iterdir()}
    assert layers <= set(found.values())
    assert len([key for key in found if key.startswith("raw/")]) == 14


def test_checks_judge_assets_that_there_are(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    keys = {spec.key for spec in definitions.resolve_all_asset_specs()}
    assert {key.asset_key for key in graph.asset_check_keys} <= keys


def test_every_dbt_node_is_an_asset_or_a_check(definitions: dg.Definitions) -> None:
    [dbt] = [
        each
        for each in definitions.assets or []
        if isinstance(each, dg.AssetsDefinition) and each.op.name == "dbt_build"
    ]
    nodes = next(iter(dbt.specs)).metadata["dagster_dbt/manifest"].manifest["nodes"].values()
    # An ephemeral model is part of those that use it.
    kinds = [
        node["resource_type"] for node in nodes if node["config"].get("materialized") != "ephemeral"
    ]
    assert len(dbt.keys) == kinds.count("model") + kinds.count("seed")
    assert len(list(dbt.check_specs)) == kinds.count("test") > 20


def test_history_has_a_partition_for_each_health_date(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert graph.get(HISTORY).partitions_def == HEALTH_DATES
    assert graph.get(dg.AssetKey(["health", "account_health"])).partitions_def is None
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    keys = HEALTH_DATES.get_partition_keys(current_time=midnight)
    assert keys[-1] == "2026-11-23", "the day that has just begun is its own health date"
    before = HEALTH_DATES.get_partition_keys(current_time=midnight - timedelta(seconds=1))
    assert before[-1] == "2026-11-22"


def test_a_backfill_from_the_jobs_page_is_a_single_run(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("health")
    assert job.partitions_def == HEALTH_DATES
    assert job.backfill_policy == dg.BackfillPolicy.single_run()


def test_the_schedule_is_at_midnight_and_on(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("nightly")
    assert schedule.cron_schedule == "0 0 * * *"
    assert schedule.execution_timezone == "Etc/GMT"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "health"


def test_sensors_are_on_but_for_near_real_time(definitions: dg.Definitions) -> None:
    status = {sensor.name: sensor.default_status.value for sensor in definitions.sensors or []}
    assert status == {
        "failed_runs": "RUNNING",
        "failed_checks": "RUNNING",
        "abandoned_runs": "RUNNING",
        "new_raw_files": "STOPPED",
    }


# A run


def test_the_console_shows_the_summary_and_no_logs(thirty_dates: Result) -> None:
    assert thirty_dates.exit_code == 0, thirty_dates.output
    assert f"Health on {END}" in thirty_dates.output
    for noise in ("DEBUG", "Traceback", "Warning", "STEP_"):
        assert noise not in thirty_dates.output


def test_a_backfill_of_30_dates_is_one_run(dagster: dg.DagsterInstance) -> None:
    [run] = dagster.get_runs()
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert range_of(run.tags) == (START, END)
    materialized = dagster.get_materialized_partitions(HISTORY)
    assert sorted(materialized) == [str(START + timedelta(days=day)) for day in range(30)]


def test_materializations_tell_rows_and_run_time(night: Night, dagster: dg.DagsterInstance) -> None:
    event = dagster.get_latest_materialization_event(HISTORY)
    assert event and event.asset_materialization
    metadata = event.asset_materialization.metadata
    [(rows,)] = night.published("select count(*) from health.account_health_history")
    assert metadata["dagster/row_count"].value == rows > 0
    assert metadata["Execution Duration"].value >= 0
    lineage = metadata["dagster/column_lineage"].value.deps_by_column
    assert any(lineage["overall_state"])


def test_raw_tables_are_observed(dagster: dg.DagsterInstance) -> None:
    [observation] = dagster.fetch_observations(dg.AssetKey(["raw", "accounts"]), limit=1).records
    metadata = observation.asset_observation.metadata
    assert metadata["status"].value == "ok"
    assert metadata["dagster/row_count"].value == 25
    assert metadata["dagster/last_updated_timestamp"].value > 0


def test_checks_tell_what_failed_and_where_to_read_it(dagster: dg.DagsterInstance) -> None:
    [run] = dagster.get_runs()
    answers = [
        entry.dagster_event.asset_check_evaluation_data
        for entry in dagster.all_logs(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        )
    ]
    ours = [answer for answer in answers if "documentation" in answer.metadata]
    assert {answer.asset_key.path[0] for answer in ours} == {"raw", "health"}
    assert len(answers) - len(ours) > 20, "and those of dbt"
    failed = [answer for answer in ours if not answer.passed]
    assert failed, "the sample is slightly dirty"
    for answer in failed:
        assert answer.metadata["failing rows"].value > 0
        assert answer.metadata["failing rows (latest)"].records
    page = failed[0].metadata["documentation"].value
    assert page.startswith("file://")
    file, _, place = page.removeprefix("file://").partition("#")
    assert f'id="{place}"' in Path(file).read_text()
    text = failed_checks_text(run, dagster)
    assert text and text.startswith(f"{len(failed)} checks failed")


def test_a_failed_blocking_check_leaves_the_published_file(
    night: Night, thirty_dates: Result, tmp_path: Path
) -> None:
    assert thirty_dates.exit_code == 0
    before = night.bytes_of_published_file()
    raw = tmp_path / "raw"
    shutil.copytree(night.settings.raw, raw)
    (raw / ".sample").unlink()
    with duckdb.connect() as connection:
        accounts = raw / "accounts.parquet"
        connection.execute(f"create table accounts as from '{accounts}' limit 5")
        connection.execute(f"copy accounts to '{accounts}' (format parquet)")
    broken = Night(
        Settings(raw, night.settings.warehouse, night.settings.published, night.settings.state)
    )
    docs = night.settings.warehouse.with_name("docs") / "index.html"
    documented_at = docs.stat().st_mtime_ns
    result = broken.run("--date", str(END))
    assert result.exit_code == 1
    assert "Not published" in result.output
    assert docs.stat().st_mtime_ns > documented_at
    assert "accounts_kept" in result.output
    assert "Traceback" not in result.output
    assert night.bytes_of_published_file() == before
    with instance(night.settings) as dagster:
        run = dagster.get_runs(limit=1)[0]
        assert run.status is dg.DagsterRunStatus.FAILURE
        assert "failed; readers keep what they have" in failed_run_text(run, "because")

    # The next run makes the date good, although it is asked for another.
    day_after = END + timedelta(days=1)
    result = night.run("--date", str(day_after))
    assert result.exit_code == 0, result.output
    [(accounts,)] = night.published(
        f"select count(*) from health.account_health_history where health_date = date '{END}'"
    )
    assert accounts > 5


# Missed nights


@pytest.fixture
def published(tmp_path: Path) -> Settings:
    """A history with a gap: nights 18 and 20 were missed."""
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    settings.published.mkdir()
    with duckdb.connect(str(settings.published_file)) as connection:
        connection.execute("create schema health")
        connection.execute("create table health.source_status (health_date date)")
        connection.execute(
            "insert into health.source_status"
            " select unnest([date '2026-11-16', '2026-11-17', '2026-11-19', '2026-11-21'])"
        )
    return settings


def test_missed_dates_are_those_nobody_published(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = health_dates.missed_dates(published, date(2026, 11, 23))
    assert missed == [date(2026, 11, day) for day in (18, 20, 22)]
    monkeypatch.setenv("HEALTH_CATCH_UP_DAYS", "2")
    assert health_dates.missed_dates(published, date(2026, 11, 23)) == [date(2026, 11, 22)]
    monkeypatch.setenv("HEALTH_CATCH_UP_DAYS", "0")
    assert health_dates.missed_dates(published, date(2026, 11, 23)) == []


def test_nothing_is_missed_before_the_first_run(tmp_path: Path) -> None:
    settings = Settings(tmp_path, tmp_path / "warehouse.duckdb")
    assert health_dates.missed_dates(settings, date(2026, 11, 23)) == []


def test_the_schedule_catches_up_in_the_same_run_and_says_so(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in published.environment.items():
        monkeypatch.setenv(name, value)
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    with dg.build_schedule_context(scheduled_execution_time=midnight) as context:
        request = nightly(context)
    assert range_of(request.tags) == (date(2026, 11, 18), date(2026, 11, 23))
    assert request.tags["health/caught_up"] == "2026-11-18, 2026-11-20, 2026-11-22"
    assert request.run_key == "2026-11-23"


def test_without_a_gap_the_schedule_asks_for_the_day_that_has_begun(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in published.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEALTH_CATCH_UP_DAYS", "1")
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    with dg.build_schedule_context(scheduled_execution_time=midnight) as context:
        request = nightly(context)
    assert request.partition_key is None
    assert range_of(request.tags) == (date(2026, 11, 22), date(2026, 11, 22))
    assert "health/caught_up" not in request.tags


def test_ranges_that_touch_are_put_together() -> None:
    day = [date(2026, 11, number) for number in range(1, 31)]
    ranges = [(day[10], day[12]), (day[1], day[1]), (day[13], day[13]), (day[11], day[11])]
    assert health_dates.put_together(ranges) == [(day[1], day[1]), (day[10], day[13])]


# Sensors


def test_new_raw_files_ask_for_today_with_a_minimum_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    settings.raw.mkdir()
    for name, value in settings.environment.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.ephemeral() as dagster:
        context = dg.build_sensor_context(instance=dagster)
        assert isinstance(new_raw_files(context), dg.SkipReason)
        assert isinstance(new_raw_files(context), dg.SkipReason), "nothing has changed"
        (settings.raw / "accounts.csv").write_text("account_id\n")
        request = new_raw_files(context)
        assert isinstance(request, dg.RunRequest)
        assert range_of(request.tags) == (health_dates.today(), health_dates.today())
        (settings.raw / "users.csv").write_text("user_id\n")
        answer = new_raw_files(context)
        assert isinstance(answer, dg.SkipReason)
        assert "too short a while ago" in (answer.skip_message or "")
        monkeypatch.setenv("HEALTH_FOLLOW_MINUTES", "0")
        assert isinstance(new_raw_files(context), dg.RunRequest)


def test_a_run_whose_process_is_gone_is_marked_as_failed(
    tmp_path: Path, definitions: dg.Definitions
) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    with dg.DagsterInstance.ephemeral() as dagster:
        job = definitions.resolve_job_def("health")
        run = dagster.create_run_for_job(job, tags=tags_of(END, END))
        dagster.handle_new_event(started(run, seconds_ago=3600))
        assert end_abandoned_runs(settings, dagster) == [run.run_id]
        found = dagster.get_run_by_id(run.run_id)
        assert found and found.status is dg.DagsterRunStatus.FAILURE


def started(run: dg.DagsterRun, seconds_ago: float) -> dg.EventLogEntry:
    from dagster._core.events import DagsterEvent

    return dg.EventLogEntry(
        error_info=None,
        level="debug",
        user_message="",
        run_id=run.run_id,
        timestamp=datetime.now(UTC).timestamp() - seconds_ago,
        job_name=run.job_name,
        dagster_event=DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name),
    )


# What cannot be


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--date", "2999-01-01"], "has not begun"),
        (["--date", "1999-01-01"], "first health date"),
        (["--start", "2026-11-22", "--end", "2026-11-20"], "before it starts"),
    ],
)
def test_impossible_dates_are_refused(night: Night, arguments: list[str], message: str) -> None:
    result = night.run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_dagster_state_is_ignored_by_git() -> None:
    assert os.system(f"git -C {ROOT} check-ignore -q data/state/dagster/runs.db") == 0
