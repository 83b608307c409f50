"""kill -9 at random points, then one run more: nothing lost, doubled or torn, no reader disturbed.

`make chaos` kills a hundred times; HEALTH_KILLS says how often.
"""

import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO

import duckdb
import pandas as pd
import pytest
from pipeline import ROOT
from receiver import Receiver, receiving

from orchestration.sample_data import write_sample
from orchestration.settings import Settings

KILLS = int(os.environ.get("HEALTH_KILLS", "6"))
TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
# What differs between two runs that do the same.
NOT_COMPARED = {"publication", "publication_partitions"}


@cache
def health_server() -> subprocess.Popen[str]:
    """The process that forks for each run; it ends with the tests, when its input does."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("health_server.py"))],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout and server.stdout.readline() == "ready\n"
    return server


@dataclass
class Run:
    """A run at work."""

    process: int
    answers: IO[str]

    def wait(self, seconds: float | None = None) -> int | None:
        """Its exit code; None when it is at work after so many seconds."""
        readable, _, _ = select.select([self.answers], [], [], seconds)
        return int(self.answers.readline()) if readable else None


@dataclass
class Company:
    """A warehouse with its published folder, and the receiver of its alerts."""

    folder: Path
    raw: Path
    receiver: Receiver

    @property
    def settings(self) -> Settings:
        return Settings(self.raw, self.folder / "warehouse.duckdb")

    def start(self, day: object = TODAY) -> "Run":
        """A run of one date."""
        server = health_server()
        request = {
            "arguments": ["run", "--date", str(day)],
            "environment": {
                **{name: text for name, text in os.environ.items() if "HEALTH_" not in name},
                **self.settings.environment,
                "HEALTH_ALERT_DESTINATION": self.receiver.url,
                "NO_PROXY": "127.0.0.1",
                "DBT_TARGET_PATH": str(self.raw.parent / "target"),
                "DBT_LOG_PATH": str(self.raw.parent / "logs"),
            },
            "output": str(self.folder / "output.txt"),
        }
        assert server.stdin and server.stdout
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        return Run(int(server.stdout.readline()), server.stdout)

    def run(self, day: object = TODAY) -> None:
        assert self.start(day).wait() == 0, (self.folder / "output.txt").read_text()

    def tables(self) -> dict[str, list[tuple]]:
        """All that is published, but for the time at which an alert was sent."""
        with duckdb.connect(str(self.settings.published_file), read_only=True) as connection:
            names = connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'health'"
            ).fetchall()
            return {
                name: connection.execute(
                    f"select * replace (sent_at is not null as sent_at) from health.{name}"
                    " order by all"
                    if name == "health_alerts"
                    else f"from health.{name} order by all"
                ).fetchall()
                for (name,) in names
                if name not in NOT_COMPARED
            }


@dataclass
class Reading:
    """The reader's process, and what it has seen."""

    process: subprocess.Popen[str]
    output: Path
    counted: list[int] = field(default_factory=lambda: [0, 0])

    def stop(self) -> None:
        """End it once it has seen what is published now."""
        # The read that is under way may have opened the publication before.
        enough = len(self.output.read_text().splitlines()) + 3
        while len(self.output.read_text().splitlines()) < enough:
            assert self.process.poll() is None, self.output.read_text()
            time.sleep(0.1)
        self.process.kill()
        self.process.wait()
        last = self.output.read_text().splitlines()[-2]  # the last may be half a line
        self.counted = [int(number) for number in last.split()]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sample data in which some accounts turn poor today."""
    raw = tmp_path_factory.mktemp("kill") / "raw"
    write_sample(raw, accounts=15, days=40, end_date=TODAY)
    overrides = pd.DataFrame(
        {
            "override_id": f"override_{number}",
            "account_id": f"acc_{number:05}",
            "pillar_id": "overall",
            "state": "poor" if number % 3 else "good",
            "reason": "told on the phone",
            "author": "kim",
            "created_at": f"{YESTERDAY}T09:00",
        }
        for number in range(1, 16)
    )
    overrides.to_parquet(raw / "health_overrides.parquet")
    return raw


@pytest.fixture
def company(raw: Path, tmp_path: Path) -> Iterator[Company]:
    with receiving() as receiver:
        (tmp_path / "company").mkdir()
        yield Company(tmp_path / "company", raw, receiver)


def descendants(process: int) -> list[int]:
    """The processes that a process started, and theirs."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = list(children.get(process, []))
    for child in found:
        found += children.get(child, [])
    return found


def kill(run: Run) -> str:
    """Kill the run, one of the processes that it started, or all at once; which it was."""
    others = descendants(run.process)
    how = random.choice(["run", "run", "all", "other"] if others else ["run"])
    if how == "other":
        send_kill(random.choice(others))
        time.sleep(random.uniform(0, 1))
    if how == "all":
        for process in others:
            send_kill(process)
    send_kill(run.process)
    run.wait()
    return how


def send_kill(process: int) -> None:
    with suppress(ProcessLookupError):  # it ended by itself
        os.kill(process, signal.SIGKILL)


def test_runs_that_are_killed_are_made_good_by_the_next(company: Company, raw: Path) -> None:
    company.run(YESTERDAY)
    company.receiver.requests.clear()
    company.receiver.accepted.clear()
    with receiving() as receiver:
        undisturbed = Company(company.folder.with_name("undisturbed"), raw, receiver)
        shutil.copytree(company.folder, undisturbed.folder, symlinks=True)
        began_at = time.monotonic()
        undisturbed.run()
        seconds = time.monotonic() - began_at
        expected = undisturbed.tables()
        expected_alerts = set(receiver.accepted)
    assert len(expected_alerts) > 5

    reader = start_reader(company)
    # Spread over the whole of a run, so that its end, where it publishes and sends, is hit as well.
    moments = [(number + random.random()) / KILLS * seconds for number in range(KILLS)]
    random.shuffle(moments)
    killed = []
    while moments:
        run = company.start()
        if run.wait(moments[-1]) is None:
            killed.append(f"{kill(run)} after {moments.pop():.1f} s")
        else:
            moments[-1] *= 0.9  # it was done before
    company.run()
    reader.stop()

    assert len(killed) == KILLS
    tables = company.tables()
    assert tables.keys() == expected.keys()
    for name, rows in expected.items():
        assert tables[name] == rows, f"{name}, killed: {killed}"
    assert set(company.receiver.accepted) == expected_alerts, killed
    check_recorded_once(company)
    reads, states = reader.counted
    print(f"{len(killed)} kills, {reads} reads of {states} publications: {killed}")
    assert reads >= KILLS
    assert states >= 2


def start_reader(company: Company) -> Reading:
    output = company.folder / "reader.txt"
    process = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("published_reader.py")),
            str(company.settings.published),
        ],
        stdout=output.open("w"),
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Reading(process, output)


def check_recorded_once(company: Company) -> None:
    """Every alert that was to be sent is noted once, as sent, and shown so."""
    with duckdb.connect(str(company.settings.warehouse), read_only=True) as connection:
        noted = connection.execute(
            "select health_date, alert_id, account_id, pillar_id, status"
            " from operations.alert_deliveries order by all"
        ).fetchall()
        shown = connection.execute(
            "select health_date, alert_id, account_id, pillar_id, status"
            " from health.health_alerts order by all"
        ).fetchall()
        unfinished = connection.execute("from operations.unfinished_dates").fetchall()
    assert len({row[:4] for row in noted}) == len(noted)
    assert noted == shown
    assert [row for row in noted if row[0] == TODAY and row[4] != "sent"] == []
    assert unfinished == []
