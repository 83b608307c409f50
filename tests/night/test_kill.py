"""kill -9 at random points, then one run more: nothing lost, doubled or torn, no reader disturbed.

Some kills are timed to fall inside publishing, and inside sending. In a second test files of the
published folder are damaged between the runs. `make chaos` kills a hundred times; HEALTH_KILLS says
how often.
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
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

import duckdb
import pytest
from pipeline import ROOT, SUPPORT
from receiver import Receiver, receiving
from turning_poor import TODAY, YESTERDAY, write_turning_poor

from orchestration.base.settings import Settings
from orchestration.publishing import integrity
from orchestration.publishing.generation import FILE

KILLS = int(os.environ.get("HEALTH_KILLS", "6"))
# What differs between two runs that do the same.
NOT_COMPARED = {"publication", "publication_partitions"}


@cache
def health_server() -> subprocess.Popen[str]:
    """The process that forks for each run; it ends with the tests, when its input does."""
    server = subprocess.Popen(
        [sys.executable, str(SUPPORT / "health_server.py")],
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

    def parquet_tables(self) -> dict[str, int]:
        """The rows of each table as Parquet."""
        folder = self.settings.published / "parquet"
        return {
            table.name: duckdb.sql(f"select 1 from '{table}/**/*.parquet'").shape[0]
            for table in folder.iterdir()
            if table.name not in NOT_COMPARED
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
    write_turning_poor(raw)
    return raw


@dataclass(frozen=True)
class Begun:
    """A company whose yesterday is calculated, and what an undisturbed run of today does."""

    folder: Path
    seconds: float
    tables: dict[str, list[tuple]]
    alerts: set[str]


@pytest.fixture(scope="module")
def begun(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Begun:
    folder = tmp_path_factory.mktemp("begun")
    with receiving() as receiver:
        company = Company(folder / "company", raw, receiver)
        company.folder.mkdir()
        company.run(YESTERDAY)
        shutil.copytree(company.folder, folder / "undisturbed", symlinks=True)
        receiver.accepted.clear()
        undisturbed = Company(folder / "undisturbed", raw, receiver)
        began_at = time.monotonic()
        undisturbed.run()
        seconds = time.monotonic() - began_at
        assert len(receiver.accepted) > 5
        return Begun(company.folder, seconds, undisturbed.tables(), set(receiver.accepted))


@pytest.fixture
def company(begun: Begun, raw: Path, tmp_path: Path) -> Iterator[Company]:
    with receiving() as receiver:
        shutil.copytree(begun.folder, tmp_path / "company", symlinks=True)
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


PUBLISHING, SENDING = "inside publishing", "inside sending"


@dataclass
class Kills:
    """The kills that are to come, and those that were: which processes, and when."""

    company: Company
    begun: Begun
    left: list[float | str]
    done: list[str] = field(default_factory=list)

    @classmethod
    def planned(cls, company: Company, begun: Begun, count: int) -> "Kills":
        """A quarter inside publishing, as many inside sending, the rest spread over a whole run."""
        timed: list[float | str] = [PUBLISHING, SENDING] * max(1, count // 4)
        timed = timed[:count]
        others = count - len(timed)
        seconds = [(number + random.random()) / others * begun.seconds for number in range(others)]
        left = [*timed, *seconds]
        random.shuffle(left)
        return cls(company, begun, left)

    def next(self) -> None:
        """Start a run and kill it; where it ends before, the kill comes earlier in the next."""
        when = self.left[-1]
        if when == SENDING and self.begun.alerts <= set(self.company.receiver.accepted):
            when = PUBLISHING  # there is nothing left to send
        run = self.company.start()
        if isinstance(when, float):
            has_ended = run.wait(when) is not None
        else:
            is_time = self.is_publishing if when == PUBLISHING else self.is_sending()
            has_ended = wait_until(run, is_time)
        if has_ended:
            output = (self.company.folder / "output.txt").read_text()
            assert isinstance(when, float), f"a run that was not caught {when}: {output}"
            self.left[-1] = when * 0.9
            return
        self.left.pop()
        moment = f"after {when:.1f} s" if isinstance(when, float) else when
        self.done.append(f"{kill(run)} {moment}")

    def is_publishing(self) -> bool:
        generations = self.company.settings.published / ".generations"
        return any(generations.glob("*.unfinished"))

    def is_sending(self) -> Callable[[], bool]:
        before = len(self.company.receiver.requests)
        return lambda: len(self.company.receiver.requests) > before


def wait_until(run: Run, is_time: Callable[[], bool]) -> bool:
    """Return when it is time; whether the run has ended before."""
    while not is_time():
        if run.wait(0.002) is not None:
            return True
    return run.wait(random.uniform(0, 0.1)) is not None


def test_runs_that_are_killed_are_made_good_by_the_next(company: Company, begun: Begun) -> None:
    reader = start_reader(company)
    kills = Kills.planned(company, begun, KILLS)
    while kills.left:
        kills.next()
    company.run()
    reader.stop()

    assert len(kills.done) == KILLS
    check_all_is_there(company, begun, kills.done)
    reads, states = reader.counted
    # A torn read ends the reader, and so the test.
    print(
        f"{KILLS} kills, {reads} reads of {states} publications, 0 torn reads,"
        f" {len(company.receiver.requests)} requests of {len(begun.alerts)} alerts: {kills.done}"
    )
    assert reads >= KILLS
    assert states >= 2


def test_what_is_damaged_between_runs_that_are_killed_is_made_good(
    company: Company, begun: Begun
) -> None:
    """Readers are disturbed by that, until the next run that is not killed."""
    kills = Kills.planned(company, begun, max(2, KILLS // 4))
    damages = []
    while kills.left:
        damages.append(damage(company.settings.published))
        kills.next()
    damages.append(damage(company.settings.published))
    company.run()

    told = damages, kills.done
    check_all_is_there(company, begun, told)
    for name, rows in company.parquet_tables().items():
        assert rows == len(begun.tables[name]), (name, told)
    print(f"{len(kills.done)} kills, {len(damages)} damaged files: {told}")


def damage(published: Path) -> str:
    """Flip a bit of a published file, or cut it off, or remove it; what was done.

    Of Parquet files a run reads some each night: bits are flipped in those of today.
    """
    generation = (published / ".generations" / "current").resolve()
    # What was removed or cut off before may not be healed yet.
    database, parquet = (
        [file for file in files if file.exists() and file.stat().st_size]
        for files in ([generation / FILE], sorted((generation / "parquet").rglob("*.parquet")))
    )
    of_today = [
        file for file in parquet if integrity.is_turn(str(file.relative_to(generation)), TODAY)
    ]
    how = random.choice(["flip", "flip", "cut", "remove"] if database else ["cut", "remove"])
    others = of_today if how == "flip" else parquet
    file = random.choice(random.choice([database or parquet, others or database]))
    content = bytearray(file.read_bytes())
    # A file of its own, because those of other generations may be links to it.
    file.unlink()
    if how == "flip":
        place = random.randrange(len(content))
        content[place] ^= 1 << random.randrange(8)
    if how == "cut":
        content = content[: random.randrange(len(content))]
    if how != "remove":
        file.write_bytes(content)
    return f"{how} {file.relative_to(generation)}"


def check_all_is_there(company: Company, begun: Begun, told: object) -> None:
    """What is published and what was sent is as if nothing had happened."""
    tables = company.tables()
    assert tables.keys() == begun.tables.keys()
    for name, rows in begun.tables.items():
        assert tables[name] == rows, f"{name}: {told}"
    assert set(company.receiver.accepted) == begun.alerts, told
    check_recorded_once(company)


def start_reader(company: Company) -> Reading:
    output = company.folder / "reader.txt"
    process = subprocess.Popen(
        [
            sys.executable,
            str(SUPPORT / "published_reader.py"),
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
