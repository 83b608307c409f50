"""One writing run at a time, whatever becomes of the one before."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import click
import duckdb
import pytest
from small_warehouse import DAY, make

from orchestration.base.settings import Settings
from orchestration.warehouse.run_lock import AnotherRun, write_lock
from orchestration.warehouse.unfinished import begin, finish, unfinished

HOLD = """
import sys, time
from pathlib import Path
from orchestration.warehouse.run_lock import write_lock
from orchestration.base.settings import Settings

folder = Path(sys.argv[1])
with write_lock(Settings(folder / "raw", folder / "warehouse.duckdb")):
    print("held", flush=True)
    time.sleep(60)
"""
OPEN = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reader")
print("open", flush=True)
time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make(tmp_path)


def started(code: str, *arguments: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout and process.stdout.readline()
    return process


def stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def test_a_second_run_is_refused_with_the_name_of_the_first(settings: Settings) -> None:
    holder = started(HOLD, settings.warehouse.parent)
    try:
        with pytest.raises(AnotherRun) as refusal, write_lock(settings):
            pytest.fail("two runs at a time")
    finally:
        stop(holder)
    assert f"process {holder.pid} (`-c " in refusal.value.message
    assert ", since 20" in refusal.value.message
    assert isinstance(refusal.value, click.ClickException)


def test_a_second_run_in_the_same_process_is_refused(settings: Settings) -> None:
    with write_lock(settings), pytest.raises(AnotherRun, match="Another run"), write_lock(settings):
        pytest.fail("two runs at a time")


def test_the_lock_of_a_killed_run_is_free(settings: Settings) -> None:
    stop(started(HOLD, settings.warehouse.parent))
    assert json.loads((settings.state / "run.json").read_text())
    with write_lock(settings):
        note = json.loads((settings.state / "run.json").read_text())
        assert note["process"] == os.getpid()
    assert not (settings.state / "run.json").exists()


def test_a_run_that_may_wait_goes_on_when_the_other_is_done(settings: Settings) -> None:
    holder = started(HOLD, settings.warehouse.parent)
    threading.Timer(0.5, holder.kill).start()
    before = time.monotonic()
    with write_lock(settings, wait_seconds=30):
        assert time.monotonic() - before >= 0.3
    holder.wait()


@pytest.mark.parametrize("role", ["reader", "writer"])
def test_whoever_has_the_warehouse_open_is_named(settings: Settings, role: str) -> None:
    client = started(OPEN, settings.warehouse, role)
    try:
        name = f"Process {client.pid} "
        with pytest.raises(AnotherRun, match=name) as refusal, write_lock(settings):
            pytest.fail("the warehouse is open")
        assert "published file" in refusal.value.message
        threading.Timer(0.5, client.kill).start()
        with write_lock(settings, wait_seconds=30):
            pass
    finally:
        stop(client)


def test_the_lock_is_free_after_a_refusal_and_after_a_failure(settings: Settings) -> None:
    client = started(OPEN, settings.warehouse, "reader")
    with pytest.raises(AnotherRun), write_lock(settings):
        pytest.fail("the warehouse is open")
    stop(client)
    with pytest.raises(ValueError, match="of the run"), write_lock(settings):
        raise ValueError("of the run")
    with write_lock(settings):
        pass


def test_a_file_that_is_no_warehouse_is_named(settings: Settings) -> None:
    settings.warehouse.write_text("no database")
    with pytest.raises(AnotherRun, match="warehouse.duckdb cannot be opened"), write_lock(settings):
        pytest.fail("no warehouse")


# Dates that a run began and did not finish


def test_dates_are_unfinished_until_they_are_finished(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "folder" / "warehouse.duckdb")
    assert unfinished(settings) == []
    begin(settings, DAY, DAY)
    assert unfinished(settings) == [(DAY, DAY)]
    finish(settings, DAY, DAY)
    assert unfinished(settings) == []


def test_ranges_that_touch_are_put_together(settings: Settings) -> None:
    assert unfinished(settings) == []
    days = [DAY.replace(day=number) for number in range(1, 12)]
    for first, last in ((7, 8), (0, 1), (2, 4), (3, 3), (10, 10)):
        begin(settings, days[first], days[last])
    assert unfinished(settings) == [(days[0], days[4]), (days[7], days[8]), (days[10], days[10])]
    # A run finishes what lies within its dates, and nothing that it has not calculated.
    finish(settings, days[2], days[8])
    assert unfinished(settings) == [(days[0], days[1]), (days[10], days[10])]


def test_the_note_is_there_after_a_kill(settings: Settings) -> None:
    code = """
import os, signal, sys
from datetime import date
from pathlib import Path
from orchestration.base.settings import Settings
from orchestration.warehouse.unfinished import begin

folder = Path(sys.argv[1])
begin(Settings(folder / "raw", folder / "warehouse.duckdb"), date(2026, 11, 1), date(2026, 11, 2))
print("begun", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    started(code, settings.warehouse.parent).wait()
    assert unfinished(settings) == [(DAY.replace(day=1), DAY.replace(day=2))]


def test_what_is_written_opens_in_older_clients(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    begin(settings, DAY, DAY)
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        [(tags,)] = connection.execute(
            "select tags from duckdb_databases() where not internal"
        ).fetchall()
    assert tags["storage_version"].startswith("v1.4.0")
