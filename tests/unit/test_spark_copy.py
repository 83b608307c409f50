"""What is copied between a Spark cluster and the warehouse file, tried without a cluster."""

import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

import click
import pytest

from orchestration.base.settings import Settings
from orchestration.dbt_runner.copied_tables import published_table
from orchestration.warehouse import spark, spark_copy
from orchestration.warehouse.connections import reading, writing
from orchestration.warehouse.spark_copy import CopiedTable

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
DATED = CopiedTable(
    "health.history",
    {"health_date": "date not null", "account_id": "text not null", "score": "double"},
    {None: "One row per account and day.", "score": "From 0 to 10."},
)
WHOLE = CopiedTable("health.latest", {"account_id": "text", "is_new": "boolean"})
VIEW = CopiedTable("health.last_days", view="select * from health.history")


@dataclass
class SparkTable:
    """A table as a cluster has it: rows by partition, and the snapshot that they are of."""

    types: dict[str, str]
    rows: dict[date | None, list[tuple]]
    snapshot: int = 1
    written: dict[date | None, int] = field(default_factory=dict)

    def write(self, partition: date | None, rows: list[tuple]) -> None:
        self.snapshot += 1
        self.written[partition] = self.snapshot
        if rows:
            self.rows[partition] = rows
        else:
            del self.rows[partition]


class FakeSession(spark.Session):
    """Answers the statements of `spark_copy`, and notes them."""

    def __init__(self, tables: Mapping[str, SparkTable]) -> None:
        self.stored = tables
        self.asked: list[str] = []
        self.answer: list[tuple] = []

    def execute(self, sql: str) -> "FakeSession":
        self.asked.append(sql)
        names = [name.split(".") for name in self.stored]
        if sql == "show schemas":
            self.answer = [(schema,) for schema in sorted({schema for schema, _ in names})]
        elif found := re.fullmatch(r"show tables in (\w+)", sql):
            self.answer = [(schema, name, False) for schema, name in names if schema == found[1]]
        elif ".refs" in sql:
            named = re.findall(r"from ([\w.]+)\.refs", sql)
            self.answer = [(name, self.stored[name].snapshot) for name in named]
        elif found := re.search(r"from ([\w.]+)\.files version as of (\d+)", sql):
            table = self.stored[found[1]]
            assert int(found[2]) == table.snapshot
            self.answer = [
                (day, len(rows), table.written.get(day, 1)) for day, rows in table.rows.items()
            ]
        elif found := re.search(r"from ([\w.]+) version as of (\d+)(.*)", sql):
            days = re.findall(r"date '(\S+)'", found[3])
            self.answer = [
                row
                for day, rows in self.stored[found[1]].rows.items()
                if day is None or str(day) in days
                for row in rows
            ]
        else:
            self.answer = []
        return self

    def fetched(self) -> Iterator[list[tuple]]:
        for place in range(0, len(self.answer), 2):
            yield self.answer[place : place + 2]

    def columns(self, table: str) -> tuple[dict[str, str], list[str]]:
        types = self.stored[table].types
        return types, ["health_date"] if "health_date" in types else []


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb", engine="spark")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    session = FakeSession(
        {
            "health.history": SparkTable(
                {"health_date": "date", "account_id": "string", "score": "double"},
                {
                    MONDAY: [(MONDAY, name, 1.5) for name in "abc"],
                    TUESDAY: [(TUESDAY, "a", None)],
                },
            ),
            "health.latest": SparkTable(
                {"is_new": "boolean", "account_id": "string"}, {None: [(True, "a"), (False, "b")]}
            ),
        }
    )

    monkeypatch.setattr(spark_copy, "connected", lambda: nullcontext(session))
    return session


def copied(settings: Settings) -> tuple[list[tuple], list[tuple]]:
    with reading(settings) as warehouse:
        return (
            warehouse.rows("from health.history order by all"),
            warehouse.rows("from health.latest order by all"),
        )


def copy(settings: Settings) -> None:
    spark_copy.copy(settings, [DATED, WHOLE, VIEW], TUESDAY, TUESDAY)


