"""`health backtest --settle` and the rules of `health flaps`, on histories with known numbers."""

import json
import random
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import click
import duckdb
import numpy as np
import pytest
from reference.settled import settled_state

from orchestration.insight import flaps, settle
from orchestration.insight.flapping_rules import flapping_rules
from orchestration.insight.observations import Labels
from orchestration.insight.settle import CODES, NO_ROW

END = date(2026, 11, 22)
LETTERS = {"G": "good", "A": "average", "P": "poor", "-": "not_calculated"}
NOBODY_LEFT = Labels({}, "churned_at of the accounts")


@pytest.fixture
def history() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema health")
        connection.execute(
            "create table health.account_health_history (health_date date, account_id text,"
            " segment_id text, csm_email text, mrr double, overall_state text,"
            " calculated_overall_state text)"
        )
        connection.execute(
            "create table health.pillar_health_history (health_date date, account_id text,"
            " pillar_id text, segment_id text, state text)"
        )
        connection.execute(
            "create table health.health_changes (health_date date, account_id text,"
            " pillar_id text, flipped_conditions text)"
        )
        connection.execute(
            "create table health.account_churn as"
            " select 'calm' as account_id, 'Calm' as account_name"
        )
        connection.execute(
            "create table health.account_health as"
            " select 'flapping' as account_id, 'Flap & Sons' as account_name"
        )
        yield connection


def days(length: int) -> list[date]:
    return [END - timedelta(days=length - 1 - number) for number in range(length)]


def write(connection: duckdb.DuckDBPyConnection, histories: Mapping[str, str]) -> None:
    """A letter a date for each account; a blank is a date without a row."""
    for account, letters in histories.items():
        connection.executemany(
            "insert into health.account_health_history values (?, ?, 's', null, 1, ?, ?)",
            [
                (day, account, LETTERS[letter], LETTERS[letter])
                for day, letter in zip(days(len(letters)), letters, strict=True)
                if letter != " "
            ],
        )


# The calm table

# 60 dates. `flapping` is poor on ten days, each between two good ones; `dips` twice for three days;
# `leaver` from the 41st date to the last before it leaves on the 56th.
PLANTED = {
    "calm": "G" * 60,
    "flapping": "G" * 20 + "PG" * 10 + "G" * 20,
    "dips": "G" * 20 + "PPP" + "G" * 7 + "PPP" + "G" * 27,
    "leaver": "G" * 40 + "P" * 15 + " " * 5,
}
LEFT = Labels({"leaver": [days(60)[55]], "dips": [END + timedelta(days=90)]}, "a list")


def test_a_flapping_company_has_the_numbers_that_were_planted(
    history: duckdb.DuckDBPyConnection,
) -> None:
    write(history, PLANTED)
    grid = settle.overall_states(history, days(60)[0], END)
    found = {
        one.settle_days: (
            one.flips,
            one.turns_to_poor,
            one.known,
            one.false_alarms,
            one.days_lost,
        )
        for one in settle.calm_by_settle_days(grid, LEFT, END)
    }
    assert found == {
        # 20 flips of `flapping`, 4 of `dips`, and the one of `leaver` that was none.
        0: (25, 13, 13, 12, (0,)),
        1: (5, 3, 3, 2, (1,)),
        2: (5, 3, 3, 2, (2,)),
        **{n: (1, 1, 1, 0, (n,)) for n in range(3, 15)},
    }
    [table] = [
        part for part in settle.report_of(grid, LEFT, END).parts if not isinstance(part, str)
    ]
    # 46 dates are counted: 25 flips in 46 / 30 months.
    assert table.rows[0] == ("0", "16.3", "8.5", "12 of 13 (92%)", "1 of 1", "0", "0")
    assert table.rows[14] == ("14", "0.7", "0.7", "0 of 1 (0%)", "1 of 1", "14", "14")


def test_an_alarm_is_false_when_it_is_undone_in_time(history: duckdb.DuckDBPyConnection) -> None:
    """Within as many days as are asked for; what the history ends before is not known."""
    write(
        history,
        {
            "soon": "G" * 20 + "P" * 5 + "G" * 10,
            "late": "G" * 20 + "P" * 6 + "A" * 9,
            "unknown": "G" * 32 + "PPP",
            "missing": "G" * 20 + "P" * 3 + "-" * 12,
        },
    )
    grid = settle.overall_states(history, days(35)[0], END)
    calm = settle.calm_by_settle_days(grid, NOBODY_LEFT, END, undone_within=5)
    assert [(one.turns_to_poor, one.known, one.false_alarms) for one in calm[:2]] == [
        (4, 3, 1),
        (4, 3, 2),
    ]
    assert all(one.days_lost == () for one in calm)


def test_a_warning_that_comes_too_late_is_none(history: duckdb.DuckDBPyConnection) -> None:
    write(history, {"stays": "G" * 40, "leaves": "G" * 36 + "PPP "})
    grid = settle.overall_states(history, days(40)[0], END)
    lost = [
        one.days_lost
        for one in settle.calm_by_settle_days(grid, Labels({"leaves": [END]}, "a list"), END)
    ]
    assert lost == [(0,), (1,), (2,), *[(None,)] * 12]


