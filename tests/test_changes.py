"""Changes of health and their causes (contract: tables.md, `health_changes`)."""

import shutil
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from changed_configuration import changed_configuration
from pipeline import Warehouse
from worlds import make_world

pytestmark = pytest.mark.xdist_group("changes")

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


@pytest.mark.parametrize("seed", [2, 3, 8])
def test_configuration_is_proved(seed: int, tmp_path: Path) -> None:
    """A change is caused by the configuration exactly where the former one, run in full on the same
    data, gives the former state."""
    world = make_world(tmp_path / "world", seed)
    first, second = world.end, world.end + timedelta(days=1)
    former = Warehouse(tmp_path / "former" / "warehouse.duckdb", world.raw_dir, world.seeds_dir)
    former.path.parent.mkdir()
    former.calculate(first)
    changed = tmp_path / "changed"
    changed_configuration(world.seeds_dir, changed / "seeds", seed)
    present = Warehouse(changed / "warehouse.duckdb", world.raw_dir, changed / "seeds")
    shutil.copy(former.path, present.path)
    present.calculate(second)
    former.calculate(second)
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
