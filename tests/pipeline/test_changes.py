"""Changes of health and their causes (docs/published_tables.md, "Changes and their cause")."""

import json
import os
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from changed_configuration import changed_configuration
from pipeline import Warehouse
from small_world import World
from worlds import make_world

# The versions are no ancestor: a run reads what the one before wrote.
CHANGES = (
    *("--select", "+health_changes", "+health_config_versions"),
    *("--exclude-resource-type", "test"),
)
# `WORLDS=100 make test` tries more configurations, or others with FIRST_WORLD.
FIRST = int(os.environ.get("FIRST_WORLD", "3"))
CONFIGURATIONS = max(1, int(os.environ.get("WORLDS", "20")) // 20)

FIRST_DATE, SECOND_DATE, THIRD_DATE = (date(2026, 11, day) for day in (20, 21, 22))
# To each account happens what its name says between the first date and the second, no more;
# to `configuration` when the third is calculated.
ACCOUNTS = (
    "first_calculated",
    "override",
    "segment",
    "data_appears",
    "data_unfit",
    "behaviour",
    "configuration",
)
PILLARS = ["service,Service,1,average", "relationship,Relationship,2,not_calculated"]
ATTRIBUTES = [
    ("first_calculated", "use", "2026-11-20 13:00", "20"),
    ("override", "use", "2026-11-01", "1"),
    ("segment", "use", "2026-11-01", "5"),
    ("segment", "tier", "2026-11-20 10:00", "important"),
    ("data_appears", "use", "2026-11-20 10:00", "20"),
    ("data_unfit", "tier", "2026-11-01", "visited"),
    ("data_unfit", "use", "2026-11-01", "20"),
    ("behaviour", "use", "2026-11-01", "20"),
    ("behaviour", "use", "2026-11-20 10:00", "1"),
    ("configuration", "use", "2026-11-01", "8"),
]


def rules(good_from: int) -> list[str]:
    return [
        f"everyone,service,good,1,use,>=,{good_from},",
        "everyone,service,poor,1,use,<,3,",
        "important,service,good,1,use,>=,4,",
        "visited,relationship,good,1,use,>=,10,",
    ]


@pytest.fixture(scope="module")
def causes(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two dates with one configuration, the third with another threshold in one rule."""
    world = world_of_causes(tmp_path_factory.mktemp("causes"))
    warehouse = warehouse_of(world)
    warehouse.calculate(FIRST_DATE, SECOND_DATE, *CHANGES)
    world.seed(health_rules=rules(good_from=7))
    warehouse.calculate(THIRD_DATE, None, *CHANGES)
    return warehouse


def warehouse_of(world: World) -> Warehouse:
    return Warehouse(world.raw_dir.parent / "warehouse.duckdb", world.raw_dir, world.seeds_dir)


def world_of_causes(folder: Path) -> World:
    world = World(folder)
    world.seed(
        pillars=PILLARS,
        attributes=["use,number,,", "tier,text,,"],
        segments=[
            "important,Important,1,,,,",
            "visited,Visited,2,,,,",
            "everyone,Everyone,9,true,,,",
        ],
        segment_rules=["important,1,tier,=,important", "visited,1,tier,=,visited"],
        health_rules=rules(good_from=10),
        sources=["touchpoints,30,"],
        pillar_sources=["relationship,touchpoints"],
    )
    world.raw(
        "accounts",
        "account_id,account_name,created_at",
        [
            f"{name},Name,{'2026-11-20 12:00' if name == 'first_calculated' else '2026-01-01'}"
            for name in ACCOUNTS
        ],
    )
    world.raw(
        "account_attributes",
        "account_id,attribute,recorded_at,value",
        [",".join((account, name, at, value)) for account, name, at, value in ATTRIBUTES],
    )
    world.raw(
        "touchpoints",
        "touchpoint_id,account_id,channel,occurred_at",
        ["t1,data_unfit,call,2026-11-19 12:00"],
    )
    world.raw(
        "health_overrides",
        "override_id,account_id,pillar_id,state,reason,author,created_at",
        ["o1,override,service,good,They are well,kim,2026-11-20 10:00"],
    )
    return world


def found_causes(warehouse: Warehouse, health_date: date) -> set[tuple]:
    return set(
        warehouse.query(
            "select account_id, pillar_id, from_state, to_state, cause from health.health_changes"
            f" where health_date = '{health_date}'"
        )
    )


def test_each_cause_makes_its_change_alone(causes: Warehouse) -> None:
    assert found_causes(causes, SECOND_DATE) == {
        ("first_calculated", "service", "not_calculated", "good", "first_calculated"),
        ("first_calculated", "overall", "not_calculated", "good", "first_calculated"),
        ("override", "service", "poor", "good", "override"),  # the overall is not touched by it
        ("segment", "service", "average", "good", "segment"),
        ("segment", "overall", "average", "good", "segment"),
        ("data_appears", "service", "average", "good", "data"),
        ("data_appears", "overall", "not_calculated", "good", "first_calculated"),
        ("data_unfit", "relationship", "good", "not_calculated", "data"),
        ("data_unfit", "overall", "good", "not_calculated", "data"),
        ("behaviour", "service", "good", "poor", "behaviour"),
        ("behaviour", "overall", "good", "poor", "behaviour"),
    }


def test_a_changed_rule_makes_its_change_alone(causes: Warehouse) -> None:
    assert found_causes(causes, THIRD_DATE) == {
        ("configuration", "service", "average", "good", "configuration"),
        ("configuration", "overall", "average", "good", "configuration"),
    }


def test_the_condition_that_flipped_stands_beside_the_change(causes: Warehouse) -> None:
    [(flipped,)] = causes.query(
        "select flipped_conditions from health.health_changes"
        " where account_id = 'behaviour' and pillar_id = 'service'"
    )
    told = {
        (flip["rule_set"], flip["observed_before"], flip["observed"], flip["is_met"])
        for flip in json.loads(flipped)
    }
    assert told == {("good", "20", "1", False), ("poor", "20", "1", True)}


def test_changes_are_told_the_same_once_the_day_before_is_forgotten(tmp_path: Path) -> None:
    """Explanations are kept for days, changes for ever: what was true then is worked out again."""
    warehouse = warehouse_of(world_of_causes(tmp_path))
    warehouse.calculate(FIRST_DATE, SECOND_DATE, *CHANGES)
    told = warehouse.contents("health_changes")
    with duckdb.connect(str(warehouse.path)) as connection:
        [(forgotten,)] = connection.execute(
            "delete from health.health_explanations where health_date = ?", [FIRST_DATE]
        ).fetchall()
    assert forgotten > 0
    warehouse.calculate(SECOND_DATE, None, *CHANGES)
    assert warehouse.contents("health_changes") == told


# What every change of the second date must be caused by, from the published states of both dates
# and from what the second date would be with the former configuration, calculated in full.
EXPECTED_CAUSES = """
with states as (
    select health_date, account_id, 'overall' as pillar_id, segment_id, overall_state as state,
        calculated_overall_state as calculated, is_overridden
    from {0}.health.account_health_history
    union all
    select health_date, account_id, pillar_id, segment_id, state, calculated_state, is_overridden
    from {0}.health.pillar_health_history
),
would_be as (
    select account_id, 'overall' as pillar_id, overall_state as state
    from former.health.account_health_history where health_date = date '{1}'
    union all
    select account_id, pillar_id, state
    from former.health.pillar_health_history where health_date = date '{1}'
)
select
    now.account_id, now.pillar_id, before.state as from_state, now.state as to_state,
    case
        when before.state = 'not_calculated' then 'first_calculated'
        when (before.is_overridden or now.is_overridden)
            and before.calculated = now.calculated then 'override'
        when before.segment_id is distinct from now.segment_id then 'segment'
        when would_be.state = before.state then 'configuration'
        else 'data or behaviour'
    end as cause
from states as now
join states as before using (account_id, pillar_id)
left join would_be using (account_id, pillar_id)
where now.health_date = date '{1}' and before.health_date = date '{2}' and now.state <> before.state
order by all
"""


@pytest.mark.parametrize("seed", range(FIRST, FIRST + CONFIGURATIONS))
def test_configuration_is_proved(seed: int, tmp_path: Path) -> None:
    """A change is caused by the configuration exactly where the former one, run in full on the same
    data, gives the former state."""
    world = make_world(tmp_path / "world", seed)
    first, second = world.end, world.end + timedelta(days=1)
    former = Warehouse(tmp_path / "former" / "warehouse.duckdb", world.raw_dir, world.seeds_dir)
    former.path.parent.mkdir()
    former.calculate(first, None, *CHANGES)
    changed = tmp_path / "changed"
    changed_configuration(world.seeds_dir, changed / "seeds", seed)
    present = Warehouse(changed / "warehouse.duckdb", world.raw_dir, changed / "seeds")
    shutil.copy(former.path, present.path)
    present.calculate(second, None, *CHANGES)
    former.calculate(second, None, *CHANGES)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{former.path}' as former (read_only)")
        connection.execute(f"attach '{present.path}' as present (read_only)")
        expected = connection.execute(EXPECTED_CAUSES.format("present", second, first)).fetchall()
        found = connection.execute(
            "select account_id, pillar_id, from_state, to_state,"
            " if(cause in ('data', 'behaviour'), 'data or behaviour', cause)"
            f" from present.health.health_changes where health_date = date '{second}' order by all"
        ).fetchall()
    assert found == expected
