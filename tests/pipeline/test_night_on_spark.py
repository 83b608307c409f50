"""A night of health on Spark publishes what one on DuckDB does, and keeps other machines out.

The models' rows are compared in `test_spark`; here it is what runs around dbt. `make spark` runs it
(HEALTH_SPARK_NIGHT), because it takes a quarter of an hour.
"""

import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import spark_cluster
from both_engines import Company
from changed_configuration import changed_configuration
from pipeline import ROOT
from receiver import receiving
from spark_cluster import Cluster

from orchestration.erasure.removal import remove
from orchestration.sample_data import write_sample
from orchestration.warehouse import spark, spark_lock
from orchestration.warehouse.duckdb_files import in_memory, opened
from orchestration.warehouse.spark_lock import Holder

END = date(2026, 11, 22)
DAY = END - timedelta(days=1)
pytestmark = pytest.mark.skipif(
    not os.environ.get("HEALTH_SPARK_NIGHT"),
    reason="nights of health on Spark take a quarter of an hour; `make spark` runs them",
)


@pytest.fixture(scope="module")
def company(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A small company whose first night is published, from DuckDB and from Spark."""
    folder = tmp_path_factory.mktemp("company")
    write_sample(folder / "raw", accounts=15, days=30, end_date=END)
    spark_cluster.load_raw(cluster, folder / "raw")
    company = Company(folder / "raw", folder, cluster)
    company.calculate_on_duckdb(DAY, DAY)
    company.run_health_on_spark("run", "--date", str(DAY))
    return company


def test_it_publishes_the_rows_of_duckdb(company: Company) -> None:
    assert_same(company)


def test_its_publication_is_read_whole_while_another_night_writes(
    company: Company, asked: None
) -> None:
    with spark.connected() as session:
        [(snapshot,)] = session.rows(
            "select snapshots['source_status'] from operations.publications"
            " order by published_at desc limit 1"
        )
        dates = "select max(health_date) from health.source_status"
        session.execute(f"delete from health.source_status where health_date = date '{DAY}'")
        assert session.rows(dates) == [(None,)]
        assert session.rows(f"{dates} version as of {snapshot}") == [(DAY,)]
        # As it was, for the tests that compare it.
        session.execute(
            f"call spark_catalog.system.rollback_to_snapshot('health.source_status', {snapshot})"
        )


def test_the_next_night_and_a_backfill_publish_the_rows_of_duckdb(company: Company) -> None:
    """Alerts are sent once, and hold what was calculated of them on the cluster. What people have
    entered counts."""
    enter(company, "risk_score", risk_score=93.5)
    enter(company, "override", pillar_id="service", state="poor", note="it's down")
    with receiving() as receiver:
        alerts = {
            "HEALTH_ALERT_DESTINATION": receiver.url,
            "HEALTH_ALERT_MAX_AGE_DAYS": "36500",
        }
        company.calculate_on_duckdb(END, END)
        company.run_health_on_spark("run", "--date", str(END), environment=alerts)
        assert_same(company)
        [(expected,)] = company.warehouse.query(
            f"select count(*) from health.health_alerts where health_date = '{END}'"
        )
        assert len(receiver.accepted) == expected > 0
        overridden = "select count(*) from health.override_history where reason = 'it''s down'"
        with opened(company.published) as published:
            assert published.execute(overridden).fetchone() == (1,)

        first = DAY - timedelta(days=2)
        company.calculate_on_duckdb(first, DAY)
        dates = ("--start", str(first), "--end", str(DAY))
        company.run_health_on_spark("run", *dates, environment=alerts)
        assert_same(company)
        assert len(receiver.requests) == expected, "alerts of a backfill, or twice"


def enter(company: Company, kind: str, **columns: Any) -> None:
    """An entry of the day before the last, as the pages write it, for either engine."""
    [(account,)] = company.warehouse.query("select min(account_id) from health.account_health")
    row = {"entry_id": kind, "account_id": account, "kind": kind, "author": "ana@example.com"}
    row |= {"entered_at": f"{DAY}T10:00:00Z", **columns}
    for raw in (company.raw, company.folder / "no raw files"):
        folder = raw / "health_entries"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{kind}.jsonl").write_text(json.dumps(row) + "\n")


def test_another_configuration_is_tried_as_on_duckdb(
    company: Company, asked: None, tmp_path: Path
) -> None:
    """In schemas that are gone afterwards; nothing that others read is written."""
    changed = tmp_path / "changed"
    changed_configuration(ROOT / "seeds", changed, seed=1)
    dates = ("--start", str(DAY), "--end", str(END))
    snapshots = "select * from health.account_health_history.refs"
    reports = [tmp_path / "duckdb.md", tmp_path / "spark.md"]
    with spark.connected() as session:
        before = session.rows(snapshots)
    for run, report in zip(
        (company.run_health_on_duckdb, company.run_health_on_spark), reports, strict=True
    ):
        run("what-if", "--configuration", str(changed), *dates, "--markdown", str(report))
    on_duckdb, on_spark = (report.read_text() for report in reports)
    assert "## The rules behind the changes" in on_duckdb
    assert on_spark == on_duckdb
    with spark.connected() as session:
        assert session.rows(snapshots) == before
        assert not [name for name in session.schemas() if "scratch" in name]


def test_somebody_is_erased_as_on_duckdb(company: Company, cluster: Cluster) -> None:
    [(account,)] = company.warehouse.query("select max(account_id) from health.account_health")
    [(user,)] = company.warehouse.query(
        f"select min(user_id) from health.user_adoption where account_id <> '{account}'"
    )
    words = f"kind,id,requested_at\naccount,{account},{END}\nuser,{user},{END}\n"
    (company.folder / "on_spark" / "erasures.csv").write_text(words)
    (company.warehouse.path.parent / "erasures.csv").write_text(words)
    said = company.run_health_on_spark("erase")
    assert "of 1 user and 1 account from the warehouse" in said
    assert "raw table accounts: 1 row of them to delete" in said
    for dates in remove(company.warehouse.settings).dates.again:
        company.calculate_on_duckdb(*dates)
    assert_same(company, is_after_dbt=True)
    for published in (company.published, company.warehouse.path):
        assert not tables_naming(published, account, user)
    for file in cluster.events.parent.rglob("*.parquet"):
        if not {"raw.db", "erasure_list"} & set(file.parts):
            with in_memory() as connection:
                text = str(connection.execute(f"from '{file}'").fetchall())
            assert account not in text and user not in text, file
    assert "Nothing is left of 1 user and 1 account" in company.run_health_on_spark("erase")


def tables_naming(file: Path, *ids: str) -> set[str]:
    with opened(file) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
        ).fetchall()
        return {
            table
            for (table,) in tables
            for text in [str(connection.execute(f"from {table}").fetchall())]
            if any(name in text for name in ids)
        }


def assert_same(company: Company, is_after_dbt: bool = False) -> None:
    """What is on the cluster, and what is published of it, is what DuckDB has."""
    for is_of_published in (False, True):
        sentences, tables, rows = company.differences(is_of_published, is_after_dbt)
        assert not sentences, "\n".join(sentences)
        assert tables > 25 and rows > 2_000


def test_its_lock_is_one_machines(company: Company, asked: None) -> None:
    one, other = (Holder(host, "1", "1", "health run", "now") for host in ("one", "other"))
    assert spark_lock.holder() is None, "the night has left its lock"
    assert spark_lock.take(one, lambda holder: False) is None
    assert spark_lock.take(other, lambda holder: False) == one
    spark_lock.release(other)  # who does not hold it frees nothing
    assert spark_lock.holder() == one
    spark_lock.release(one)
    assert spark_lock.holder() is None


def test_a_server_that_does_not_answer_is_told_in_one_line(
    asked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = spark_cluster.free_port()
    monkeypatch.setenv("HEALTH_SPARK_PORT", str(port))
    with pytest.raises(click.ClickException) as refused, spark.connected():
        pass
    assert f"127.0.0.1:{port} does not answer" in refused.value.message
    assert "\n" not in refused.value.message
