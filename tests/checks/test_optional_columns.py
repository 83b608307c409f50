"""An optional column that is absent is no fault: each one of each table is left out in turn."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from pipeline import Warehouse

from expectations.queries import checks_of
from expectations.raw_profile import read_profiles
from orchestration.base.settings import Settings
from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.sample_data import write_sample

DAY = date(2026, 11, 22)
OPTIONAL = [
    (table, column)
    for table, definition in raw_definitions().items()
    for column in definition.columns
    if column not in definition.required and table != "health_entries"  # the sample has none
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw tables as Parquet, a file each."""
    folder = tmp_path_factory.mktemp("optional")
    write_sample(folder / "made", accounts=8, days=40, end_date=DAY)
    (folder / "raw").mkdir()
    for table in raw_definitions():
        source = folder / "made" / table
        if source.exists() or source.with_suffix(".parquet").exists():
            files = f"{source}/**/*.parquet" if source.exists() else f"{source}.parquet"
            copy = f"copy (from '{files}') to '{folder / 'raw' / table}.parquet'"
            duckdb.execute(copy)
    return folder / "raw"


@pytest.fixture
def without(sample: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder of links to the sample, in which files can be replaced."""
    for file in sample.iterdir():
        (tmp_path / file.name).symlink_to(file)
    return tmp_path


def drop(raw: Path, table: str, *columns: str) -> None:
    file = raw / f"{table}.parquet"
    content = pq.read_table(file)
    file.unlink()
    pq.write_table(content.drop_columns([c for c in columns if c in content.column_names]), file)


@pytest.mark.parametrize(("table", "column"), OPTIONAL)
def test_each_may_be_absent(without: Path, table: str, column: str) -> None:
    drop(without, table, column)
    settings = Settings(without, without / "warehouse.duckdb")
    profile = read_profiles(settings, checks_of("raw"), DAY, DAY, DAY)[table]
    assert profile.is_present
    assert profile.problem is None
    with duckdb.connect() as connection:
        macros = DbtMacros(connection, raw_folder=without, dates=(DAY, DAY))
        connection.execute("create table config_pillars as select 'service' as pillar_id")
        sql = macros.validated_rows(table)
        named = f"select count(*), count({column}) from ({sql}) as validated"
        [(rows, filled)] = connection.execute(named).fetchall()
    assert rows > 0
    assert filled == 0


def test_all_may_be_absent_together(without: Path, tmp_path: Path) -> None:
    for table, definition in raw_definitions().items():
        if (without / f"{table}.parquet").exists():
            drop(without, table, *(set(definition.columns) - set(definition.required)))
    (tmp_path / "warehouse").mkdir()
    warehouse = Warehouse(tmp_path / "warehouse" / "warehouse.duckdb", without)
    warehouse.calculate(DAY)
    statuses = warehouse.query("select distinct status from health.source_status")
    assert set(statuses) <= {("ok",), ("absent",), ("stale",), ("broken",)}
    assert warehouse.query("select count(*) > 0 from health.account_health") == [(True,)]