def selects(session: FakeSession) -> list[str]:
    """The statements that ask for rows."""
    found = [sql for sql in session.asked if sql.startswith("select `")]
    session.asked.clear()
    return found


def test_all_is_copied_at_first(settings: Settings, cluster: FakeSession) -> None:
    copy(settings)
    history, latest = copied(settings)
    assert history == [*((MONDAY, name, 1.5) for name in "abc"), (TUESDAY, "a", None)]
    assert latest == [("a", True), ("b", False)]
    with reading(settings) as warehouse:
        assert len(warehouse.rows("from health.last_days")) == 4


def test_the_copy_has_the_types_and_descriptions_of_the_contract(
    settings: Settings, cluster: FakeSession
) -> None:
    copy(settings)
    with reading(settings) as warehouse:
        columns = warehouse.rows(
            "select column_name, data_type, is_nullable, comment from duckdb_columns()"
            " where table_name = 'history' order by column_index"
        )
        [(own,)] = warehouse.rows(
            "select comment from duckdb_tables() where table_name = 'history'"
        )
    assert columns == [
        ("health_date", "DATE", False, None),
        ("account_id", "VARCHAR", False, None),
        ("score", "DOUBLE", True, "From 0 to 10."),
    ]
    assert own == "One row per account and day."


def test_what_has_not_changed_is_not_asked_for(settings: Settings, cluster: FakeSession) -> None:
    copy(settings)
    assert len(selects(cluster)) == 2
    copy(settings)
    assert not selects(cluster)


def test_a_date_that_was_written_is_copied_and_no_other(
    settings: Settings, cluster: FakeSession
) -> None:
    copy(settings)
    selects(cluster)
    cluster.stored["health.history"].write(TUESDAY, [(TUESDAY, "z", 9.0)])
    copy(settings)
    [asked] = selects(cluster)
    assert "in (date '2026-11-24')" in asked and "2026-11-23" not in asked
    assert copied(settings)[0][-1] == (TUESDAY, "z", 9.0) and len(copied(settings)[0]) == 4


def test_a_date_that_is_gone_goes_here_too(settings: Settings, cluster: FakeSession) -> None:
    copy(settings)
    cluster.stored["health.history"].write(MONDAY, [])
    copy(settings)
    assert copied(settings)[0] == [(TUESDAY, "a", None)]


def test_the_last_dates_alone_are_copied_where_that_is_asked(
    settings: Settings, cluster: FakeSession
) -> None:
    """And those of the run, until the next one. Tables without dates are copied whole."""
    all_dates = [*((MONDAY, name, 1.5) for name in "abc"), (TUESDAY, "a", None)]
    history = replace(cluster.stored["health.history"], written={})
    cluster.stored["health.account_health_history"] = history
    every_date = replace(DATED, name="health.account_health_history")
    one = replace(settings, copied_dates=1)

    def dates_copied(asked: Settings, day: date) -> list[tuple]:
        spark_copy.copy(asked, [every_date, DATED, WHOLE], day, day)
        assert len(copied(settings)[1]) == 2
        return copied(settings)[0]

    assert dates_copied(one, TUESDAY) == [(TUESDAY, "a", None)]
    assert all("2026-11-23" not in sql for sql in selects(cluster))
    assert dates_copied(one, MONDAY) == all_dates
    assert dates_copied(one, TUESDAY) == [(TUESDAY, "a", None)]
    assert dates_copied(replace(settings, copied_dates=5), TUESDAY) == all_dates
    selects(cluster)
    assert dates_copied(settings, TUESDAY) == all_dates
    assert not selects(cluster)


def test_a_table_without_rows_is_emptied(settings: Settings, cluster: FakeSession) -> None:
    copy(settings)
    cluster.stored["health.latest"].write(None, [])
    copy(settings)
    assert copied(settings)[1] == []


def test_a_new_column_has_the_table_copied_again(settings: Settings, cluster: FakeSession) -> None:
    copy(settings)
    table = cluster.stored["health.latest"]
    table.types["name"] = "string"
    table.rows[None] = [(True, "a", "Alpha")]
    wider = CopiedTable(WHOLE.name, {**WHOLE.columns, "name": "text"})
    spark_copy.copy(settings, [DATED, wider], TUESDAY, TUESDAY)
    assert copied(settings)[1] == [("a", True, "Alpha")]


