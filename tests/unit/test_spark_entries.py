"""Entries that a run sends to a Spark cluster, without one."""

import json
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import pytest

from orchestration.base import progress
from orchestration.base.settings import Settings
from orchestration.raw_reader import entries, spark_entries
from orchestration.warehouse import spark

TAG = {"kind": "tag_on", "tag": "it's \\ odd", "tag_kind": "label"}


class FakeSession(spark.Session):
    """A cluster whose table somebody else has made, with a column too few and one too many."""

    def __init__(self) -> None:
        self.types = {"entry_id": "string", "risk_score": "double", "team": "string"}
        self.properties = {"owner": "ana"}
        self.ids: list[str] = []
        self.inserted: list[str] = []
        self.answer: list[tuple] = []

    def execute(self, sql: str) -> "FakeSession":
        if sql.startswith("insert"):
            self.inserted.append(sql)
            self.ids += re.findall(r"\('(\d{8}T\w+Z-\w+)'", sql)
        self.answer = [(name,) for name in self.ids] if sql.startswith("select") else []
        if sql.startswith("show tblproperties"):
            self.answer = list(self.properties.items())
        return self

    def fetchall(self) -> list[tuple]:
        return self.answer

    def has(self, table: str) -> bool:
        return True

    def columns(self, table: str) -> tuple[dict[str, str], list[str]]:
        assert table == "raw.health_entries"
        return dict(self.types), []


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    found = FakeSession()

    monkeypatch.setattr(spark_entries, "connected", lambda: nullcontext(found))
    return found


def written(settings: Settings, **entry: Any) -> str:
    return entries.write(settings, "a1", "ana@example.com", entry)


def test_an_entry_is_sent_once(session: FakeSession, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb", engine="spark")
    assert spark_entries.send(settings) == 0, "there is no folder yet"
    first = written(settings, kind="risk_score", risk_score=55.5)
    second = written(settings, **TAG)
    assert spark_entries.send(settings) == 2
    assert session.ids == [first, second]
    assert spark_entries.send(settings) == 0
    third = written(settings, **TAG)
    assert spark_entries.send(settings) == 1
    assert session.ids == [first, second, third]


def test_what_people_typed_is_data_in_the_columns_that_the_table_has(
    session: FakeSession, tmp_path: Path
) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb", engine="spark")
    entry_id = written(settings, risk_score=55.5, **TAG)
    spark_entries.send(settings)
    [sql] = session.inserted
    assert "cast(col1 as string), cast(col2 as double), cast(col3 as string)" in sql
    assert f"values ('{entry_id}', '55.5', null, " in sql
    assert spark.literal(TAG["tag"]) == r"'it\'s \\ odd'"
    assert r"'it\'s \\ odd'" in sql


def test_nothing_is_added_to_files_that_were_registered(
    session: FakeSession, tmp_path: Path
) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb", engine="spark")
    written(settings, **TAG)
    session.properties["health.registered"] = "s3a://bucket/entries"
    with pytest.raises(click.ClickException, match="made of files that were registered"):
        spark_entries.send(settings)
    assert not session.inserted


def test_what_is_no_entry_is_named_and_left_out(
    session: FakeSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[str] = []
    monkeypatch.setattr(progress, "note", noted.append)
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb", engine="spark")
    written(settings, **TAG)
    other = tmp_path / "raw" / "health_entries" / "other.jsonl"
    other.write_bytes(b"\xff\n[1]\n" + json.dumps({"kind": "tag_on"}).encode())
    assert spark_entries.send(settings) == 1
    assert len(noted) == 3 and all(str(other) in line for line in noted)
