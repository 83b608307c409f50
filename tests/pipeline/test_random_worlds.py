"""The pipeline against an independent reference, row for row, on random worlds.

`WORLDS=100 make test` (or `FIRST_WORLD=500`) tries more, or others; `WORLD_KINDS=formats,headings`
those with only these of worlds.KINDS.
"""

import os
from pathlib import Path

import duckdb
import pytest
from comparison import differences
from pipeline import Warehouse
from reference import calculate
from worlds import KINDS, make_world

FIRST = int(os.environ.get("FIRST_WORLD", "1"))
COUNT = int(os.environ.get("WORLDS", "20"))
KINDS_TRIED = [kind for kind in os.environ.get("WORLD_KINDS", ",".join(KINDS)).split(",") if kind]


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_pipeline_equals_the_reference(seed: int, tmp_path: Path) -> None:
    world = make_world(tmp_path, seed, KINDS_TRIED)
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", world.raw_dir, world.seeds_dir)
    warehouse.calculate(world.start, world.end, *world.dbt_arguments)
    expected = calculate(**world.inputs)
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        found = differences(expected, connection)
    assert not found, "\n".join(found)
