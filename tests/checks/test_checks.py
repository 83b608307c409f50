"""The rows of checks.csv, the tables that checks write, and what follows from a failure."""

import csv
import random
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from check_worlds import check

from expectations import (
    Failure,
    Report,
    WarehouseNotReady,
    WrongChecks,
    blocking_failures,
    build_docs,
    load_checks,
    open_failures,
    run_health_checks,
    write_check_tables,
)
from expectations.checks import CHECKS_FILE, COLUMNS, KINDS, Check
from expectations.queries import checks_of
from expectations.reports import CheckResult, worst_first
from expectations.tables import replace_source_check_failures
from expectations.validation import Figures, validated
from orchestration.base.settings import Settings
from orchestration.warehouse.connections import reading

TABLES = {"tickets": ["ticket_id", "priority"], "accounts": ["account_id"]}
MEASURES = {"open_tickets"}
ROW = {
    "check_name": "volume",
    "boundary": "raw",
    "table_name": "tickets",
    "column_name": "",
    "severity": "warning",
    "minimum": "0.5",
    "maximum": "2",
    "window_days": "7",
    "minimum_rows": "20",
    "owner": "support tools team",
    "what_to_do": "Look at the last load.",
}


def load(
    folder: Path, *rows: dict[str, str], header: tuple[str, ...] = COLUMNS
) -> tuple[Check, ...]:
    file = folder / "checks.csv"
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, header, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return load_checks(TABLES, MEASURES, file)


# checks.csv ---------------------------------------------------------------------------------------


def test_the_checks_that_are_shipped_are_right_and_use_every_kind() -> None:
    checks = [check for boundary in ("raw", "pillars", "health") for check in checks_of(boundary)]
    with CHECKS_FILE.open(encoding="utf-8", newline="") as lines:
        assert len(checks) == len(list(csv.DictReader(lines)))
    assert {check.check_name for check in checks} == set(KINDS)


def test_a_right_row_is_read(tmp_path: Path) -> None:
    [volume] = load(tmp_path, ROW)
    assert (volume.minimum, volume.maximum, volume.window_days, volume.minimum_rows) == (
        0.5,
        2,
        7,
        20,
    )
    assert volume.expected == "rows for each row of a usual period: 0.5 to 2"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"check_name": "volumes"}, "no check of this name"),
        ({"boundary": "health"}, "is validated at `raw`"),
        ({"table_name": "ticket"}, "Use one of: tickets, accounts"),
        ({"column_name": "priority"}, "Leave column_name empty"),
        ({"check_name": "null_share", "column_name": "prio"}, "Use one of: ticket_id, priority"),
        ({"severity": "blocker"}, "Write critical or warning"),
        ({"minimum": "few"}, "Write a number"),
        ({"minimum": "nan"}, "Write a number"),
        ({"minimum": "", "maximum": ""}, "could never fail"),
        ({"minimum": "3"}, "is above maximum"),
        ({"window_days": "1.5"}, "Write a whole number"),
        ({"window_days": ""}, "say how many"),
        ({"window_days": "9999"}, "from 1 to 365"),
        ({"owner": ""}, "Say who acts"),
        ({"what_to_do": " "}, "Say who acts"),
    ],
)
def test_a_wrong_row_is_named_with_the_cure(
    changes: dict[str, str], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongChecks, match="checks.csv line 3") as refused:
        load(tmp_path, {**ROW, "table_name": "accounts"}, {**ROW, **changes})
    assert problem in str(refused.value)


def test_a_row_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongChecks, match="another row has the same key"):
        load(tmp_path, ROW, {**ROW, "minimum": "0.1"})


def test_a_file_that_lacks_a_column_or_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongChecks, match="lacks the column owner"):
        load(tmp_path, ROW, header=tuple(name for name in COLUMNS if name != "owner"))
    with pytest.raises(WrongChecks, match="Restore it from git"):
        load_checks(TABLES, MEASURES, tmp_path / "none.csv")


