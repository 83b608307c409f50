"""The commands of stewards: what they print, write and refuse."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from check_worlds import HEALTH_DATE, WORLD, check, write_raw
from click.testing import CliRunner, Result

from expectations import Failure, Report, write_check_tables
from expectations.reports import CheckResult
from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.insight import scratch
from orchestration.stewardship import lint

Health = Callable[..., Result]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A small world: raw tables, and a warehouse that was calculated on one date."""
    found = Settings(write_raw(tmp_path / "raw"), tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(found.warehouse)) as connection:
        connection.execute(WORLD)
        connection.execute(
            "create table health.source_status as select 'tickets' as table_name,"
            f" date '{HEALTH_DATE}' as health_date, 'ok' as status, 1000 as rows_before_date"
        )
    return found


@pytest.fixture
def health(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Health:
    monkeypatch.setenv("HEALTH_RAW_DIR", str(settings.raw))
    monkeypatch.setenv("HEALTH_DB_PATH", str(settings.warehouse))
    monkeypatch.setenv("HEALTH_DOCS_DIR", str(tmp_path / "docs"))
    return lambda *arguments: CliRunner().invoke(main, arguments, catch_exceptions=False)


def written(settings: Settings, sql: str) -> list[tuple]:
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def fail(settings: Settings, severity: str, *keys: str) -> None:
    asked = check("to_review", maximum=0, severity=severity, owner="success operations")
    result = CheckResult(
        health_date=HEALTH_DATE,
        check=asked,
        passed=not keys,
        observed="2",
        expected=asked.expected,
        failures=tuple(
            Failure(key, "1", account_id=key, owner="ana@example.com", detail="service: no_data")
            for key in keys
        ),
    )
    write_check_tables(settings, [Report("health", (HEALTH_DATE,), (result,))])


def test_check_judges_the_latest_date_and_writes_tables_and_docs(
    health: Health, settings: Settings, tmp_path: Path
) -> None:
    result = health("check")
    assert result.exit_code == 0, result.output
    assert f"Checks of {HEALTH_DATE}" in result.output
    assert (tmp_path / "docs" / "index.html").exists()
    found = written(
        settings,
        "select boundary, health_date, count(*) > 0 from health.check_results"
        " group by all order by 1",
    )
    assert found == [(boundary, HEALTH_DATE, True) for boundary in ("health", "pillars", "raw")]


def test_check_of_raw_data_needs_no_calculation(health: Health, settings: Settings) -> None:
    settings.warehouse.unlink()
    (settings.raw / "accounts.parquet").write_bytes(b"PAR1 and then nothing")
    result = health("check", "--boundary", "raw", "--date", str(HEALTH_DATE))
    assert result.exit_code == 1, "accounts that cannot be read must not be published"
    assert "Must not be published" in result.output
    said = written(settings, "select * from checks.source_check_failures")
    assert (HEALTH_DATE, "accounts", "readable") in said


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--date", "2026-03-11"), "health run --start 2026-03-11 --end 2026-03-11"),
        (("--start", "2026-03-10"), "needs both"),
        (("--date", "2026-03-10", "--end", "2026-03-10"), "either --date"),
        (("--start", "2026-03-10", "--end", "2026-03-09"), "lies after"),
    ],
)
def test_check_refuses_what_it_cannot_do(
    arguments: tuple[str, ...], problem: str, health: Health
) -> None:
    result = health("check", *arguments)
    assert result.exit_code != 0
    assert problem in result.output


def test_failures_name_record_owner_and_cure_worst_first(
    health: Health, settings: Settings, tmp_path: Path
) -> None:
    assert "Nothing was validated yet" in health("failures").output
    fail(settings, "warning", "a1", "a2")
    fail(settings, "critical", "a3")
    fail(settings, "warning")
    assert "None: every check passed" in health("failures").output
    fail(settings, "warning", "a1", "a2")
    result = health(
        "failures", "--all", "--markdown", str(tmp_path / "failures.md"), "--limit", "1"
    )
    assert result.exit_code == 0
    text = (tmp_path / "failures.md").read_text()
    assert "0 critical, 2 warnings." in text
    assert f"| warning | {HEALTH_DATE} | 0 | not_calculated_accounts to_review | a1 |" in text
    assert "service: no_data" in text
    assert "ana@example.com" in text
    assert "And 1 more" in text
    assert "Failures are open for: ana@example.com" in health("failures", "--owner", "bo").output


def test_one_problem_of_many_accounts_is_one_line(
    health: Health, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(settings, "warning", *(f"account_{number:03}" for number in range(168)))
    monkeypatch.setenv("COLUMNS", "80")
    shown = health("failures").output
    assert "168 warnings." in shown
    shown = " ".join(shown.split())
    assert shown.count("not_calculated_accounts to_review") == 1
    assert "168 records: account_000, account_001, account_002 and 165 more" in shown
    assert "health failures --all" in shown
    one_by_one = health("failures", "--all", "--limit", "200").output
    assert one_by_one.count("account_") == 168
    fail(settings, "warning", "a1")
    assert "0 critical, 1 warning." in health("failures").output


def test_lint_tells_what_is_of_no_use_and_fails_a_pull_request_only_if_asked(
    health: Health, settings: Settings, tmp_path: Path
) -> None:
    assert "Nothing found" in health("lint", "--strict").output
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("update health.health_explanations set is_met = true")
    result = health("lint")
    assert result.exit_code == 0
    result = health("lint", "--strict", "--markdown", str(tmp_path / "lint.md"))
    assert result.exit_code == 1
    text = (tmp_path / "lint.md").read_text()
    assert "| standard service poor 1: open_tickets > 20 | 1 | met by 30 of 30 accounts" in text
    assert "Move its threshold" in text


def test_wrong_rows_are_named_in_the_folder_that_was_given(tmp_path: Path) -> None:
    shutil.copytree(scratch.SEEDS, tmp_path / "strict")
    wrong = "is wrong in 1 place(s):\n  - seeds/pillars.csv [service,...]: no seeds/x.\n"
    for asked, place in (
        (tmp_path / "strict", tmp_path / "strict"),
        (scratch.SEEDS, "seeds"),
    ):
        side = scratch.find_side(str(asked), tmp_path)
        assert f"\n  - {place}/pillars.csv [service" in scratch.with_place(wrong, side)
        assert lint.named(str(asked)) == f"folder {asked}"
    revision = scratch.Side("v1", tmp_path / "revision-0")
    assert "\n  - v1:seeds/pillars.csv" in scratch.with_place(wrong, revision)
    assert lint.named("v1") == "revision v1"
    assert lint.named(None) == "the one of the latest run"


def test_lint_leaves_dates_of_another_configuration_out(health: Health, settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("update health.health_explanations set is_met = true")
        connection.execute(
            "update health.account_health_history set config_version = 'v0'"
            f" where health_date < date '{HEALTH_DATE}'"
        )
        connection.execute(
            "update health.health_explanations set is_met = observed::integer > 20"
            f" where health_date = date '{date(2026, 3, 10)}'"
        )
    result = health("lint", "--strict")
    assert result.exit_code == 0, result.output
