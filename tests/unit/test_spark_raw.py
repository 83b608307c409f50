"""Registering raw files on Spark, and noticing new ones, tried without a cluster."""

import re
import time
from collections.abc import Callable
from contextlib import nullcontext

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main
from orchestration.runs import sensors
from orchestration.warehouse import spark_raw
from orchestration.warehouse.spark import Session, SparkProblem, cause, within

FOLDER = "s3a://bucket/raw/it's `here`"
QUOTED = "'s3a://bucket/raw/it\\'s `here`'"
RATES = {"Currency": "string", "rate_on": "date", "rate": "decimal(4,2)", "source": "string"}
OURS = [(spark_raw.REGISTERED, FOLDER)]


class FakeSession(Session):
    """A cluster: its raw tables by name with their properties, and the files at one place."""

    def __init__(self) -> None:
        self.stored: dict[str, list[tuple[str, str]]] = {}
        self.files = [f"{FOLDER}/a.parquet"]
        self.types = RATES
        self.types_of_files: dict[str, str] | None = None
        self.location: str | None = FOLDER
        self.asked: list[str] = []
        self.answer: list[tuple] = []
        self.refused: Callable[[str], bool] = lambda sql: False

    def execute(self, sql: str) -> "FakeSession":
        self.asked.append(sql)
        if self.refused(sql):
            raise SparkProblem("Spark at 127.0.0.1:10000 says: no space left")
        if "binaryFile" in sql and "_delta_log" in sql:
            raise SparkProblem("Spark at 127.0.0.1:10000 says: Path does not exist.")
        self.answer = self.answer_to(sql)
        return self

    def answer_to(self, sql: str) -> list[tuple]:
        if sql == "show schemas":
            return [("default",), ("raw",)]
        if found := re.fullmatch(r"show tables in raw(?: like '(\w+)')?", sql):
            there = [*(("raw", name, False) for name in self.stored), ("", "a_view", True)]
            return [row for row in there if found[1] in (None, row[1])]
        if found := re.fullmatch(r"show tblproperties raw\.(\w+)", sql):
            return self.stored[found[1]]
        if sql.startswith("describe table extended"):
            location = [("Location", self.location, "")] if self.location else []
            about = [("", "", ""), ("# Detailed Table Information", "", ""), *location]
            return [("Location", "string", None), *about]
        if sql.startswith("describe table"):
            is_of_files = "health_parquet" in sql and self.types_of_files is not None
            types = self.types_of_files if is_of_files else self.types
            return [(name, kind, None) for name, kind in (types or {}).items()]
        if "like '%=%/%'" in sql:
            text = next((file for file in self.files if file.endswith(".csv")), None)
            return [(len(self.files), None, text, False)]
        if sql.startswith("select count(*)"):
            return [(1234,)] if "health_unfinished" in sql else [(len(self.files), 7, 8)]
        return []

    def fetchall(self) -> list[tuple]:
        return self.answer

    def changes(self) -> list[str]:
        """The statements that change tables."""
        return [sql for sql in self.asked if re.match(r"create table|drop table|alter", sql)]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    fake = FakeSession()

    monkeypatch.setattr(spark_raw, "connected", lambda: nullcontext(fake))
    monkeypatch.setattr("orchestration.stewardship.register.connected", lambda: nullcontext(fake))
    monkeypatch.setattr("orchestration.stewardship.register.write_lock", nullcontext)
    monkeypatch.setenv("HEALTH_TARGET", "spark")
    return fake


def register(table: str = "exchange_rates", path: str = FOLDER) -> Result:
    return CliRunner().invoke(main, ["register", table, path])


def test_what_is_registered_is_said(session: FakeSession) -> None:
    assert register().output.splitlines() == [
        f"raw.exchange_rates reads {FOLDER}: 1,234 rows.",
        "Columns read: currency, rate_on, rate.",
        "Columns ignored: source.",
    ]


