"""Milestones: reached once and for good, whatever the order in which dates are calculated."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
from comparison import differences
from pipeline import Warehouse
from reference import calculate
from worlds import make_world

MILESTONES = ("--select", "+milestone_progress", "--exclude-resource-type", "test")
# Days after the first date; together they are a range without a gap.
RUNS = ((5, 7), (0, 1), (2, 4))

Reached = dict[tuple[str, str, str], date]


def test_backfills_in_any_order_find_the_first_date_that_shows_it(tmp_path: Path) -> None:
    world = make_world(tmp_path, 8, ("currencies", "products"))
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", world.raw_dir, world.seeds_dir)
    first = world.end
    seen: list[Reached] = []
    for start, end in RUNS:
        warehouse.calculate(first + timedelta(days=start), first + timedelta(days=end), *MILESTONES)
        seen.append(reached(warehouse))
    for before, after in zip(seen, seen[1:], strict=False):
        assert before.keys() <= after.keys(), "what was reached is lost"
        assert all(after[milestone] <= before[milestone] for milestone in before)
        assert any(after[milestone] < before[milestone] for milestone in before)
    expected = calculate(world.raw_dir, world.seeds_dir, first, first + timedelta(days=7))
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        found = differences({"milestone_progress": expected["milestone_progress"]}, connection)
    assert not found, "\n".join(found)


def reached(warehouse: Warehouse) -> Reached:
    return {
        (account, segment, milestone): day
        for account, segment, milestone, day in warehouse.query(
            "select account_id, segment_id, milestone_id, reached_on"
            " from health.milestone_progress where is_reached"
        )
    }
