"""The pipeline on Spark against the independent reference, row for row, on random worlds.

Minutes a world, so only by `make spark-worlds` (`WORLDS=20`, `FIRST_WORLD=1`). Raw tables there are
no files, so each world has its raw rows as DuckDB read them from its files: typed or as texts.
"""

import os
from pathlib import Path

import duckdb
import pytest
import spark_cluster
from both_engines import OF_ONE_ENGINE, Company, dates_asked
from comparison import KEYS, differences
from reference import calculate
from spark_cluster import Cluster
from worlds import World, make_world

from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.warehouse.duckdb_files import in_memory

FIRST = int(os.environ.get("FIRST_WORLD", "1"))
COUNT = int(os.environ.get("HEALTH_SPARK_WORLDS", "0"))
# The others are of files.
KINDS = (
    *("spellings", "null words", "declared values"),
    *("currencies", "products", "absent columns"),
)

pytestmark = pytest.mark.skipif(not COUNT, reason="minutes a world: `make spark-worlds` runs it")


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_spark_equals_the_reference(seed: int, cluster: Cluster, tmp_path: Path) -> None:
    world = make_world(tmp_path, seed, KINDS)
    write_as_read(world.raw_dir, tmp_path / "as read")
    drop_schemas(cluster)
    spark_cluster.load_raw(cluster, tmp_path / "as read")
    company = Company(world.raw_dir, tmp_path, cluster, world.seeds_dir)
    calculate_world(company, world)
    expected = calculate(**world.inputs)
    expected = {name: rows for name, rows in expected.items() if name not in OF_ONE_ENGINE}
    with duckdb.connect() as found:
        found.execute("set timezone = 'UTC'")
        copy_published(company, found)
        sentences = differences(expected, found)
    assert not sentences, "\n".join(sentences)


def drop_schemas(cluster: Cluster) -> None:
    """Leave nothing of the world before."""
    with cluster.cursor() as cursor:
        cursor.execute("show schemas")
        for (schema,) in cursor.fetchall():
            if schema != "default":
                cursor.execute(f"drop schema {schema} cascade")


def write_as_read(raw: Path, target: Path) -> None:
    """The rows of a raw folder's tables as Parquet files, but of those that cannot be read."""
    target.mkdir()
    with in_memory() as connection:
        macros = DbtMacros(connection, raw_folder=raw)
        for name in raw_definitions():
            file = macros.raw_table(name)
            if not file or not file["groups"]:
                continue
            groups = " union all by name ".join(
                "select "
                + ", ".join(
                    f'{column["expression"]} as "{of_file}"'
                    for of_file, column in group["columns"].items()
                )
                + f" from {group['relation']}"
                for group in file["groups"]
            )
            # Spark reads no nanoseconds, and what they say beyond microseconds is cut off.
            rows = connection.sql(groups)
            columns = ", ".join(
                f'make_timestamp(epoch_ns("{column}") // 1000) as "{column}"'
                if str(kind) == "TIMESTAMP_NS"
                else f'"{column}"'
                for column, kind in zip(rows.columns, rows.types, strict=True)
            )
            rows.project(columns).write_parquet(str(target / f"{name}.parquet"))


def calculate_world(company: Company, world: World) -> None:
    dates = dates_asked(world.start, world.end)
    for command in ("seed", "run"):
        done = company.dbt(command, *world.dbt_arguments, environment=dates)
        assert done.returncode == 0, done.stdout


def copy_published(company: Company, target: duckdb.DuckDBPyConnection) -> None:
    """The tables of schema `health` on the cluster."""
    target.execute("create schema health")
    with company.cluster.cursor() as cursor:
        for table in KEYS:
            if table in OF_ONE_ENGINE:
                continue
            cursor.execute(f"select * from health.{table}")
            names = [column.rpartition(".")[2] for column, *_ in cursor.description]
            types = [DUCKDB_TYPES.get(kind, "varchar") for _, kind, *_ in cursor.description]
            columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(names, types, strict=True))
            target.execute(f"create table health.{table} ({columns})")
            rows = cursor.fetchall()
            if rows:
                places = ", ".join("?" for _ in names)
                target.executemany(f"insert into health.{table} values ({places})", rows)


# By the names that the Thrift server gives to types.
DUCKDB_TYPES = {
    "BOOLEAN_TYPE": "boolean",
    "INT_TYPE": "integer",
    "BIGINT_TYPE": "bigint",
    "DOUBLE_TYPE": "double",
    "DATE_TYPE": "date",
    "TIMESTAMP_TYPE": "timestamp",
}