def test_the_table_settles_as_the_rule_does() -> None:
    """That of the reference, on random histories with dates without a row."""
    rng = random.Random(5)
    states = [None, *CODES]
    for settle_days in (0, 1, 2, 5, 14):
        rows = []
        for _ in range(30):
            row: list[str | None] = []
            while len(row) < 40:
                row += [rng.choice(states)] * rng.choice((1, 1, 2, 3, 7))
            rows.append(row[:40])
        codes = np.array([[CODES.get(str(state), NO_ROW) for state in row] for row in rows])
        found, _ = settle.settled(codes, settle_days)
        for row, shown in zip(rows, found.tolist(), strict=True):
            for place, state in enumerate(row):
                expected = None if state is None else settled_state(row[: place + 1], settle_days)
                assert shown[place] == CODES.get(str(expected), NO_ROW)


def test_too_short_a_history_is_refused(history: duckdb.DuckDBPyConnection) -> None:
    write(history, {"calm": "G" * 27})
    grid = settle.overall_states(history, days(27)[0], END)
    with pytest.raises(click.ClickException, match="27 health dates are too few"):
        settle.report_of(grid, NOBODY_LEFT, END)


# Rules that flap


def flip(
    observed_before: str | None, observed: str | None, was_met: bool | None, **other: str
) -> dict:
    return {
        "pillar_id": "service",
        "rule_set": "good",
        "clause": "1",
        "signal_id": "logins",
        "operator": ">=",
        "threshold": "10",
        "observed_before": observed_before,
        "observed": observed,
        "was_met": was_met,
        "is_met": None if was_met is None else not was_met,
        **other,
    }


def flapped(low: str, high: str, account: str = "a", pillar: str = "service") -> tuple:
    """A flap of one condition, down to the low value and back up to the high one."""
    there, back = flip(high, low, True), flip(low, high, False)
    return account, pillar, "s", json.dumps([there]), json.dumps([back])


def test_a_rule_that_flips_there_and_back_flaps() -> None:
    there = [flip("10", "9", True), flip("1", "5", False, signal_id="seats")]
    back = [flip("9", "11", False), flip("2", "3", True, signal_id="tickets")]
    again = flapped("9", "10", "b", "overall")
    [rule] = flapping_rules([("a", "service", "s", json.dumps(there), json.dumps(back)), again])
    assert rule.text == "service good 1: logins >= 10"
    assert (rule.pillar_flaps, rule.overall_flaps, rule.accounts) == (1, 1, {"a", "b"})
    assert rule.hint == "", "too few to name a threshold"


def test_a_hint_is_the_nearest_threshold_that_most_do_not_cross() -> None:
    flaps_of_a = [flapped(low, high) for low, high in (("9", "14"), ("8.5", "13"), ("9", "12"))]
    [rule] = flapping_rules([*flaps_of_a, flapped("8", "11"), flapped("2", "11")])
    # From 8 on all but the last stay; above 13 all but the first; 8 is nearer to 10.
    assert rule.hint == "8: 1 of 5 flaps"
    [rule] = flapping_rules([flapped("1", high) for high in ("10", "11", "11", "11.5", "20")])
    assert rule.hint == "above 11.5: 1 of 5 flaps"


def test_a_scaled_threshold_has_no_hint() -> None:
    """Its numbers do not answer to the threshold as it stands."""
    there, back = flip("500", "400", True), flip("400", "500", False)
    flaps_of_a = [("a", "service", "s", json.dumps([there]), json.dumps([back]))] * 5
    [rule] = flapping_rules(flaps_of_a)
    assert (rule.pillar_flaps, rule.hint) == (5, "")


def test_flaps_name_accounts_and_rules(history: duckdb.DuckDBPyConnection) -> None:
    write(history, {"calm": "GGGGGGGG", "flapping": "GGPGGPGG"})
    for number, (low, high, was_met) in {
        2: ("9", "12", True),
        3: ("9", "12", False),
        5: ("8", "12", True),
        6: ("8", "11", False),
    }.items():
        one = flip(high, low, True) if was_met else flip(low, high, False)
        history.execute(
            "insert into health.health_changes values (?, 'flapping', 'overall', ?)",
            [days(8)[number], json.dumps([one])],
        )
    report = flaps.report_of(history, END, days=7, within=3, limit=5)
    tables = {part.title: part.rows for part in report.parts if not isinstance(part, str)}
    # Good, poor, good, poor, good: the poor days and the good ones between are undone.
    assert tables["Who flaps most"] == [
        (
            "flapping",
            "Flap & Sons",
            "overall",
            "3",
            "service good 1: logins >= 10 (3 flaps)",
        )
    ]
    assert tables["Which rules flap"] == [("s", "service good 1: logins >= 10", "0", "3", "1", "")]