# The steward's tables -----------------------------------------------------------------------------

FIRST = date(2026, 3, 1)
REVIEW = check("to_review", maximum=0, owner="success operations")
VOLUME = check("volume", "tickets", minimum=0.5, window_days=7, severity="critical")


def report(day: int, failing: tuple[str, ...] | None, asked: Check = REVIEW) -> Report:
    """What a check found on a day; None: there was too little."""
    health_date = FIRST + timedelta(days=day)
    result = CheckResult(
        health_date=health_date,
        check=asked,
        passed=not failing,
        observed="2",
        expected=asked.expected,
        failures=tuple(Failure(key, "1", account_id=key) for key in failing or ()),
        was_validated=failing is not None,
    )
    return Report(asked.boundary, (health_date,), (result,))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")


def rows(settings: Settings, sql: str) -> list[tuple]:
    with reading(settings) as warehouse:
        return warehouse.rows(sql)


HISTORY = {0: ("a",), 1: ("a", "b"), 2: ("b",), 3: None, 4: ("a", "b"), 5: (), 6: ("b",)}
SINCE = [
    (0, "a", 0),
    (1, "a", 0),
    (1, "b", 1),
    (2, "b", 1),
    (4, "a", 4),  # passed on day 2
    (4, "b", 1),  # could not be validated on day 3, which is no pass
    (6, "b", 6),
]


@pytest.mark.parametrize("seed", range(4))
def test_a_failure_keeps_its_first_date_whatever_the_order_of_runs(
    seed: int, settings: Settings
) -> None:
    days = [*HISTORY, *HISTORY][: 7 + seed]
    random.Random(seed).shuffle(days)
    for day in days:
        write_check_tables(settings, [report(day, HISTORY[day])])
    for day in set(HISTORY) - set(days):
        write_check_tables(settings, [report(day, HISTORY[day])])
    found = rows(
        settings,
        "select health_date, record_key, failing_since, age_days from health.check_failures"
        " order by health_date, record_key",
    )
    expected = [
        (FIRST + timedelta(day), key, FIRST + timedelta(since), day - since)
        for day, key, since in SINCE
    ]
    assert found == expected


def test_a_rerun_that_passes_ends_the_failure_also_for_later_dates(settings: Settings) -> None:
    for day in range(3):
        write_check_tables(settings, [report(day, ("a",))])
    write_check_tables(settings, [report(1, ())])
    found = rows(
        settings, "select health_date, failing_since from health.check_failures order by 1"
    )
    assert found == [(FIRST, FIRST), (FIRST + timedelta(2), FIRST + timedelta(2))]


def test_results_say_what_was_validated_and_who_acts(settings: Settings) -> None:
    write_check_tables(settings, [report(0, ("a", "b")), report(0, None, VOLUME)])
    found = rows(
        settings,
        "select check_name, boundary, severity, passed, failing_rows, owner"
        " from health.check_results order by check_name",
    )
    assert found == [
        ("to_review", "health", "warning", False, 2, "success operations"),
        ("volume", "raw", "critical", None, 0, "data team"),
    ]


def test_every_column_of_the_tables_is_described(settings: Settings) -> None:
    write_check_tables(settings, [report(0, ())])
    found = rows(
        settings,
        "select table_name, column_name from duckdb_columns()"
        " where schema_name = 'health' and comment is null",
    )
    assert found == []


def test_open_failures_are_those_of_the_last_validation_worst_first(settings: Settings) -> None:
    write_check_tables(settings, [report(0, ("old",)), report(0, ("tickets",), VOLUME)])
    write_check_tables(settings, [report(2, ("new", "old")), report(2, None, VOLUME)])
    with reading(settings) as warehouse:
        found = open_failures(warehouse)
    assert [(row["severity"], row["record_key"], row["age_days"]) for row in found] == [
        ("critical", "tickets", 2),
        ("warning", "old", 2),
        ("warning", "new", 0),
    ]
    write_check_tables(settings, [report(3, ()), report(3, (), VOLUME)])
    with reading(settings) as warehouse:
        assert open_failures(warehouse) == []


