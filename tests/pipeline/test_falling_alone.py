"""The rule of docs/configuration.md, "Falling alone": one that fell is told from a fall of all.

The rows are those of the page, put beside the starter configuration; the raw data are made by hand.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from pipeline import ROOT, Warehouse

PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
STARTER = ROOT / "seeds"
ONE_FELL = date(2026, 3, 2)
ALL_FELL = date(2026, 6, 1)
ACCOUNTS = [f"a{number}" for number in range(8)]


def rows_of_page(file: str) -> list[dict[str, str]]:
    """The rows that the page says of a file, by its columns."""
    [table] = re.findall(rf"<!-- rows of {file} -->\n\n((?:\|.*\n)+)", PAGE)
    header, _, *lines = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
    )
    return [dict(zip(header, line, strict=True)) for line in lines]


def write_seeds(folder: Path) -> Path:
    folder.mkdir()
    for file in STARTER.glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            columns, rows = dict.fromkeys(reader.fieldnames or ()), list(reader)
        if f"<!-- rows of {file.name} -->" in PAGE:
            rows += rows_of_page(file.name)
        columns |= dict.fromkeys(column for row in rows for column in row)
        with (folder / file.name).open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, columns, "", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


def users_of(position: int, day: date) -> int:
    """Ten users of each account, a few more or less from one to the other and to the next weeks.

    The users of one account are four in the weeks before the first date, and those of all before
    the second.
    """
    weeks = (day - date(2026, 1, 1)).days // 28
    if ALL_FELL - timedelta(days=28) <= day:
        return 4 + position % 2
    if position == 0 and timedelta(0) < ONE_FELL - day <= timedelta(days=28):
        return 4
    return 10 + (position * weeks) % 3


def events() -> Iterator[str]:
    day = date(2026, 1, 1)
    while day < ALL_FELL:
        for position, account in enumerate(ACCOUNTS):
            for user in range(users_of(position, day)):
                yield f"{account}-{day}-{user},{account},report,{day}T09:00,{account}-{user}"
        day += timedelta(days=1)


@dataclass(frozen=True)
class Answer:
    """What a health date says: the accounts for which the clause of the page holds, and values."""

    holds: set[str]
    changes: dict[str, float]
    dates: int


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[date, Answer]:
    """Both dates, calculated one after the other with the rows of the page."""
    folder = tmp_path_factory.mktemp("falling_alone")
    raw = folder / "raw"
    raw.mkdir()
    files = {
        "accounts": ["account_id,account_name,created_at"]
        + [f"{account},Account {account},2024-01-01" for account in ACCOUNTS],
        "subscriptions": ["subscription_id,account_id,plan_id,mrr,seats,started_at"]
        + [f"s-{account},{account},team,100,20,2024-01-01" for account in ACCOUNTS],
        "events": ["event_id,account_id,feature,occurred_at,user_id", *events()],
    }
    for name, lines in files.items():
        (raw / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    warehouse = Warehouse(folder / "warehouse.duckdb", raw, write_seeds(folder / "seeds"))
    found = {}
    for day in (ONE_FELL, ALL_FELL):
        warehouse.calculate(day)
        found[day] = answer(warehouse, day)
    return found


def answer(warehouse: Warehouse, day: date) -> Answer:
    clauses = warehouse.query(
        "select account_id, bool_and(clause_holds) from health.health_explanations "
        f"where health_date = '{day}' and clause = 'fell_alone' group by 1"
    )
    changes = warehouse.query(
        "select account_id, value from health.pillar_metrics_history "
        f"where health_date = '{day}' and metric_id = 'active_users_14d_change_28d'"
    )
    [(dates,)] = warehouse.query(
        "select count(distinct health_date) from health.account_health_history"
    )
    assert {account for account, _ in clauses} == set(ACCOUNTS)
    return Answer({account for account, holds in clauses if holds}, dict(changes), dates)


def test_an_account_that_fell_alone_is_found(answers: dict[date, Answer]) -> None:
    assert answers[ONE_FELL].holds == {"a0"}


def test_the_past_is_worked_out_not_looked_up(answers: dict[date, Answer]) -> None:
    """Of the first date there is nothing published that it could be compared with."""
    assert answers[ONE_FELL].dates == 1
    assert answers[ONE_FELL].changes.keys() == set(ACCOUNTS)
    assert answers[ONE_FELL].changes["a0"] == pytest.approx(-0.6)


def test_a_fall_of_all_is_no_account_s(answers: dict[date, Answer]) -> None:
    assert max(answers[ALL_FELL].changes.values()) <= -0.3, "all of them fell"
    assert answers[ALL_FELL].holds == set()
