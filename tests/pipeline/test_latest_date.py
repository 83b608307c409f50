"""The latest date is the last one with an account in scope, whatever date was asked for."""

from datetime import date
from pathlib import Path

import duckdb
from comparison import differences
from pipeline import Warehouse
from small_world import World

FIRST, LATEST, LAST = date(2026, 11, 19), date(2026, 11, 20), date(2026, 12, 10)


def test_all_tables_are_of_the_last_date_with_an_account(tmp_path: Path) -> None:
    """The only account leaves; two weeks before the last date it had done nothing any more."""
    world = World(tmp_path)
    world.raw(
        "accounts",
        "account_id,account_name,created_at,industry,churned_at",
        ["a1,Acme,2026-01-01,retail,2026-11-20 10:00"],
    )
    world.raw("users", "user_id,account_id,created_at", ["u1,a1,2026-01-01"])
    world.raw(
        "events",
        "event_id,account_id,feature,occurred_at,user_id,module,product",
        [
            "e1,a1,report,2026-11-06,u1,core,suite",
            "e2,a1,report,2026-11-19 10:00,u1,core,suite",
            "e3,a1,report,2026-11-20 10:00,u2,core,suite",
        ],
    )
    world.raw("account_tags", "account_id,tag,kind,added_at", ["a1,merger,risk,2026-11-19 10:00"])
    world.raw(
        "risk_assessments",
        "assessment_id,account_id,risk_score,assessed_at",
        ["r1,a1,70,2026-11-19 10:00", "r2,a1,10,2026-11-20 10:00"],
    )
    world.metrics("events,30")
    world.seed(
        health_rules=["everyone,product_adoption,good,1,events_30,>,5,"],
        pillar_weights=["everyone,product_adoption,1,"],
        milestones=["everyone,used,Used,1,events_30,>,1,"],
    )
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", world.raw_dir, world.seeds_dir)
    warehouse.calculate(FIRST, LAST)

    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        found = differences(world.calculate(FIRST, LAST), connection)
    assert not found, "\n".join(found)
    assert warehouse.query(
        "select health_date, signal_id, to_state, observed from health.nearest_flips"
    ) == [(LATEST, "events_30", "good", "2")]
    assert warehouse.query(
        "select health_date, features_used_14d, active_days_14d from health.user_adoption"
        " where user_id = 'u1'"
    ) == [(LATEST, 1, 2)]
