"""Run the pipeline as a user does: `dbt build` in a process of its own, on given folders."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
from pytest import MonkeyPatch

from orchestration.base.settings import Settings
from orchestration.dbt_runner.dbt_build import copied_project
from orchestration.dbt_runner.dbt_process import DBT

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt_project"
SUPPORT = Path(__file__).parent
# Of what a dbt that was killed leaves behind, which the server sees to.
QUIET = ("-W", "ignore:resource_tracker")


@dataclass(frozen=True)
class Run:
    """What a `dbt build` answered: its exit code and all that it printed."""

    exit_code: int
    output: str


@dataclass(frozen=True)
class Warehouse:
    """A warehouse file and the folders it is built from; seeds None: the starter ones."""

    path: Path
    raw: Path
    seeds: Path | None = None

    @property
    def settings(self) -> Settings:
        return Settings(self.raw, self.path)

    def build(
        self,
        start: date,
        end: date | None = None,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
    ) -> Run:
        """Calculate the dates from start to end, both included (one date when end is None)."""
        variables = {
            "HEALTH_RAW_DIR": str(self.raw),
            "HEALTH_DB_PATH": str(self.path),
            "HEALTH_START_DATE": start.isoformat(),
            "HEALTH_END_DATE": (end or start).isoformat(),
            **(environment or {}),
        }
        project = project_with(self.seeds, self.path.parent) if self.seeds else PROJECT
        return dbt_build(
            self.path.parent,
            "--exclude-resource-type",
            "unit_test",
            *arguments,
            project=project,
            environment=variables,
        )

    def calculate(self, start: date, end: date | None = None, *arguments: str) -> None:
        """As `build`, for runs that must succeed."""
        run = self.build(start, end, *arguments)
        assert run.exit_code == 0, run.output

    def query(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def writing(self) -> duckdb.DuckDBPyConnection:
        """A connection to change what the warehouse holds, as a context."""
        return duckdb.connect(str(self.path))

    def contents(self, *tables: str) -> dict[str, list[tuple]]:
        """All rows of the given tables of schema `health`, ordered."""
        return {table: self.query(f"select * from health.{table} order by all") for table in tables}


def project_with(seeds: Path, scratch: Path) -> Path:
    """A copy of the dbt project below `scratch`, beside a copy of the given seeds."""
    checkout = scratch / "checkout"
    shutil.rmtree(checkout, ignore_errors=True)
    return copied_project(checkout, seeds)


def dbt_build(
    scratch: Path, *arguments: str, environment: Mapping[str, str], project: Path = PROJECT
) -> Run:
    """`dbt build` of the project, its artifacts under the folder `scratch`."""
    return dbt(scratch, "build", *arguments, environment=environment, project=project)


def dbt(
    scratch: Path, *arguments: str, environment: Mapping[str, str], project: Path = PROJECT
) -> Run:
    """A command of dbt, likewise."""
    answer = subprocess.run(
        [DBT, "--no-use-colors", *arguments],
        cwd=project,
        env={
            **{name: text for name, text in os.environ.items() if not name.startswith("HEALTH_")},
            "DBT_TARGET_PATH": str(scratch / "target"),
            "DBT_LOG_PATH": str(scratch / "logs"),
            "DBT_LOG_LEVEL_FILE": "none",
            "DBT_WRITE_JSON": "false",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Run(answer.returncode, answer.stdout)


@contextmanager
def serving_dbt() -> Iterator[None]:
    """Whatever this process starts meanwhile has a dbt that has imported itself and the project."""
    with tempfile.TemporaryDirectory(prefix="dbt-") as folder, MonkeyPatch.context() as patch:
        address = str(Path(folder) / "socket")
        server = subprocess.Popen(
            [sys.executable, *QUIET, str(SUPPORT / "dbt_server.py"), str(PROJECT), address],
            stdin=subprocess.PIPE,
        )
        patch.setenv("TEST_DBT_SERVER", address)
        patch.setenv("PYTHONPATH", str(SUPPORT / "startup"), prepend=os.pathsep)
        try:
            yield
        finally:
            server.communicate()  # it ends with its input
