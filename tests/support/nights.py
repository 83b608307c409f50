"""A small company whose health the job of the night calculates: once for all tests of a worker."""

import atexit
import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import duckdb
from click.testing import CliRunner, Result

from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.sample_data import write_sample

END = date(2026, 11, 22)
START = END - timedelta(days=29)


@dataclass(frozen=True)
class Night:
    """A warehouse of its own, with its published place and its Dagster."""

    settings: Settings

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.settings.environment,
            "HEALTH_DOCS_DIR": str(self.settings.warehouse.parent / "docs"),
            "DBT_TARGET_PATH": str(self.settings.warehouse.parent / "target"),
        }

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["run", *arguments], env=self.environment)

    def published(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.settings.published_file), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def bytes_of_published_file(self) -> str:
        return hashlib.sha256(self.settings.published_file.read_bytes()).hexdigest()


@cache
def a_night() -> Night:
    folder = Path(tempfile.mkdtemp(prefix="night-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_sample(folder / "raw", accounts=25, days=60, end_date=END)
    return Night(Settings(folder / "raw", folder / "warehouse.duckdb"))


@cache
def a_night_calculated() -> Result:
    """A backfill of 30 dates, as docs/changing.md shows it."""
    return a_night().run("--start", str(START), "--end", str(END))
