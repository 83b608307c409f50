"""Corrupted raw data does not go unnoticed: what the raw checks see, and what a run makes of it.

`make corruptions` does all of it at length and writes expectations/CORRUPTIONS.md.
"""

import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from corruptions import CORRUPTIONS, Corruption, Raw, checkpoint, failures_of, raw_failures
from pipeline import Warehouse

import expectations
from expectations.reports import Report
from orchestration.base.settings import Settings
from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.sample_data import write_sample

HEALTH_DATE = date(2026, 11, 19)
# What only the checks after the calculation can see, or none does (CORRUPTIONS.md).
NOT_SEEN_IN_RAW = {
    "accounts-all_churned",
    "accounts-stages_renamed",
    "account_attributes-values_lost",
    "events-last_day_a_third_dropped",
    "events-times_of_another_zone,_3_hours",
    "invoices-amounts_negative",
    "risk_assessments-scores_turned_round",
    "subscriptions-all_ended",
    "subscriptions-mrr_and_seats_swapped",
    "subscriptions-mrr_in_cents",
    "tickets-all_twice,_new_ids",
    "tickets-replies_of_another_zone",
    "users-all_deactivated",
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Raw:
    raw = Raw(tmp_path_factory.mktemp("corruptions") / "raw", HEALTH_DATE)
    write_sample(raw.folder, accounts=100, days=150, end_date=HEALTH_DATE)
    return raw


@pytest.fixture(scope="module")
def history(clean: Raw) -> Warehouse:
    """What was calculated before anything was corrupted."""
    warehouse = Warehouse(clean.folder.with_name("history") / "warehouse.duckdb", clean.folder)
    warehouse.path.parent.mkdir()
    warehouse.calculate(HEALTH_DATE - timedelta(1))
    checkpoint(warehouse)
    return warehouse


@pytest.fixture(scope="module")
def usual(clean: Raw, history: Warehouse) -> set[str]:
    """What fails on the clean sample."""
    tables = {corruption.table for corruption in CORRUPTIONS}
    return {failure for table in tables for failure in raw_failures(clean, table, history.path)}


@pytest.fixture
def raw(clean: Raw) -> Iterator[Raw]:
    folder = clean.folder.with_name("corrupted")
    shutil.copytree(clean.folder, folder)
    yield Raw(folder, HEALTH_DATE)
    shutil.rmtree(folder)


def test_there_are_many_kinds() -> None:
    assert len({corruption.id for corruption in CORRUPTIONS}) == len(CORRUPTIONS) >= 40
    assert {corruption.id for corruption in CORRUPTIONS} > NOT_SEEN_IN_RAW


def test_the_clean_sample_fails_nothing_critical(usual: set[str]) -> None:
    assert not [failure for failure in usual if "critical" in failure]
    assert len(usual) <= 2


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.id)
def test_the_raw_checks_see_it(
    corruption: Corruption, raw: Raw, history: Warehouse, usual: set[str]
) -> None:
    corruption.corrupt(raw)
    found = set(raw_failures(raw, corruption.table, history.path)) - usual
    assert bool(found) == (corruption.id not in NOT_SEEN_IN_RAW), found


# The same SQL -------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", raw_definitions())
def test_raw_rows_are_validated_by_the_sql_of_dbt(
    table: str, clean: Raw, history: Warehouse
) -> None:
    """The macros called without dbt make what dbt makes of them, to the letter."""
    models = history.path.parent / "target/compiled/health/models"
    model = (
        "intermediate/int_validated_events" if table == "events" else f"staging/base/base_{table}"
    )
    dbt_sql = (models / f"{model}.sql").read_text(encoding="utf-8")
    day = HEALTH_DATE - timedelta(1)
    relations = {} if table in ("accounts", "exchange_rates") else {"accounts": "stg_accounts"}
    if table in ("subscriptions", "invoices"):
        relations["rates"] = "stg_exchange_rates"
    if table == "health_entries":
        relations["named_ids"] = "base_override_ids"
    with duckdb.connect() as connection:
        macros = DbtMacros(connection, raw_folder=clean.folder, dates=(day, day))
        ours = macros.validated_rows(table, **relations)
    assert words(ours) in words(dbt_sql)
    if table != "events":  # whose model goes on with it
        assert words(ours) == words(dbt_sql)


def words(sql: str) -> str:
    """The SQL without comments, every space a single one, and relations by their last name."""
    sql = re.sub(r"--.*", "", sql)
    return re.sub(r'"warehouse"\."\w+"\."(\w+)"', r"\1", " ".join(sql.split()))


# Whole runs ---------------------------------------------------------------------------------------


def corruption_named(corruption_id: str) -> Corruption:
    return next(corruption for corruption in CORRUPTIONS if corruption.id == corruption_id)


def run(raw: Raw, history: Warehouse, scratch: Path) -> tuple[Warehouse, list[Report]]:
    """A run on corrupted data, on the way that a run takes."""
    warehouse = Warehouse(scratch / "warehouse.duckdb", raw.folder)
    shutil.copyfile(history.path, warehouse.path)
    settings = Settings(raw.folder, warehouse.path)
    reports = [expectations.run_raw_checks(settings, HEALTH_DATE)]
    warehouse.calculate(HEALTH_DATE)
    reports.append(expectations.run_pillar_checks(settings, HEALTH_DATE))
    reports.append(expectations.run_health_checks(settings, HEALTH_DATE))
    expectations.write_check_tables(settings, reports)
    return warehouse, reports


def reasons(warehouse: Warehouse) -> dict[str, set[str | None]]:
    rows = warehouse.query(
        "select pillar_id, list(distinct reason) from health.pillar_health_history"
        f" where health_date = '{HEALTH_DATE}' group by pillar_id"
    )
    return {pillar: set(found) for pillar, found in rows}


def test_a_source_that_fails_takes_its_pillar_out_and_leaves_the_others(
    raw: Raw, history: Warehouse, tmp_path: Path
) -> None:
    corruption_named("invoices-amounts_in_cents_lately").corrupt(raw)
    warehouse, reports = run(raw, history, tmp_path)
    found = reasons(warehouse)
    assert "source_unavailable" in found.pop("financial")
    assert not [pillar for pillar, why in found.items() if "source_unavailable" in why]
    assert not expectations.blocking_failures(reports), "the other pillars are published"
    review = next(r for r in reports[-1].results if r.check.check_name == "to_review")
    assert not review.passed, "the accounts that lost a pillar are named"
    [(failures, accounts)] = warehouse.query(
        "select count(*), count(distinct account_id) from health.check_failures"
        " where check_name = 'to_review' and detail like '%financial: source_unavailable%'"
    )
    assert failures == accounts > 50


def test_no_accounts_are_calculated_and_not_published(
    raw: Raw, history: Warehouse, tmp_path: Path
) -> None:
    corruption_named("accounts-no_rows").corrupt(raw)
    warehouse, reports = run(raw, history, tmp_path)
    [(accounts,)] = warehouse.query(
        f"select count(*) from health.account_health_history where health_date = '{HEALTH_DATE}'"
    )
    assert accounts == 0
    blocking = {result.check.check_name for result in expectations.blocking_failures(reports)}
    assert "accounts_calculated" in blocking


def test_a_clean_run_is_published_with_no_pillar_missing(
    clean: Raw, history: Warehouse, tmp_path: Path
) -> None:
    warehouse, reports = run(clean, history, tmp_path)
    assert not expectations.blocking_failures(reports)
    assert not [why for why in reasons(warehouse).values() if "source_unavailable" in why]
    critical = [result for report in reports for result in report.failed]
    assert not [label for label in failures_of(critical) if "critical" in label]