# What follows -------------------------------------------------------------------------------------


def test_critical_raw_failures_are_said_to_dbt_and_replaced_by_a_rerun(settings: Settings) -> None:
    warning = check("volume", "tickets", minimum=0.5, window_days=7)
    for found in (report(0, ("tickets",), VOLUME), report(1, ("tickets",), VOLUME)):
        replace_source_check_failures(settings, found)
    replace_source_check_failures(settings, report(2, ("tickets",), warning))
    said = "select * from checks.source_check_failures order by all"
    assert rows(settings, said) == [
        (FIRST, "tickets", "volume"),
        (FIRST + timedelta(1), "tickets", "volume"),
    ]
    replace_source_check_failures(settings, report(0, (), VOLUME))
    assert rows(settings, said) == [(FIRST + timedelta(1), "tickets", "volume")]


@pytest.mark.parametrize(
    ("asked", "blocks"),
    [
        (VOLUME, False),
        (check("rows_kept", "accounts", minimum=0.9, window_days=28, severity="critical"), True),
        (check("future_share", "accounts", maximum=0.1), False),
        (check("accounts_calculated", minimum=1, severity="critical"), True),
        (check("to_review", maximum=0), False),
    ],
)
def test_only_what_makes_everything_worthless_blocks(asked: Check, blocks: bool) -> None:
    assert bool(blocking_failures([report(0, ("x",), asked)])) == blocks
    assert not blocking_failures([report(0, (), asked)])


def test_what_blocks_comes_first_then_what_is_critical() -> None:
    accounts = check("accounts_calculated", minimum=1, severity="critical")
    failed = [
        result
        for asked in (REVIEW, VOLUME, accounts)
        for result in report(0, ("x",), asked).results
    ]
    assert [result.check for result in worst_first(failed)] == [accounts, VOLUME, REVIEW]


def test_without_a_warehouse_the_message_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(WarehouseNotReady, match="health run"):
        run_health_checks(settings, FIRST)


def test_a_warehouse_that_is_no_database_is_not_ready(settings: Settings) -> None:
    settings.warehouse.write_text("not a warehouse " * 1000)
    with pytest.raises(WarehouseNotReady, match="cannot be opened or read"), reading(settings):
        pass


def test_data_docs_are_pages_that_need_nothing_from_elsewhere(tmp_path: Path) -> None:
    records = [
        {"health_date": FIRST, "record_key": key, REVIEW.title: number, "detail": "<no data>"}
        for key, number in (("a1", 0), ("a2", 3))
    ]
    found = validated("health", [FIRST], [Figures([REVIEW], records)])
    for _ in range(2):  # A second run replaces the pages of the first.
        index = build_docs([found], tmp_path / "docs")
    page = index.read_text()
    assert f'id="{REVIEW.subject}"' in page
    assert "a2: 3 (&lt;no data&gt;)" in page
    assert "success operations" in page
    pages = sorted((tmp_path / "docs" / "validations").rglob("*.html"))
    assert len(pages) == 1
    assert REVIEW.expected in pages[0].read_text()
    assert "What to do" in pages[0].read_text()
    assert pages[0].relative_to(tmp_path / "docs").parts[1:3] == (
        "health",
        "not_calculated_accounts",
    )
    for file in (tmp_path / "docs").rglob("*.html"):
        text = file.read_text()
        assert 'src="http' not in text
        assert '<link rel="stylesheet" href="http' not in text


def test_a_wrong_file_is_no_warehouse_of_ours(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("create table anything (x integer)")
    with reading(settings) as warehouse:
        assert open_failures(warehouse) == []
