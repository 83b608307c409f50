"""A clock that was ahead and is right again: nothing waits for the time it showed, and no night, no
event and no alert is left out because of it."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import dagster as dg
import duckdb
import pytest
from alerting_nights import night
from click.testing import CliRunner, Result
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from nights import END, Night, a_night
from pipeline import Warehouse
from receiver import Receiver, receiving
from rich.console import Console
from small_warehouse import calculate, make, query, raise_alerts

from orchestration.base import clock
from orchestration.base.cache import write_cached
from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.console import summary
from orchestration.console.in_process import cause_of
from orchestration.dbt_runner import manifest
from orchestration.definitions import build
from orchestration.instance.dagster_instance import instance
from orchestration.notify.alerts import Delivery
from orchestration.runs.abandoned_runs import end_abandoned_runs
from orchestration.runs.dagster_clock import forget_times_to_come
from orchestration.runs.partitions import dates_in_words, range_of, tags_of
from orchestration.runs.sensors import abandoned_runs, failed_run_text, new_raw_files
from orchestration.sample_data import write_sample
from orchestration.stewardship.forget import removed_after
from orchestration.warehouse import health_dates
from orchestration.warehouse.run_lock import AnotherRun, write_lock
from orchestration.warehouse.unfinished import begin, unfinished

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
SetClock = Callable[[datetime], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    def set_to(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    set_to(NOW)
    return set_to


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A warehouse whose history ends today."""
    found = make(tmp_path)
    found.raw.mkdir()
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    manifest.manifest(a_night().settings, log=lambda text: None)
    return build(a_night().settings)


