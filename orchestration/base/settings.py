"""Where things are: the folders and files of this checkout, and the environment that moves them."""

import os
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
DBT_PROJECT = ROOT / "dbt_project"
SAMPLE_RAW = ROOT / "data" / "raw"
DEFAULT_WAREHOUSE = ROOT / "data" / "warehouse.duckdb"
# As in profiles.yml: DuckDB clients from 1.4 on can open what we write.
STORAGE_VERSION = "v1.4.0"
ENGINES = ("duckdb", "spark")


@dataclass(frozen=True)
class Settings:
    """The raw folder, the warehouse file, the folder that readers look into, the folder where runs
    keep their own notes, and the list of who is to be erased; all absolute. The last three lie
    beside the warehouse if not given, so that another warehouse never publishes over the first
    one's readers.

    engine: where dbt calculates. On Spark the warehouse file is what Python writes, and a copy of
    what readers get (`orchestration/warehouse/spark_copy.py`): of so many of the last health dates
    (copied_dates), None: of all.
    """

    raw: Path
    warehouse: Path
    published: Path = None  # type: ignore[assignment]
    state: Path = None  # type: ignore[assignment]
    erasures: Path = None  # type: ignore[assignment]
    engine: str = "duckdb"
    copied_dates: int | None = None

    def __post_init__(self) -> None:
        beside = {"published": "published", "state": "state", "erasures": "erasures.csv"}
        for name, default in beside.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.warehouse.parent / default)

    @classmethod
    def from_environment(cls) -> "Settings":
        """HEALTH_RAW_DIR, HEALTH_DB_PATH, HEALTH_PUBLISHED_DIR, HEALTH_STATE_DIR,
        HEALTH_ERASURE_LIST, HEALTH_TARGET and HEALTH_SPARK_DATES, or defaults.

        Raises click.ClickException for a file in place of a folder, or the other way round, for an
        engine that there is not, and for a number of dates that is none.
        """
        engine = os.environ.get("HEALTH_TARGET") or "duckdb"
        if engine not in ENGINES:
            raise click.ClickException(
                f"HEALTH_TARGET is {engine!r}; it has to be {' or '.join(ENGINES)}."
            )

        dates = os.environ.get("HEALTH_SPARK_DATES") or None
        if dates is not None and (not dates.isdecimal() or int(dates) == 0):
            raise click.ClickException(
                f"HEALTH_SPARK_DATES is {dates!r}; it has to be a number of health dates."
            )

        def path(variable: str, default: Path) -> Path:
            return Path(os.environ.get(variable) or default).resolve()

        warehouse = path("HEALTH_DB_PATH", DEFAULT_WAREHOUSE)
        if warehouse.is_dir():
            raise click.ClickException(
                f"HEALTH_DB_PATH is the folder {warehouse}; it has to be a file in it."
            )

        def folder(variable: str, default: Path) -> Path:
            found = path(variable, default)
            if found.exists() and not found.is_dir():
                raise click.ClickException(f"{found} is no folder; {variable} has to be one.")
            return found

        return cls(
            raw=folder("HEALTH_RAW_DIR", SAMPLE_RAW),
            warehouse=warehouse,
            published=folder("HEALTH_PUBLISHED_DIR", warehouse.parent / "published"),
            state=folder("HEALTH_STATE_DIR", warehouse.parent / "state"),
            erasures=path("HEALTH_ERASURE_LIST", warehouse.parent / "erasures.csv"),
            engine=engine,
            copied_dates=int(dates) if dates else None,
        )

    @property
    def is_on_spark(self) -> bool:
        """Whether dbt calculates on a Spark cluster."""
        return self.engine == "spark"

    def refuse_spark(self, what: str) -> None:
        """Raises click.ClickException on Spark, for what works on DuckDB alone."""
        if self.is_on_spark:
            raise click.ClickException(f"{what} does not work on Spark so far (docs/spark.md).")

    @property
    def published_file(self) -> Path:
        """The DuckDB file that readers open."""
        return self.published / "account_health.duckdb"

    @property
    def docs(self) -> Path:
        """HEALTH_DOCS_DIR, or `docs` beside the warehouse: the pages of the Data Docs."""
        beside = self.warehouse.with_name("docs")
        return Path(os.environ.get("HEALTH_DOCS_DIR") or beside).resolve()

    @property
    def spill(self) -> Path:
        """The folder for what does not fit into memory: that of dbt, not the working directory."""
        return self.warehouse.with_name(f"{self.warehouse.name}.tmp")

    @property
    def environment(self) -> dict[str, str]:
        """The settings as dbt and other processes of a run read them."""
        return {
            "HEALTH_RAW_DIR": str(self.raw),
            "HEALTH_DB_PATH": str(self.warehouse),
            "HEALTH_PUBLISHED_DIR": str(self.published),
            "HEALTH_STATE_DIR": str(self.state),
            "HEALTH_ERASURE_LIST": str(self.erasures),
            "HEALTH_TARGET": self.engine,
        }