def test_a_table_is_complete_before_it_has_its_name(session: FakeSession) -> None:
    session.stored["exchange_rates"] = OURS
    assert register().exit_code == 0
    made, dropped, renamed = session.changes()[1:4]
    assert made.startswith("create table raw.health_unfinished using parquet")
    assert f"location {QUOTED} tblproperties ('health.registered' = {QUOTED})" in made
    assert dropped == "drop table if exists raw.exchange_rates"
    assert renamed == "alter table raw.health_unfinished rename to raw.exchange_rates"


def test_a_registration_that_fails_leaves_the_former_one(session: FakeSession) -> None:
    session.stored["exchange_rates"] = OURS
    session.refused = lambda sql: sql.startswith("create table")
    done = register()
    assert done.exit_code == 1 and "no space left" in done.output
    assert "drop table if exists raw.exchange_rates" not in session.changes()


def test_a_table_of_somebody_else_stays(session: FakeSession) -> None:
    session.stored["exchange_rates"] = [("owner", "ana")]
    done = register()
    assert done.exit_code == 1 and "was not registered" in done.output
    assert not session.changes()


@pytest.mark.parametrize(
    ("table", "path", "words"),
    [
        ("exchange_rates", "raw/rates", "no whole path"),
        ("exchange_rates", "/raw/*.parquet", "for a pattern"),
        ("exchange\x1b[1m", FOLDER, "There is no raw table exchange\\x1b[1m; there are accounts,"),
    ],
)
def test_what_is_asked_wrongly_is_told(
    session: FakeSession, table: str, path: str, words: str
) -> None:
    done = register(table, path)
    assert done.exit_code == 1 and words in done.output
    assert not session.changes()


def test_text_files_are_refused(session: FakeSession) -> None:
    session.files.append(f"{FOLDER}/b.csv")
    done = register()
    assert done.exit_code == 1 and f"the text file {FOLDER}/b.csv" in done.output
    assert not session.changes()


def test_unfit_and_missing_columns_are_named(session: FakeSession) -> None:
    session.types = {"CURRENCY": "map<string,string>", "rate": "double", "source": "binary"}
    assert register().output == (
        f"Error: {FOLDER} cannot be raw.exchange_rates: column currency is of type"
        " map<string,string>; give it as a text, a number or a time; column rate_on is missing.\n"
    )
    assert not session.changes()


def test_on_duckdb_nothing_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_TARGET", "duckdb")
    assert "HEALTH_TARGET is not spark" in register().output


def test_a_run_registers_again_what_has_other_columns(session: FakeSession) -> None:
    session.stored = {"exchange_rates": OURS, "tickets": [("owner", "ana")], "notes": OURS}
    assert spark_raw.register_again(["exchange_rates", "tickets"]) == []
    assert not session.changes()
    session.types_of_files = {**RATES, "note": "string"}
    assert spark_raw.register_again(["exchange_rates", "tickets"]) == ["exchange_rates"]
    assert session.changes()[1].startswith("create table raw.health_unfinished")


# What Spark says


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Error running query: [PATH_NOT_FOUND] org.apache.spark.sql.AnalysisException:"
            " [PATH_NOT_FOUND] Path does not exist: file:/x.\n'Project [*]",
            "[PATH_NOT_FOUND] Path does not exist: file:/x.",
        ),
        (
            "Error running query: org.apache.spark.SparkException: Job aborted due to stage"
            " failure: Task 0 failed (TID 1) (localhost executor driver): java.lang.X: \n"
            "\tat org.apache.X\nCaused by: java.lang.RuntimeException: /x is not a Parquet file",
            "/x is not a Parquet file",
        ),
        (
            "Error running query: org.apache.spark.SparkException: Job aborted due to stage"
            " failure: Task 0 failed (TID 1) (localhost executor driver):"
            " org.apache.spark.sql.AnalysisException: Illegal Parquet type: INT64.",
            "Illegal Parquet type: INT64.",
        ),
        (
            "Error running query: org.apache.spark.SparkException: Job aborted due to stage"
            " failure: Task 0 failed (TID 1) (10.0.0.7 executor 3): org.spark.SparkException:"
            " [CANNOT_MERGE_SCHEMAS] Failed merging schemas:\nInitial schema:\n"
            '"STRUCT<a: INT>"\nOther:\n"STRUCT<a: DATE>".\n\tat X\nCaused by: X: merge',
            "[CANNOT_MERGE_SCHEMAS] Failed merging schemas: Initial schema:"
            ' "STRUCT<a: INT>" Other: "STRUCT<a: DATE>".',
        ),
        (
            "Error running query: java.lang.AssertionError: Suspicious paths:\b\n\tfile:/x\n",
            "Suspicious paths: file:/x",
        ),
    ],
)
def test_the_cause_is_found_in_a_trace(text: str, words: str) -> None:
    assert cause(text) == words