# Health dates


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (tags_of(date(2999, 1, 1), date(2999, 1, 1)), "2999-01-01 has not begun"),
        (tags_of(END, date(2999, 1, 1)), "2999-01-01 has not begun"),
    ],
)
def test_a_run_of_dagster_for_a_date_to_come_is_refused(
    tags: dict[str, str],
    message: str,
    definitions: dg.Definitions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As GraphQL launches it, which takes any tags; before anything is written."""
    night = Night(Settings(a_night().settings.raw, tmp_path / "warehouse.duckdb"))
    for name, value in night.environment.items():
        monkeypatch.setenv(name, value)
    with instance(night.settings) as dagster:
        job = definitions.resolve_job_def("health")
        with pytest.raises(dg.DagsterResourceFunctionError) as refusal:
            job.execute_in_process(instance=dagster, tags=tags)
        assert message in cause_of(refusal.value)
        [run] = dagster.get_runs()
        assert run.status is dg.DagsterRunStatus.FAILURE
        assert failed_run_text(run, "").startswith("The health run of ")
    assert not night.settings.warehouse.exists()


def test_a_wrong_date_is_told_as_it_was_written() -> None:
    assert dates_in_words({"dagster/partition": "tomorrow"}) == "tomorrow"
    with pytest.raises(click.UsageError, match="write it as 2026-11-22"):
        range_of({"dagster/partition": "tomorrow"})


def test_no_partition_of_dagster_is_yet_to_come() -> None:
    keys = health_dates_of_dagster()
    assert keys[-1] == str(clock.today())


def health_dates_of_dagster() -> list[str]:
    from orchestration.runs.partitions import HEALTH_DATES

    return list(HEALTH_DATES.get_partition_keys())


def test_what_was_missed_too_long_ago_is_put_together_in_ranges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEALTH_CATCH_UP_DAYS", "5")
    calculated = [TODAY - DAY * back for back in (20, 16, 15, 13, 12, 11, 9, 0)]
    missed = health_dates.missed_for_good(calculated, TODAY)
    ranges = [(19, 17), (14, 14), (10, 10), (8, 6)]
    assert missed == [(TODAY - first * DAY, TODAY - last * DAY) for first, last in ranges]
    assert health_dates.missed_in_words(missed) == (
        "8 nights before the 5 days of HEALTH_CATCH_UP_DAYS were missed: 2026-11-03 to 2026-11-05,"
        " 2026-11-08, 2026-11-12 .... To complete them: `health run --start 2026-11-03 --end"
        " 2026-11-05`; `health run --date 2026-11-08`; `health run --date 2026-11-12`; and so on"
        " for 1 more."
    )
    assert health_dates.missed_for_good([], TODAY) == []
    assert health_dates.missed_for_good([TODAY], TODAY) == []
    monkeypatch.setenv("HEALTH_CATCH_UP_DAYS", "0")  # who runs when they choose misses nothing
    assert health_dates.missed_for_good(calculated, TODAY) == []


# What is noted from run to run


def test_the_sensor_does_not_wait_for_a_time_that_a_wrong_clock_showed(
    settings: Settings, set_clock: SetClock
) -> None:
    with dg.DagsterInstance.ephemeral() as dagster:
        context = dg.build_sensor_context(instance=dagster)
        set_clock(NOW + 365 * DAY)
        new_raw_files(context)
        (settings.raw / "accounts.csv").write_text("account_id\n")
        assert isinstance(new_raw_files(context), dg.RunRequest)
        set_clock(NOW)
        (settings.raw / "users.csv").write_text("user_id\n")
        assert isinstance(new_raw_files(context), dg.RunRequest)


def started(
    definitions: dg.Definitions, dagster: dg.DagsterInstance, at: datetime
) -> dg.DagsterRun:
    """A run in progress whose process is gone."""
    from dagster._core.events import DagsterEvent

    run = dagster.create_run_for_job(definitions.resolve_job_def("health"), tags=tags_of(END, END))
    dagster.handle_new_event(
        dg.EventLogEntry(
            error_info=None,
            level="debug",
            user_message="",
            run_id=run.run_id,
            timestamp=at.timestamp(),
            job_name=run.job_name,
            dagster_event=DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name),
        )
    )
    return run


def test_a_run_that_began_on_a_clock_ahead_is_abandoned_like_others(
    definitions: dg.Definitions, settings: Settings, set_clock: SetClock
) -> None:
    with dg.DagsterInstance.ephemeral() as dagster:
        run = started(definitions, dagster, NOW + 30 * DAY)
        started(definitions, dagster, NOW - timedelta(minutes=1))
        assert end_abandoned_runs(settings, dagster) == [run.run_id]


def test_the_sensor_ends_what_has_no_process_at_two_looks(
    definitions: dg.Definitions, settings: Settings, set_clock: SetClock
) -> None:
    """However short ago it began: a run that begins or ends just now is not seen so twice."""
    with dg.DagsterInstance.ephemeral() as dagster:
        run = started(definitions, dagster, NOW)
        context = dg.build_sensor_context(instance=dagster)
        with write_lock(settings):
            abandoned_runs(context)
            abandoned_runs(context)
        assert abandoned_runs(context).skip_message == "No run is abandoned."
        assert abandoned_runs(context).skip_message == f"Ended: {run.run_id}."
        found = dagster.get_run_by_id(run.run_id)
        assert found and found.status is dg.DagsterRunStatus.FAILURE


def test_the_manifest_is_rebuilt_whatever_the_clock_was_when_it_was_made(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    for name in manifest.SOURCES:
        (project / name).mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml", "models/a.sql"):
        (project / name).touch()
    monkeypatch.setattr(manifest, "DBT_PROJECT", project)
    monkeypatch.setattr(manifest, "ROOT", project)
    file = tmp_path / manifest.FILE
    write_cached(file, {"nodes": {}})
    (tmp_path / manifest.READ).write_text(manifest.files_print())
    ahead = (NOW + 365 * DAY).timestamp()
    os.utime(file, (ahead, ahead))
    assert manifest.up_to_date(file, settings) == {"nodes": {}}
    (project / "models" / "a.sql").write_text("select 2")
    assert manifest.up_to_date(file, settings) is None


HOLD = """
import fcntl, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def test_a_note_that_names_a_process_of_another_program_holds_up_nobody(
    settings: Settings,
) -> None:
    """The run that left it was killed, and the system has given its number to this process."""
    settings.state.mkdir(exist_ok=True)
    note = settings.state / "run.json"
    left = {"process": os.getpid(), "command": "health run", "since": "2026-11-22T00:00:00+00:00"}
    note.write_text(json.dumps(left))
    with write_lock(settings):
        assert json.loads(note.read_text())["command"] != "health run"
    # Nor is it accused, while another run has the lock and has not written its own note yet.
    note.write_text(json.dumps(left))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.state / "run.lock")], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout and holder.stdout.readline()
        with pytest.raises(AnotherRun, match="has just begun"), write_lock(settings):
            pytest.fail("two runs at a time")
    finally:
        holder.kill()
        holder.wait()


