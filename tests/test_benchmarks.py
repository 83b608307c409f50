"""The benchmark compares like with like: its rivals find the metrics that the pipeline finds."""

from pathlib import Path

import duckdb
import pytest
from pipeline import Warehouse

from benchmarks.__main__ import USUAL, differences, run_rival
from benchmarks.data import write_raw_data
from benchmarks.pipeline import Pipeline
from benchmarks.rivals import RIVALS, main
from benchmarks.sizes import NIGHT, Size

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
    compared = 58 if rival.startswith("floor") else 52  # the floors have pillars and overall too
    assert len(differences(warehouse.path, tmp_path / "other.parquet")) == compared


def test_the_usual_project_finds_the_same_metrics(warehouse: Warehouse, tmp_path: Path) -> None:
    found = tmp_path / "metrics.parquet"
    pipeline = Pipeline(warehouse.raw, warehouse.path, tmp_path / "target")
    run_rival(USUAL, pipeline, tmp_path, found)
    assert differences(warehouse.path, found) == []
    [(count,)] = duckdb.sql(f"select count(distinct name) from '{found}'").fetchall()
    assert count == 52


def test_data_are_the_same_every_time(warehouse: Warehouse, tmp_path: Path) -> None:
    write_raw_data(TOY, tmp_path)
    for file in sorted(tmp_path.rglob("*.parquet")):
        first = warehouse.raw / file.relative_to(tmp_path)
        [(different,)] = duckdb.sql(
            f"select count(*) from ((from '{file}' except all from '{first}') "
            f"union all (from '{first}' except all from '{file}'))"
        ).fetchall()
        assert different == 0, file.name