def test_columns_whose_types_differ_are_named() -> None:
    message = (
        'Failed merging schemas: Initial schema: "STRUCT<a: STRING, `b c`: DECIMAL(4, 2)>" Schema'
        ' that cannot be merged with the initial schema: "STRUCT<a: STRING, `b c`: DOUBLE, d: INT>"'
    )
    assert spark_raw.reason(message).endswith("`b c` (DECIMAL(4, 2) and DOUBLE).")


# What has changed


def test_the_fingerprint_is_of_snapshots_and_of_files(session: FakeSession) -> None:
    found = set()

    def is_new() -> bool:
        now = spark_raw.fingerprint(["accounts", "events"])
        assert now == spark_raw.fingerprint(["events", "accounts"])
        found.add(now)
        return len(found) > before

    for change in (
        lambda: None,
        lambda: session.stored.update(accounts=[("current-snapshot-id", "none")]),
        lambda: session.stored.update(accounts=[("current-snapshot-id", "6591592412571623557")]),
        lambda: session.stored.update(events=OURS),
        lambda: session.files.append(f"{FOLDER}/b.parquet"),
    ):
        before = len(found)
        change()
        assert is_new()
    before = len(found)
    session.stored["notes"] = OURS
    assert not is_new(), "it is no raw table of health"


def test_a_view_and_a_table_of_another_system_have_nothing_to_notice(session: FakeSession) -> None:
    session.stored["events"] = []
    session.location = None
    of_a_view = spark_raw.fingerprint(["events"])
    session.location = "file:/warehouse/_delta_log"  # where there is nothing
    assert spark_raw.fingerprint(["events"]) == of_a_view


def test_the_sensor_asks_the_cluster(session: FakeSession) -> None:
    session.stored["events"] = OURS
    with dg.DagsterInstance.ephemeral() as dagster:
        context = dg.build_sensor_context(instance=dagster)
        assert isinstance(sensors.new_raw_files(context), dg.SkipReason)
        assert isinstance(sensors.new_raw_files(context), dg.SkipReason)
        session.files.append(f"{FOLDER}/b.parquet")
        assert isinstance(sensors.new_raw_files(context), dg.RunRequest)


def test_the_sensor_says_what_a_cluster_has_against_it(session: FakeSession) -> None:
    session.refused = lambda sql: True
    with dg.DagsterInstance.ephemeral() as dagster:
        context = dg.build_sensor_context(instance=dagster)
        answer = sensors.new_raw_files(context)
        assert isinstance(answer, dg.SkipReason)
        assert "no space left" in (answer.skip_message or "")
        assert not context.cursor


def test_a_cluster_that_does_not_answer_is_not_waited_for() -> None:
    with pytest.raises(SparkProblem, match="has not answered in 0 seconds"):
        within(0.05, lambda: time.sleep(2))
    assert within(5, lambda: "answer") == "answer"
    with pytest.raises(SparkProblem, match="no space"):
        within(5, fail)


def fail() -> None:
    raise SparkProblem("no space")
