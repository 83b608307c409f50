"""Publishing: what readers see, swapped whole, never locked and never half-written.

The published folder holds a DuckDB file with schema `health` and the same tables as Parquet. Both
are links into one generation, a hidden folder that is never written once it is in place:

    account_health.duckdb -> .generations/current/account_health.duckdb
    parquet               -> .generations/current/parquet
    .generations/current  -> 20261122T000214.031512

Replacing the link `current` is the one step in which readers go from one whole state to the next,
file and Parquet alike; a run that ends before that step leaves them as they were. A generation
starts as a copy of the one before (Parquet files as hard links, which cost nothing), and only the
health dates whose rows differ are written anew, so that a night does not write the whole history.
"""

import os
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import click
import duckdb

from orchestration.settings import STORAGE_VERSION, Settings

# Readers that look up the files of a generation first and open them afterwards have this long.
KEEP_REPLACED = timedelta(hours=1)
# How lake tools spell a partition without a value; holds the columns of a table without rows.
NO_DATE = "__HIVE_DEFAULT_PARTITION__"

METADATA = """
    create or replace table health.publication (
        run_id varchar not null,
        config_version varchar not null,
        first_date date not null,
        last_date date not null,
        first_health_date date not null,
        last_health_date date not null,
        published_at timestamp not null,
        product_version varchar not null,
        duckdb_version varchar not null,
        storage_version varchar not null
    );
    comment on table health.publication is 'What this publication carries. One row.';
    comment on column health.publication.run_id is 'Run that published it.';
    comment on column health.publication.config_version is 'Configuration of that run.';
    comment on column health.publication.first_date is 'First date that the run calculated.';
    comment on column health.publication.last_date is 'Last date that the run calculated.';
    comment on column health.publication.first_health_date is 'First date of the history.';
    comment on column health.publication.last_health_date is 'Last date of the history.';
    comment on column health.publication.published_at is 'When it was published, UTC.';
    comment on column health.publication.product_version is 'Version of account-health.';
    comment on column health.publication.duckdb_version is 'DuckDB that wrote the file.';
    comment on column health.publication.storage_version is 'Oldest DuckDB that can open it.';
"""
PARTITIONS = """
    create table if not exists health.publication_partitions (
        table_name varchar not null,
        health_date date,
        row_count bigint not null,
        fingerprint varchar not null,
        written_at timestamp not null
    );
    comment on table health.publication_partitions is
        'Which tables and dates changed when. One row per published table and health date.';
    comment on column health.publication_partitions.table_name is 'Table of schema `health`.';
    comment on column health.publication_partitions.health_date is
        'Health date; null for a table without dates.';
    comment on column health.publication_partitions.row_count is 'Rows of that date.';
    comment on column health.publication_partitions.fingerprint is
        'The same for the same rows, in whatever order.';
    comment on column health.publication_partitions.written_at is
        'When these rows were first published, UTC.';
"""
ABOUT_ITSELF = ("publication", "publication_partitions")


class PublishingRefused(click.ClickException):
    """What the run calculated is not fit for readers; the message says why."""


@dataclass(frozen=True)
class Publication:
    """What readers see now, as table `publication` says it; `partitions` were written anew."""

    run_id: str
    config_version: str
    first_health_date: date
    last_health_date: date
    published_at: datetime
    partitions: int


@dataclass(frozen=True)
class Table:
    """A table of schema `health` of the warehouse; comments by column, None for the table's own."""

    name: str
    definition: str
    columns: tuple[str, ...]
    comments: dict[str | None, str]

    @property
    def has_dates(self) -> bool:
        return "health_date" in self.columns


@dataclass(frozen=True)
class Contents:
    """Rows of a table on a health date (None: of a table without dates), and their fingerprint."""

    rows: int
    fingerprint: str


Partitions = dict[date | None, Contents]


def publish(
    settings: Settings,
    run_id: str,
    first: date,
    last: date,
    *,
    only: Collection[str] | None = None,
    before_swap: Callable[[], None] = lambda: None,
) -> Publication:
    """Show readers what the warehouse holds, after a run calculated the dates from first to last.

    only: tables that can have changed since the last publication, if that is known. For holders of
    the run lock. Raises PublishingRefused when no account is in scope on the last date.
    """
    generations = settings.published / ".generations"
    generations.mkdir(parents=True, exist_ok=True)
    remove_leftovers(generations)
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    unfinished = generations / f"{name}.unfinished"
    start_from(current_generation(generations), unfinished)
    publication = fill(settings, unfinished, run_id, first, last, only)
    make_durable(unfinished)
    generation = generations / name
    unfinished.rename(generation)
    before_swap()
    swap(settings.published, generation)
    return publication


def current_generation(generations: Path) -> Path | None:
    current = generations / "current"
    return current.resolve() if current.exists() else None


def remove_leftovers(generations: Path) -> None:
    """Remove what killed runs left, and generations that were replaced a while ago."""
    current = current_generation(generations)
    oldest = (datetime.now(UTC) - KEEP_REPLACED).timestamp()
    for path in generations.iterdir():
        if path.is_symlink() or path == current:
            continue
        if path.suffix == ".unfinished" or path.stat().st_mtime < oldest:
            shutil.rmtree(path)


def start_from(base: Path | None, generation: Path) -> None:
    """A generation with the contents of another; its Parquet files are links, never written."""
    generation.mkdir()
    parquet = generation / "parquet"
    if base is None:
        parquet.mkdir()
        return
    shutil.copyfile(base / "account_health.duckdb", generation / "account_health.duckdb")
    shutil.copytree(base / "parquet", parquet, copy_function=link_or_copy)


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