# Alerts


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("HEALTH_ALERT_DESTINATION", receiver.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield receiver


def test_alerts_of_nights_that_a_wrong_clock_announced_are_news_when_they_come(
    settings: Settings, set_clock: SetClock, receiver: Receiver
) -> None:
    set_clock(NOW - DAY)
    night(settings, TODAY - DAY, accounts=("a1",))
    set_clock(NOW + 20 * DAY)
    ahead = night(settings, TODAY, TODAY + 20 * DAY, accounts=("a1",))
    assert ahead == Delivery(sent=1, suppressed=1)  # that of today is too old to that clock
    set_clock(NOW)
    assert night(settings, TODAY, accounts=("a1",)) == Delivery(sent=1)
    set_clock(NOW + DAY)
    assert night(settings, TODAY + DAY, accounts=("a1",)) == Delivery(sent=1)
    assert len({key for key, _ in receiver.requests}) == len(receiver.requests) == 4
    # What was sent of a date to come is not sent again when it has come.
    set_clock(NOW + 20 * DAY)
    assert night(settings, TODAY + 20 * DAY, accounts=("a1", "a2")) == Delivery(sent=1)


# Health dates that have not begun


def test_dates_to_come_are_named_and_forgotten_by_a_command(
    settings: Settings, set_clock: SetClock
) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("create table health.source_status (health_date date)")
        connection.execute(
            "insert into health.source_status"
            " select distinct health_date from health.account_health_history"
        )
        connection.execute(
            "insert into health.source_status values (?), (?)", [TODAY + DAY, TODAY + 2 * DAY]
        )
    calculate(settings, TODAY + DAY)
    calculate(settings, TODAY + 2 * DAY)
    raise_alerts(settings, TODAY + DAY, "a1")
    begin(settings, TODAY - DAY, TODAY + 2 * DAY)
    begin(settings, TODAY + 2 * DAY, TODAY + 2 * DAY)
    ranges = health_dates.yet_to_come({TODAY, TODAY + DAY, TODAY + 2 * DAY})
    assert health_dates.to_come_in_words(ranges) == (
        "2026-11-23 to 2026-11-24 have not begun (today is 2026-11-22, UTC): the clock was ahead,"
        " or is behind now. If it is right now: `health forget --after 2026-11-22`, then"
        " `health run`."
    )

    def forget(after: date) -> Result:
        return CliRunner().invoke(main, ["forget", "--after", str(after)])

    assert forget(TODAY - DAY).exit_code == 2, "a history that has happened cannot be removed"
    result = forget(TODAY)
    assert result.exit_code == 0, result.output
    assert "Removed 2026-11-23 to 2026-11-24." in result.output
    for table in ("account_health_history", "pillar_health_history", "source_status"):
        [(latest,)] = query(settings.warehouse, f"select max(health_date) from health.{table}")
        assert latest == TODAY
    assert query(settings.warehouse, "from health.health_alerts") == []
    # Also calculated again is the date that is the latest now.
    assert unfinished(settings) == [(TODAY - DAY, TODAY)]
    assert "There is no health date after" in forget(TODAY).output


# Dagster's own notes


def test_the_schedule_and_the_sensors_go_on_after_a_clock_that_was_ahead(
    definitions: dg.Definitions, settings: Settings, set_clock: SetClock
) -> None:
    ahead = (NOW + 400 * DAY).timestamp()
    with instance(settings) as dagster:
        states = [
            state_of(dagster, "nightly", ScheduleInstigatorData("0 0 * * *", ahead, ahead)),
            state_of(dagster, "new_raw_files", SensorInstigatorData(ahead, None, 60, None, ahead)),
            state_of(dagster, "abandoned_runs", SensorInstigatorData(NOW.timestamp() - 60)),
        ]
        for state, at in zip(states, (ahead, ahead, NOW.timestamp() - 60), strict=True):
            dagster.create_tick(
                TickData(
                    state.instigator_origin_id,
                    state.instigator_name,
                    state.instigator_type,
                    TickStatus.SUCCESS,
                    at,
                    run_ids=[],
                    run_keys=[],
                    selector_id=state.selector_id,
                )
            )
        run = dagster.create_run_for_job(
            definitions.resolve_job_def("health"),
            tags={"dagster/run_key": "2027-01-01", "dagster/schedule_name": "nightly"},
        )
        assert forget_times_to_come(dagster) == ["new_raw_files", "nightly"]
        assert forget_times_to_come(dagster) == []
        left = [
            dagster.get_ticks(state.instigator_origin_id, state.selector_id) for state in states
        ]
        assert [len(ticks) for ticks in left] == [0, 0, 1]
        found = dagster.get_run_by_id(run.run_id)
        assert found and found.tags["dagster/run_key"] == "2027-01-01 before it came"


def state_of(dagster: dg.DagsterInstance, name: str, data: object) -> InstigatorState:
    from dagster._core.remote_origin import (
        RegisteredCodeLocationOrigin,
        RemoteInstigatorOrigin,
        RemoteRepositoryOrigin,
    )

    origin = RemoteInstigatorOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("orchestration"), "__repository__"),
        name,
    )
    is_schedule = isinstance(data, ScheduleInstigatorData)
    state = InstigatorState(
        origin,
        InstigatorType.SCHEDULE if is_schedule else InstigatorType.SENSOR,
        InstigatorStatus.RUNNING,
        data,  # type: ignore[arg-type]
    )
    return dagster.add_instigator_state(state)


