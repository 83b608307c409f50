"""The lock row of a Spark cluster, tried without a cluster: who gets it, and who is told what."""

import re
import socket
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration.base.settings import Settings
from orchestration.stewardship.unlock import unlock
from orchestration.warehouse import run_lock, spark_lock
from orchestration.warehouse.run_lock import AnotherRun, start_of, write_lock
from orchestration.warehouse.spark import Session, SparkProblem
from orchestration.warehouse.spark_lock import COLUMNS, Holder

ELSEWHERE = Holder("another-machine", "7", "123", "health run", "2026-11-22T00:05:00+00:00")
FREE = dict.fromkeys(COLUMNS)


class FakeSession(Session):
    """A cluster with the one row of the lock."""

    def __init__(self) -> None:
        self.row: dict[str, str | None] = dict(FREE)
        self.before_update: Callable[[], None] = lambda: None
        self.after_update: Callable[[], None] = lambda: None
        self.answer: list[tuple] = []

    def execute(self, sql: str) -> "FakeSession":
        if sql.startswith("update"):
            self.before_update()
            values, conditions = sql.split(" set ")[1].split(" where ")
            asked = cells_of(conditions.replace(" is null", " = null"))
            if all(self.row[name] == value for name, value in asked.items()):
                self.row |= cells_of(values)
            self.after_update()
        elif sql.startswith("select"):
            self.answer = [tuple(self.row[name] for name in COLUMNS)]
        return self

    def fetchall(self) -> list[tuple]:
        return self.answer

    def hold(self, holder: Holder) -> None:
        self.row = dict(vars(holder))


def cells_of(text: str) -> dict[str, str | None]:
    found = re.findall(r"(\w+) = (?:'((?:[^'\\]|\\.)*)'|null)", text)
    return {name: re.sub(r"\\(.)", r"\1", value) or None for name, value in found}


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    fake = FakeSession()

    monkeypatch.setattr(spark_lock, "connected", lambda: nullcontext(fake))
    monkeypatch.setattr(spark_lock, "SETTLE_SECONDS", 0.0)
    return fake


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb", engine="spark")


def test_a_run_holds_the_row_and_frees_it(session: FakeSession, settings: Settings) -> None:
    with write_lock(settings):
        assert session.row["host"] == socket.gethostname()
        assert session.row["process_started"] == start_of(int(session.row["process"] or 0))
    assert session.row == FREE


def test_a_run_that_fails_frees_the_row(session: FakeSession, settings: Settings) -> None:
    with pytest.raises(ValueError, match="broken"), write_lock(settings):
        raise ValueError("broken")
    assert session.row == FREE


def test_on_duckdb_nobody_asks_spark(
    monkeypatch: pytest.MonkeyPatch, session: FakeSession, tmp_path: Path
) -> None:
    monkeypatch.setattr(spark_lock, "connected", None)
    with write_lock(Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")):
        pass


def test_a_second_machine_is_told_who_is_at_work(session: FakeSession, settings: Settings) -> None:
    session.hold(ELSEWHERE)
    with pytest.raises(AnotherRun) as refused, write_lock(settings):
        pass
    for word in ("process 7", "another-machine", "2026-11-22T00:05:00", "health unlock"):
        assert word in refused.value.message
    assert session.row == vars(ELSEWHERE)


def test_a_run_waits_for_another_machine(
    monkeypatch: pytest.MonkeyPatch, session: FakeSession, settings: Settings
) -> None:
    def end_of_the_other(seconds: float) -> None:
        if session.row == vars(ELSEWHERE):
            session.row = dict(FREE)

    monkeypatch.setattr(run_lock.time, "sleep", end_of_the_other)
    session.hold(ELSEWHERE)
    with write_lock(settings, wait_seconds=60):
        assert session.row["host"] == socket.gethostname()


def test_a_process_of_this_machine_that_is_gone_is_taken_over(
    session: FakeSession, settings: Settings
) -> None:
    session.hold(Holder(socket.gethostname(), "999999999", "1", "health run", "yesterday"))
    with write_lock(settings):
        assert session.row["process"] != "999999999"


def test_of_two_at_the_same_moment_the_second_is_refused(
    session: FakeSession, settings: Settings
) -> None:
    def lose() -> None:
        session.hold(ELSEWHERE)
        raise SparkProblem("Spark says: Found conflicting files")

    session.before_update = lose
    with pytest.raises(AnotherRun, match="another-machine"), write_lock(settings):
        pass


def test_one_whose_commit_was_written_over_is_refused(
    session: FakeSession, settings: Settings
) -> None:
    session.after_update = lambda: session.hold(ELSEWHERE)
    with pytest.raises(AnotherRun, match="another-machine"), write_lock(settings):
        pass


def test_what_spark_says_against_it_is_not_taken_for_another_run(
    session: FakeSession, settings: Settings
) -> None:
    def fail() -> None:
        raise SparkProblem("Spark says: no space left")

    session.before_update = fail
    with pytest.raises(SparkProblem, match="no space left"), write_lock(settings):
        pass


def test_a_person_frees_the_lock_of_a_machine_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, session: FakeSession
) -> None:
    monkeypatch.setenv("HEALTH_TARGET", "spark")
    session.hold(ELSEWHERE)
    asked = CliRunner().invoke(unlock, input="n\n")
    assert "another-machine" in asked.output and session.row == vars(ELSEWHERE)
    done = CliRunner().invoke(unlock, ["--yes"])
    assert done.output == f"Freed the lock of {ELSEWHERE}.\n"
    assert session.row == FREE
    assert CliRunner().invoke(unlock).output == "No run holds the lock.\n"


def test_there_is_nothing_to_unlock_on_duckdb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_TARGET", "duckdb")
    assert "HEALTH_TARGET is not spark" in CliRunner().invoke(unlock).output
