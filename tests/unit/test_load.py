"""The cases of `make load`: their data are as they say, and other rows are noticed."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from benchmarks import load
from orchestration.base.settings import ROOT


@pytest.mark.parametrize("name", load.CASES)
def test_every_case_makes_a_raw_folder(name: str, tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    (seeds / "health_rules.csv").write_bytes((ROOT / "seeds" / "health_rules.csv").read_bytes())
    company = load.Company(tmp_path / "raw", 0.002, seeds)
    assert load.CASES[name](company) == 1
    assert list(company.raw.glob("accounts.*"))
    day = company.raw / "events" / f"occurred_on={load.yesterday()}"
    if name == "one_large_account":
        rows = duckdb.sql(f"select count(*), min(account_id) from '{day}/large.parquet'").fetchall()
        assert rows == [(10_000, "acc_00001")]
    if name == "many_files":
        assert len(list(day.glob("part_*.parquet"))) == 20
    if name == "accounts_alone":
        assert len(pd.read_csv(company.raw / "accounts.csv")) == 100


def test_rules_are_as_many_as_are_asked_for_and_each_is_another_clause(tmp_path: Path) -> None:
    checkout = load.copied_checkout(tmp_path / "checkout")
    load.many_rules(load.Company(tmp_path / "raw", 0.2, checkout / "seeds"))
    rules = pd.read_csv(checkout / "seeds" / "health_rules.csv", dtype=str)
    assert len(rules) >= 1000
    assert not rules.duplicated().any()
    assert (checkout / "dbt_project" / "dbt_project.yml").exists()


def publish(folder: Path, fingerprint: str, sent_at: str, status: str = "sent") -> None:
    file = folder / "published" / load.FILE
    file.parent.mkdir(parents=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            f"""
            create schema health;
            create table health.publication_partitions as
            select
                unnest(['account_churn', 'health_alerts']) as table_name,
                null::date as health_date,
                1 as row_count,
                unnest(['{fingerprint}', '{sent_at}']) as fingerprint,
                now() as published_at;
            create table health.health_alerts as
            select date '2026-11-22' as health_date, '{status}' as status, '{sent_at}' as sent_at;
            """
        )


def test_other_rows_are_noticed_but_not_another_time_of_sending(tmp_path: Path) -> None:
    publish(tmp_path / load.ENOUGH, "1", "2026-11-22 00:01")
    publish(tmp_path / "500MB", "1", "2026-11-22 00:02")
    assert load.differences(tmp_path, "500MB") == []
    publish(tmp_path / "400MB", "2", "2026-11-22 00:02", status="pending")
    assert load.differences(tmp_path, "400MB") == ["account_churn", "health_alerts"]
