"""The benchmark compares like with like: its rivals find the metrics that the pipeline finds."""

import re
from pathlib import Path

import duckdb
import pytest
from pipeline import ROOT, Warehouse

from benchmarks.__main__ import USUAL, differences, run_rival
from benchmarks.data import write_raw_data
from benchmarks.pages import RATE, addresses, measure, multiply, serving, under_load
from benchmarks.pipeline import Pipeline, write_project
from benchmarks.rivals import RIVALS, main
from benchmarks.runs import PARTS
from benchmarks.sizes import NIGHT, Size
from orchestration.base.settings import Settings
from orchestration.publishing.publication import publish
from orchestration.warehouse.published import opened_locked

TOY = Size("toy", accounts=40, events=6_000, days=100)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("benchmark")
    write_raw_data(TOY, folder / "raw")
    warehouse = Warehouse(folder / "warehouse.duckdb", folder / "raw")
    warehouse.calculate(NIGHT)
    return warehouse


@pytest.mark.parametrize("rival", RIVALS)
def test_rival_finds_the_same_metrics(rival: str, warehouse: Warehouse, tmp_path: Path) -> None:
    if rival == "Polars":
        pytest.importorskip("polars")
    found = tmp_path / "metrics.parquet"
    main(rival, str(warehouse.raw), str(NIGHT), str(found), str(warehouse.path))
    assert differences(warehouse.path, found) == []
    duckdb.sql(
        f"copy (select * replace (value + 1 as value) from '{found}') to '{tmp_path}/other.parquet'"
    )
    compared = 61 if rival.startswith("floor") else 55  # the floors have pillars and overall too
    assert len(differences(warehouse.path, tmp_path / "other.parquet")) == compared


def test_the_usual_project_finds_the_same_metrics(warehouse: Warehouse, tmp_path: Path) -> None:
    found = tmp_path / "metrics.parquet"
    pipeline = Pipeline(warehouse.raw, warehouse.path, tmp_path / "target")
    run_rival(USUAL, pipeline, tmp_path, found)
    assert differences(warehouse.path, found) == []
    [(count,)] = duckdb.sql(f"select count(distinct name) from '{found}'").fetchall()
    assert count == 55


def test_more_rules_are_more_work_and_the_same_states(warehouse: Warehouse, tmp_path: Path) -> None:
    project = write_project(tmp_path, 2)
    pipeline = Pipeline(warehouse.raw, tmp_path / "warehouse.duckdb", tmp_path / "target", project)
    pipeline.build(NIGHT, NIGHT)
    found = tmp_path / "found.parquet"
    main("floor from roll-up", str(warehouse.raw), str(NIGHT), str(found), str(warehouse.path))
    assert differences(pipeline.warehouse, found) == []
    once, twice = (conditions(path) for path in (warehouse.path, pipeline.warehouse))
    assert twice == 2 * once > 0


def conditions(path: Path) -> int:
    """How many conditions of health rules were evaluated, over all accounts."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            "select count(*) from signals.health_conditions where rule_set in ('good', 'poor')"
        ).fetchall()[0][0]


def test_data_are_the_same_every_time(warehouse: Warehouse, tmp_path: Path) -> None:
    write_raw_data(TOY, tmp_path)
    for file in sorted(tmp_path.rglob("*.parquet")):
        first = warehouse.raw / file.relative_to(tmp_path)
        [(different,)] = duckdb.sql(
            f"select count(*) from ((from '{file}' except all from '{first}') "
            f"union all (from '{first}' except all from '{file}'))"
        ).fetchall()
        assert different == 0, file.name


def test_the_pages_are_measured_with_copies_of_accounts(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    publish(warehouse.settings, "test", NIGHT, NIGHT)
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    settings.published.mkdir()
    multiply(warehouse.settings.published_file, settings.published_file, 2 * TOY.accounts)
    counted = "select count(distinct account_id), count(distinct account_name), sum(mrr)"
    with (
        opened_locked(warehouse.settings.published_file) as base,
        opened_locked(settings.published_file) as copies,
    ):
        [once], [several] = (
            one.execute(f"{counted} from health.account_health").fetchall()
            for one in (base, copies)
        )
        kinds = addresses(copies)
    assert several[0] >= 2 * TOY.accounts
    assert len({copied / number for number, copied in zip(once, several, strict=True)}) == 1
    with serving(settings) as server:
        found = measure(settings, server, {kind: few[:1] for kind, few in kinds.items()}, 1)
        load = under_load(server, kinds, 1)
    assert all(took["page"] > 0 and took["bare"] > 0 for took in found.values())
    assert load["errors"] == []
    assert load["requests"] == RATE


def test_every_phase_of_a_run_is_part_of_what_it_costs() -> None:
    """Else a phase that gets another name, or is new, would cost nothing."""
    told = {
        phase
        for file in (ROOT / "orchestration").rglob("*.py")
        for phase in re.findall(
            r"progress\.(?:report|Step)\(\s*f?\"([A-Z][^\"]*)\"", file.read_text(encoding="utf-8")
        )
    }
    assert len(told) > 5
    phases = {
        name.replace("{boundary}", boundary)
        for name in told
        for boundary in ("raw", "pillars", "health")
    }
    known = tuple(beginning for beginnings in PARTS.values() for beginning in beginnings)
    assert {phase for phase in phases if not phase.startswith(known)} == set()
