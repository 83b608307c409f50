"""A company of sample data whose health is calculated on DuckDB and on Spark, and compared.

Every published table must have the same rows, numbers at 9 decimals: sums of doubles differ in
their last bits with the order of adding. Only `raw_files` cannot: it lists files, and tables there.
"""

import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import spark_cluster
from pipeline import ROOT, Warehouse, project_with
from spark_cluster import Cluster

from orchestration.warehouse.duckdb_files import opened

DECIMALS = 9
OF_ONE_ENGINE = ("raw_files",)
# What a night writes after dbt: what became of an alert.
AFTER_DBT = {"health_alerts": ("status", "sent_at")}
# What a run of Spark prints of a table that is written.
WRITTEN = re.compile(r"OK created sql")

Rows = Counter[tuple]


@dataclass(frozen=True)
class Company:
    """Raw data in a folder and, as tables, on a cluster; the folder of a warehouse; the seeds."""

    raw: Path
    folder: Path
    cluster: Cluster
    seeds: Path = ROOT / "seeds"

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.folder / "warehouse.duckdb", self.raw, self.seeds)

    def calculate_on_duckdb(self, first: date, last: date) -> float:
        """The seconds that it takes."""
        begin = time.monotonic()
        self.warehouse.calculate(first, last, "--exclude-resource-type", "test")
        return time.monotonic() - begin

    def load_configuration(self) -> None:
        done = self.dbt("seed")
        assert done.returncode == 0, done.stdout

    def calculate_on_spark(self, first: date, last: date) -> float:
        """The seconds that it takes, the configuration loaded before."""
        begin = time.monotonic()
        done = self.dbt("run", environment=dates_asked(first, last))
        assert done.returncode == 0, done.stdout
        return time.monotonic() - begin

    def calculate_on_spark_and_lose_a_worker(self, first: date, last: date, tables: int) -> float:
        """The same; a worker is killed once so many tables are written."""
        begin = time.monotonic()
        run = subprocess.Popen(
            self.cluster.dbt_command("run"),
            cwd=project_with(self.seeds, self.folder / "spark"),
            env=self.cluster.dbt_environment(self.folder / "spark", dates_asked(first, last)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert run.stdout
        lines = []
        written = 0
        for line in run.stdout:
            lines.append(line)
            written += bool(WRITTEN.search(line))
            if written == tables:
                self.cluster.kill("worker_1")
                written += 1
        assert run.wait() == 0, "".join(lines)
        assert written > tables, "the run was over before a worker was killed"
        return time.monotonic() - begin

    def run_health_on_spark(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> str:
        """What a command of health prints, with the cluster and a warehouse file of its own."""
        return self.run_health(
            *arguments,
            environment={
                **(environment or {}),
                "HEALTH_RAW_DIR": str(self.folder / "no raw files"),
                "HEALTH_DB_PATH": str(self.folder / "on_spark" / "warehouse.duckdb"),
            },
        )

    def run_health_on_duckdb(self, *arguments: str) -> str:
        """The same of the raw data and the warehouse on DuckDB."""
        return self.run_health(
            *arguments,
            environment={
                "HEALTH_TARGET": "duckdb",
                "HEALTH_RAW_DIR": str(self.raw),
                "HEALTH_DB_PATH": str(self.warehouse.path),
            },
        )

    def run_health(self, *arguments: str, environment: Mapping[str, str]) -> str:
        programs = self.folder / "environment" / "bin"
        if not programs.exists():
            spark_cluster.health_environment(programs.parent)
        done = subprocess.run(
            [str(programs / "health"), *arguments],
            env=self.cluster.dbt_environment(self.folder / "spark", environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    @property
    def published(self) -> Path:
        """What `run_health_on_spark` has published."""
        return self.folder / "on_spark" / "published" / "account_health.duckdb"

    def dbt(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.cluster.dbt(
            self.folder / "spark",
            *arguments,
            environment=environment or {},
            project=project_with(self.seeds, self.folder / "spark"),
        )

    def differences(
        self, is_of_published: bool = False, is_after_dbt: bool = False
    ) -> tuple[list[str], int, int]:
        """What differs between the published tables, and how many tables and rows were compared.

        is_of_published: of what health has published from Spark, not of Spark's own tables.
        is_after_dbt: without what a night writes after dbt, as of published ones.
        """
        sentences: list[str] = []
        tables = rows = 0
        rows_found = self.rows_published if is_of_published else self.rows_on_spark
        for table, all_columns in self.published_tables():
            left_out = AFTER_DBT.get(table, ()) if is_of_published or is_after_dbt else ()
            columns = [name for name in all_columns if name not in left_out]
            expected = self.rows_on_duckdb(table, columns)
            found = rows_found(table, columns)
            tables, rows = tables + 1, rows + expected.total()
            sentences += differences_of(table, columns, expected, found)
        return sentences, tables, rows

    def published_tables(self) -> Iterator[tuple[str, list[str]]]:
        columns = self.warehouse.query(
            "select table_name, list(column_name order by column_index) from duckdb_columns()"
            " where schema_name = 'health' group by table_name order by table_name"
        )
        yield from ((table, names) for table, names in columns if table not in OF_ONE_ENGINE)

    def rows_on_duckdb(self, table: str, columns: Sequence[str]) -> Rows:
        return rows_of(self.warehouse.query(f"select {', '.join(columns)} from health.{table}"))

    def rows_on_spark(self, table: str, columns: Sequence[str]) -> Rows:
        with self.cluster.cursor() as cursor:
            cursor.execute(f"select {', '.join(columns)} from health.{table}")
            return rows_of(cursor.fetchall())

    def rows_published(self, table: str, columns: Sequence[str]) -> Rows:
        with opened(self.published) as published:
            sql = f"select {', '.join(columns)} from health.{table}"
            return rows_of(published.execute(sql).fetchall())


def dates_asked(first: date, last: date) -> dict[str, str]:
    return {"HEALTH_START_DATE": first.isoformat(), "HEALTH_END_DATE": last.isoformat()}


def rows_of(rows: Sequence[Sequence[Any]]) -> Rows:
    return Counter(tuple(one_form(value) for value in row) for row in rows)


def one_form(value: Any) -> Any:
    """A value in the form in which those of both engines are the same."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return round(float(value), DECIMALS) + 0.0
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else value


def differences_of(
    table: str, columns: Sequence[str], expected: Rows, found: Rows, limit: int = 3
) -> Iterator[str]:
    """How many rows one engine alone has, and in which columns the first of them differ."""
    missing, surplus = expected - found, found - expected
    if not missing and not surplus:
        return
    yield (
        f"{table}: {missing.total()} of {expected.total()} rows are not on Spark,"
        f" {surplus.total()} are only there"
    )
    for row in sorted(missing, key=repr)[:limit]:
        twin = max(surplus, key=lambda other: alike(row, other), default=None)
        if twin is None:
            yield f"  only DuckDB: {dict(zip(columns, row, strict=True))}"
        else:
            for name, one, other in zip(columns, row, twin, strict=True):
                if one != other:
                    yield f"  {row[:3]}: {name} is {one!r} on DuckDB, {other!r} on Spark"


def alike(one: tuple, other: tuple) -> int:
    return sum(a == b for a, b in zip(one, other, strict=True))
