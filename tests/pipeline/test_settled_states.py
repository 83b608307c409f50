"""Settled states over runs of every kind, against a replay of the reference.

docs/health.md, "Settled state": they rest on the history as it is when a date is calculated. So the
order of runs counts: dates in one run and in several, backfills before and between, dates again,
accounts that go and come back, segments that change, overrides, a configuration that asks for other
days and then for none.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from pipeline import Warehouse
from reference.settled import Key, Replay, Standing
from small_world import World

FIRST = date(2026, 3, 1)
DAYS = 24
ACCOUNTS = tuple(f"a{number}" for number in range(8))
SETTLE_DAYS = {"slow": 3, "soon": 1, "everyone": 0}
PILLARS = ("service", "relationship")
# As (first day, last day): in order with a gap, in one run, before all others, between two, over
# what is there, alone again, and after all.
RUNS = ((4, 6), (8, 15), (0, 1), (7, 7), (5, 12), (10, 10), (20, 20), (17, 23))
ALERTS = ("any,overall,,,,,,,", "turned_poor,service,,poor,,,,,", "from_good,overall,good,,,,,,")


@dataclass
class Company:
    """What accounts are on each day: good, average or poor in each pillar, and their segment.

    States stay for some days, then change for one or two, then stay: as those at a threshold do.
    """

    seed: int

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        self.levels = {
            (account, pillar): self._levels(rng) for account in ACCOUNTS for pillar in PILLARS
        }
        self.tiers = {
            account: [
                tier
                for _ in range(4)
                for tier in [rng.choice(("slow", "slow", "soon", "none"))] * (DAYS // 4)
            ]
            for account in ACCOUNTS
        }
        self.overrides = [
            (account, subject, rng.choice(("good", "average", "poor")), first, first + length)
            for account in ACCOUNTS[:4]
            for subject in rng.sample(("overall", *PILLARS), 2)
            for first, length in [(rng.randrange(DAYS), rng.randrange(1, 6))]
        ]

    @staticmethod
    def _levels(rng: random.Random) -> list[int]:
        levels: list[int] = []
        while len(levels) < DAYS:
            levels += [rng.choice((1, 5, 9))] * rng.choice((1, 1, 2, 2, 3, 4, 6))
        return levels[:DAYS]

    def write(self, world: World, accounts: Iterable[str]) -> None:
        """The raw data, with the accounts that are known at this moment."""
        world.raw(
            "accounts",
            "account_id,account_name,created_at",
            [f"{account},{account},2025-01-01" for account in accounts],
        )
        rows = [
            f"{account},{name},{FIRST + timedelta(days=day - 1)},{value}"
            for account in ACCOUNTS
            for day in range(DAYS)
            for name, value in (
                *((pillar, self.levels[account, pillar][day]) for pillar in PILLARS),
                ("tier", self.tiers[account][day]),
            )
        ]
        world.raw("account_attributes", "account_id,attribute,recorded_at,value", rows)
        world.raw(
            "health_overrides",
            "override_id,account_id,pillar_id,state,reason,author,created_at,expires_at",
            [
                f"o{number},{account},{subject},{state},why,kim,"
                f"{FIRST + timedelta(days=first - 1)},{FIRST + timedelta(days=last)}"
                for number, (account, subject, state, first, last) in enumerate(self.overrides)
            ],
        )


def configure(world: World, settle_days: Mapping[str, int]) -> None:
    world.seed(
        pillars=[f"{pillar},{pillar},1,average" for pillar in PILLARS],
        segment_rules=["slow,1,tier,=,slow", "soon,1,tier,=,soon"],
        attributes=["tier,text,,", *(f"{pillar},number,," for pillar in PILLARS)],
        health_rules=[
            f"{segment},{pillar},{state},1,{pillar},{comparison},"
            for segment in settle_days
            for pillar in PILLARS
            for state, comparison in (("good", ">,7"), ("poor", "<,3"))
        ],
        alert_rules=ALERTS,
    )
    world.write(
        world.seeds_dir / "segments.csv",
        "segment_id,segment_name,priority,is_default,settle_days,good_from,poor_below,description",
        [
            f"{segment},{segment},{priority},{str(segment == 'everyone').lower()},{days or ''},,,"
            for priority, (segment, days) in enumerate(settle_days.items(), start=1)
        ],
    )


def standings_of(
    world: World, days: list[date], settle_days: Mapping[str, int]
) -> dict[date, dict[Key, Standing]]:
    """What the reference calculates of the raw data of this moment."""
    tables = world.calculate(days[0], days[-1])
    found: dict[date, dict[Key, Standing]] = {day: {} for day in days}
    for table, state in (
        ("account_health_history", "overall_state"),
        ("pillar_health_history", "state"),
    ):
        for row in tables[table].to_dict("records"):
            key = (row["account_id"], row.get("pillar_id", "overall"))
            found[row["health_date"]][key] = Standing(
                row[f"calculated_{state}"],
                settle_days[row["segment_id"]],
                row[state] if row["is_overridden"] else None,
            )
    return found


def told(replay: Replay, days: Iterable[date]) -> set[tuple[date, str, str, str, str]]:
    """The alerts of dates that were calculated just now: (date, alert, account, states)."""
    found = set()
    for day in days:
        dates = [date_before for date_before in replay.settled if date_before < day]
        if not dates or day not in replay.settled:
            continue
        before = replay.settled[max(dates)]
        for (account, pillar), state in replay.settled[day].items():
            was = before.get((account, pillar))
            for alert, subject, from_state, to_state, *_ in (rule.split(",") for rule in ALERTS):
                if (
                    subject == pillar
                    and was not in (None, state)
                    and from_state in ("", was)
                    and to_state in ("", state)
                ):
                    found.add((day, alert, account, was, state))
    return found


def settled_in(warehouse: Warehouse) -> dict[tuple[date, str, str], str]:
    rows = warehouse.query(
        "select health_date, account_id, 'overall', settled_state"
        " from health.account_health_history"
        " union all"
        " select health_date, account_id, pillar_id, settled_state"
        " from health.pillar_health_history"
    )
    return {row[:3]: row[3] for row in rows}


def calculate(warehouse: Warehouse, days: list[date]) -> None:
    warehouse.calculate(
        days[0], days[-1], "--exclude-resource-type", "test", "--select", "+health_alerts"
    )


@pytest.mark.parametrize("seed", range(1))
def test_runs_leave_what_a_replay_does(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    world = World(tmp_path)
    company = Company(seed)
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", world.raw_dir, world.seeds_dir)
    replay = Replay()
    alerts: set[tuple[date, str, str, str, str]] = set()
    settle_days = dict(SETTLE_DAYS)
    for number, (first, last) in enumerate(RUNS):
        # Every run but the last knows most of the accounts; in one nobody asks to settle.
        is_last = number == len(RUNS) - 1
        known = ACCOUNTS if is_last else [a for a in ACCOUNTS if rng.random() < 0.8]
        if number == 3:
            settle_days = dict.fromkeys(SETTLE_DAYS, 0)
        if number == 4:
            settle_days = {"slow": 2, "soon": 1, "everyone": 4}
        configure(world, settle_days)
        company.write(world, known)
        days = [FIRST + timedelta(days=day) for day in range(first, last + 1)]
        calculate(warehouse, days)
        replay.run(days, standings_of(world, days, settle_days))
        alerts = {alert for alert in alerts if alert[0] not in days} | told(replay, days)
        expected = {
            (day, *key): state
            for day, found in replay.settled.items()
            for key, state in found.items()
        }
        got = settled_in(warehouse)
        wrong = {key for key in {*expected, *got} if expected.get(key) != got.get(key)}
        assert not wrong, (number, sorted(wrong)[:5])
        rows = warehouse.query(
            "select health_date, alert_id, account_id, from_state, to_state"
            " from health.health_alerts"
        )
        assert set(rows) == alerts, number
    kept = warehouse.query("select count(*) from intermediate.int_calculated_state_starts")
    assert kept != [(0,)]
    others = sum(
        state != replay.standings[day][key].calculated_state
        and not replay.standings[day][key].override
        for day, found in replay.settled.items()
        for key, state in found.items()
    )
    assert others > 20, "there is little to settle"


def test_a_history_of_a_former_version_is_looked_at_whole(tmp_path: Path) -> None:
    """Dates that were calculated without settle days, and without what is kept of them."""
    world = World(tmp_path)
    company = Company(7)
    company.write(world, ACCOUNTS)
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", world.raw_dir, world.seeds_dir)
    days = [FIRST + timedelta(days=day) for day in range(DAYS)]
    none = dict.fromkeys(SETTLE_DAYS, 0)
    configure(world, none)
    calculate(warehouse, days[:-2])
    replay = Replay()
    replay.run(days[:-2], standings_of(world, days[:-2], none))
    assert warehouse.query("select count(*) from intermediate.int_calculated_state_starts") == [
        (0,)
    ]
    with warehouse.writing() as connection:
        connection.execute("drop table intermediate.int_calculated_state_starts")
        for table in ("account_health_history", "pillar_health_history"):
            drop_column(connection, table, "settled_state")
    configure(world, SETTLE_DAYS)
    for day in days[-2:]:
        calculate(warehouse, [day])
        replay.run([day], standings_of(world, [day], SETTLE_DAYS))
        got = {key: state for key, state in settled_in(warehouse).items() if key[0] == day}
        assert got == {(day, *key): state for key, state in replay.settled[day].items()}
    rows = warehouse.query(
        f"select health_date, alert_id, account_id, from_state, to_state"
        f" from health.health_alerts where health_date >= date '{days[-2]}'"
    )
    # What was shown stands for what had not been settled yet.
    assert set(rows) == told(replay, days[-2:])


def drop_column(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> None:
    """As DuckDB allows it: views that show the table go first."""
    connection.execute(f"drop view if exists health.{table.replace('history', 'last_60_days')}")
    connection.execute(f"alter table health.{table} drop column {column}")
