"""The schemas in which another configuration is tried on Spark, without a cluster."""

import re
from contextlib import nullcontext
from datetime import timedelta

import pytest

from orchestration.base.clock import today
from orchestration.warehouse import spark, spark_scratch


class FakeSession(spark.Session):
    """A cluster that has schemas, with tables and views by name."""

    def __init__(self, schemas: dict[str, dict[str, str]]) -> None:
        self.stored = schemas
        self.answer: list[tuple] = []

    def execute(self, sql: str) -> "FakeSession":
        self.answer = []
        if sql == "show schemas":
            self.answer = [(name,) for name in self.stored]
        elif found := re.fullmatch(r"show (tables|views) in (\w+)", sql):
            kinds = ("view",) if found[1] == "views" else ("table", "view")
            there = self.stored[found[2]].items()
            self.answer = [(found[2], name, False) for name, kind in there if kind in kinds]
        elif found := re.fullmatch(r"drop (table|view) if exists (\w+)\.(\w+)( purge)?", sql):
            assert self.stored[found[2]].pop(found[3]) == found[1]
            assert bool(found[4]) == (found[1] == "table"), "files of the table are left"
        elif found := re.fullmatch(r"drop schema if exists (\w+) cascade", sql):
            assert not self.stored.pop(found[1]), "files of tables are left"
        elif found := re.fullmatch(r"create schema if not exists (\w+)", sql):
            self.stored.setdefault(found[1], {})
        elif found := re.match(r"create table (\w+)\.(\w+) using iceberg", sql):
            self.stored[found[1]][found[2]] = "table"
        else:
            raise AssertionError(sql)
        return self

    def fetchall(self) -> list[tuple]:
        return self.answer

    def has(self, table: str) -> bool:
        schema, name = table.split(".")
        return name in self.stored.get(schema, {})

    def columns(self, table: str) -> tuple[dict[str, str], list[str]]:
        return {"health_date": "date"}, ["health_date"]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    found = FakeSession({"health": {"history": "table", "last_days": "view"}, "raw": {}})

    monkeypatch.setattr(spark_scratch, "connected", lambda: nullcontext(found))
    return found


def test_a_try_leaves_nothing_also_where_it_fails(session: FakeSession) -> None:
    with pytest.raises(ZeroDivisionError), spark_scratch.scratch_schemas() as prefix:
        spark_scratch.copy_tables(prefix, ["health.history", "health.not_there_yet"])
        session.stored[f"{prefix}health"]["last_days"] = "view"
        assert session.stored[f"{prefix}health"] == {"history": "table", "last_days": "view"}
        raise ZeroDivisionError
    assert session.stored == {"health": {"history": "table", "last_days": "view"}, "raw": {}}


def test_what_a_killed_try_left_is_dropped_once_nobody_is_at_work_in_it(
    session: FakeSession,
) -> None:
    days = [today() - timedelta(ago) for ago in (400, 2, 1, 0)]
    left = [f"health_scratch_{day:%Y%m%d}_0a1b2c3d_health" for day in days]
    session.stored |= {name: {"history": "table"} for name in left}
    with spark_scratch.scratch_schemas():
        pass
    assert [name for name in left if name in session.stored] == left[2:]
    assert session.stored["health"]