def test_a_copy_that_fails_changes_nothing(
    settings: Settings, cluster: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(settings)
    before = copied(settings)
    cluster.stored["health.history"].write(MONDAY, [(MONDAY, "z", 0.0)])
    cluster.stored["health.latest"].write(None, [("not a truth", "a")])
    with pytest.raises(Exception, match="not a truth"):
        copy(settings)
    assert copied(settings) == before
    cluster.stored["health.latest"].write(None, [(True, "a")])
    copy(settings)
    assert copied(settings)[0][0] == (MONDAY, "z", 0.0)


def test_what_cannot_be_copied_is_named(settings: Settings, cluster: FakeSession) -> None:
    cluster.stored["health.latest"].types["account_id"] = "map<string,int>"
    with pytest.raises(click.ClickException, match=r"type map<string,int> cannot be copied"):
        copy(settings)


def test_dbt_gets_what_python_wrote_for_its_dates(settings: Settings, cluster: FakeSession) -> None:
    with writing(settings) as warehouse:
        warehouse.execute("create schema checks")
        warehouse.execute(
            "create table checks.source_check_failures as"
            " select unnest([date '2026-11-23', date '2026-11-24']) as health_date,"
            " 'it''s' as table_name, 'present' as check_name"
        )
    spark_copy.send(settings, TUESDAY, TUESDAY)
    [failures, deliveries] = [sql for sql in cluster.asked if sql.startswith("insert")]
    between = "health_date between date '2026-11-24' and date '2026-11-24'"
    assert failures == (
        f"insert into checks.source_check_failures replace where {between}"
        " select * from values (date '2026-11-24', 'it\\'s', 'present')"
    )
    # Nothing was delivered yet, and what an earlier run said of these dates goes.
    assert deliveries.endswith(f"{between} select null, null, null, null, null, null where false")


def test_many_rows_are_sent_some_at_a_time(
    settings: Settings, cluster: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_copy, "ROWS_SENT_AT_ONCE", 2)
    with writing(settings) as warehouse:
        warehouse.execute("create schema checks")
        warehouse.execute(
            "create table checks.source_check_failures as select date '2026-11-24' as health_date,"
            " 'table ' || unnest(range(5)) as table_name, 'present' as check_name"
        )
    spark_copy.send(settings, TUESDAY, TUESDAY)
    sent = [sql for sql in cluster.asked if sql.startswith("insert into checks")]
    assert ["replace where" in sql for sql in sent] == [True, False, False]
    assert [sql.count("'present'") for sql in sent] == [2, 2, 1]


def test_a_publication_names_the_snapshots_that_were_copied(
    settings: Settings, cluster: FakeSession
) -> None:
    copy(settings)
    cluster.stored["health.latest"].write(None, [])  # by somebody, since
    spark_copy.note_publication(settings, "run", "config", MONDAY, TUESDAY)
    noted = cluster.asked[-1]
    assert noted.startswith("insert into operations.publications select 'run', 'config'")
    assert noted.endswith("map('history', 1, 'latest', 1)")


def test_a_table_is_copied_by_its_contract() -> None:
    node = {
        "name": "states",
        "description": "States. ",
        "config": {"materialized": "incremental"},
        "columns": {
            "state": {
                "name": "state",
                "data_type": "text",
                "description": "Which.",
                "constraints": [{"type": "not_null"}],
            }
        },
    }
    table = published_table(node)
    assert table == CopiedTable(
        "health.states", {"state": "text not null"}, {None: "States.", "state": "Which."}
    )
    node["config"] = {"materialized": "view"}
    node["raw_code"] = "{{ config(materialized='view') }}select * from {{ ref('states') }}"
    assert published_table(node).view == "select * from health.states"


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (MONDAY, "date '2026-11-23'"),
        (datetime(2026, 11, 23, 1, 2, 3), "timestamp '2026-11-23 01:02:03'"),
        ("it's a \\", "'it\\'s a \\\\'"),
    ],
)
def test_a_value_is_a_literal_of_spark(value: object, literal: str) -> None:
    assert spark.literal(value) == literal
