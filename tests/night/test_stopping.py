"""Ctrl-C, SIGTERM and a lost terminal, sent to real runs while they load, calculate, publish and
send: they end at once with a line, and the next run completes what they left."""

import http.server
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from processes import processes_of
from turning_poor import write_turning_poor

from orchestration.base.settings import Settings
from orchestration.instance.dagster_instance import instance
from orchestration.warehouse.unfinished import unfinished

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
HEALTH = Path(sys.executable).with_name("health")
START_SECONDS = 600
EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sample data in which accounts turn poor today, which is an alert each."""
    raw = tmp_path_factory.mktemp("stopping") / "raw"
    write_turning_poor(raw, accounts=8, days=20)
    return raw


class Run:
    """A run in a process of its own."""

    def __init__(self, settings: Settings, destination: str = "log", day: date = TODAY) -> None:
        self.settings = settings
        folder = settings.warehouse.parent
        self.output = folder / "output.txt"
        self.process = subprocess.Popen(
            [HEALTH, "run", "--date", str(day)],
            cwd=folder,
            env={
                **{name: text for name, text in os.environ.items() if "HEALTH_" not in name},
                **settings.environment,
                "HEALTH_ALERT_DESTINATION": destination,
                "NO_PROXY": "127.0.0.1",
                "DBT_TARGET_PATH": str(settings.raw.parent / "target"),
            },
            stdout=self.output.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.02)

    def is_calculating(self) -> bool:
        """Whether dbt has begun to write."""
        return bool(self.children_named("health-dbt")) and self.settings.warehouse.exists()

    def hears(self, number: int) -> bool:
        """Whether Python has started and handles the signal."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [caught] = re.findall(r"SigCgt:\s*([0-9a-f]+)", status)
        return bool(int(caught, 16) >> (number - 1) & 1)

    def children_named(self, name: str) -> list[int]:
        return processes_of(self.settings.warehouse, name)

    def stop(self, number: int, whole_group: bool = True) -> tuple[int, list[str]]:
        """Send the signal; the exit code, and the lines that are about the end."""
        before = time.monotonic()
        if whole_group:  # as a terminal does
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        exit_code = self.process.wait(30)
        assert time.monotonic() - before < 8
        lines = self.output.read_text().splitlines()
        bars = re.compile("[━╸╺]")
        return exit_code, [line for line in lines if line.strip() and not bars.search(line)]


@contextmanager
def slow_receiver() -> Iterator[tuple[str, threading.Event]]:
    """A receiver of alerts that answers none; its address, and whether one has come."""
    has_come, may_end = threading.Event(), threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            has_come.set()
            may_end.wait(60)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/alerts", has_come
    finally:
        may_end.set()
        server.shutdown()


def check_stopped(run: Run, number: int, whole_group: bool = True) -> None:
    exit_code, lines = run.stop(number, whole_group)
    assert exit_code == EXIT_CODES[number], lines
    # What was told before stays; the end is one line.
    assert lines[-1].startswith("Stopped"), lines
    assert not [line for line in lines[:-1] if re.search("Stopped|Error|Traceback|dbt", line)]
    deadline = time.monotonic() + 3
    while run.children_named("health-dbt"):
        assert time.monotonic() < deadline, "dbt goes on"
        time.sleep(0.05)


def runs_of(settings: Settings) -> list[dg.DagsterRunStatus]:
    with instance(settings) as dagster:
        return [run.status for run in dagster.get_runs()]


@pytest.mark.parametrize("number", EXIT_CODES)
def test_a_run_that_loads_is_stopped(number: int, raw: Path, tmp_path: Path) -> None:
    for seconds in (0.5, 2):
        run = Run(Settings(raw, tmp_path / "warehouse.duckdb"))
        run.until(lambda run=run: run.hears(number))
        time.sleep(seconds)
        check_stopped(run, number)


@pytest.mark.parametrize("number", EXIT_CODES)
def test_a_run_that_calculates_is_stopped(number: int, raw: Path, tmp_path: Path) -> None:
    settings = Settings(raw, tmp_path / "warehouse.duckdb")
    run = Run(settings)
    run.until(run.is_calculating)
    # A terminal's signals go to dbt as well, those of a person to the run alone.
    check_stopped(run, number, whole_group=number != signal.SIGTERM)
    assert not settings.published_file.exists()
    assert unfinished(settings) == [(TODAY, TODAY)]
    assert runs_of(settings) == [dg.DagsterRunStatus.CANCELED]


def test_a_run_that_publishes_or_sends_is_stopped(raw: Path, tmp_path: Path) -> None:
    """Before the swap nothing is published; after it, alerts wait for the next run."""
    settings = Settings(raw, tmp_path / "warehouse.duckdb")
    generations = settings.published / ".generations"
    run = Run(settings, day=YESTERDAY)
    assert run.process.wait(START_SECONDS) == 0, run.output.read_text()
    before = (generations / "current").resolve()

    run = Run(settings)
    run.until(lambda: list(generations.glob("*.unfinished")))
    check_stopped(run, signal.SIGINT)
    assert (generations / "current").resolve() == before

    with slow_receiver() as (address, has_come):
        run = Run(settings, address)
        run.until(has_come.is_set)
        check_stopped(run, signal.SIGTERM)
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        statuses = "select distinct status from health.health_alerts where health_date = ?"
        assert connection.execute(statuses, [TODAY]).fetchall() == [("pending",)]
    assert unfinished(settings) == [(TODAY, TODAY)]

    run = Run(settings)
    assert run.process.wait(START_SECONDS) == 0, run.output.read_text()
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        assert connection.execute(statuses, [TODAY]).fetchall() == [("sent",)]
    assert unfinished(settings) == []


def test_a_run_outlives_its_terminal_where_it_was_told_to(raw: Path, tmp_path: Path) -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        run = Run(Settings(raw, tmp_path / "warehouse.duckdb"))
    finally:
        signal.signal(signal.SIGHUP, previous)
    time.sleep(2)
    run.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert run.process.poll() is None
    check_stopped(run, signal.SIGTERM)


def test_a_signal_that_another_thread_receives_ends_the_command() -> None:
    """The system prefers the main thread, but not always."""
    code = """
import signal, sys, threading, time
from orchestration.base.stopping import stoppable

def command():
    time.sleep(1)  # the main thread waits by then
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)

sys.exit(stoppable(command))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 143


def test_a_scratch_folder_is_removed(tmp_path: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from orchestration.base.stopping import scratch_folder, stoppable

def command():
    with scratch_folder("health-test-", Path({str(tmp_path)!r})) as folder:
        print(folder, flush=True)
        time.sleep(60)

sys.exit(stoppable(command))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    folder = Path(process.stdout.readline().strip())
    assert folder.is_dir()
    assert folder.parent == tmp_path
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert not folder.exists()