# All of it, by dbt


def test_a_history_is_as_it_was_once_dates_to_come_are_forgotten(tmp_path: Path) -> None:
    write_sample(tmp_path / "raw", accounts=15, days=40, end_date=END)
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", tmp_path / "raw")
    warehouse.calculate(END - 2 * DAY, END - DAY)
    (tmp_path / "undisturbed").mkdir()
    undisturbed = Warehouse(tmp_path / "undisturbed" / "warehouse.duckdb", warehouse.raw)
    shutil.copyfile(warehouse.path, undisturbed.path)
    warehouse.calculate(END, END + 2 * DAY)
    removed, latest = removed_after(warehouse.settings, END - DAY)
    assert removed == [END, END + DAY, END + 2 * DAY]
    assert latest == END - DAY
    for each in (warehouse, undisturbed):
        each.calculate(END - DAY)
        each.calculate(END)
    tables = warehouse.query(
        "select table_name from duckdb_tables() where schema_name = 'health' order by all"
    )
    assert len(tables) > 20
    names = [name for (name,) in tables]
    contents, expected = warehouse.contents(*names), undisturbed.contents(*names)
    assert [name for name in names if contents[name] != expected[name]] == []


def test_the_summary_names_what_was_missed_and_what_is_to_come(set_clock: SetClock) -> None:
    printed = io.StringIO()
    with duckdb.connect() as connection:
        connection.execute("create schema health")
        connection.execute("create table health.source_status (health_date date)")
        connection.executemany(
            "insert into health.source_status values (?)",
            [[TODAY - 40 * DAY], [TODAY - 35 * DAY], [TODAY], [TODAY + DAY]],
        )
        summary.print_dates_amiss(connection, Console(file=printed, width=500), TODAY)
    missed, to_come = printed.getvalue().splitlines()
    assert missed.startswith("7 nights before the 31 days of HEALTH_CATCH_UP_DAYS were missed:")
    assert "`health run --start 2026-10-14 --end 2026-10-17`" in missed
    assert to_come.startswith("2026-11-23 has not begun")
