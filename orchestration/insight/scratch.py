"""Scratch: health calculated with another configuration, where nobody looks.

The configuration lies beside a copy of the dbt project, because dbt reads seeds by a relative path
only (DECISIONS.md, 9), and the run fills a copy of the warehouse; on Spark schemas of its own, from
which the range is copied into a file. Either keeps the events that are rolled up already, which no
configuration changes (a compacted roll-up that a longer window would reach into is rebuilt by the
run itself), so that only the range is calculated. Neither the warehouse nor the checkout is
written.
"""

import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from orchestration.base.settings import ROOT, Settings
from orchestration.dbt_runner import dbt_build
from orchestration.dbt_runner.copied_tables import copied_tables
from orchestration.dbt_runner.manifest import manifest, with_ancestors
from orchestration.dbt_runner.wrong_configuration import (
    WrongConfiguration,
    refuse_wrong_configuration,
)
from orchestration.insight.preset import SEEDS, is_preset, write_over_seeds
from orchestration.warehouse import spark_copy, spark_erasures
from orchestration.warehouse.configuration import Configuration
from orchestration.warehouse.run_lock import write_lock
from orchestration.warehouse.spark_scratch import copy_tables, scratch_schemas

# Every explanation of the range is kept: a change is explained on whichever date it happens.
EXPLANATION_DAYS = 36_500
# What is compared, or looked at for what is of no use.
COMPARED = (
    "account_health_history",
    "pillar_health_history",
    "pillar_metrics_history",
    "segment_membership",
    "health_explanations",
    "health_config_versions",
    "account_churn",
)

Show = Callable[[dbt_build.Progress], None]


@dataclass(frozen=True)
class Side:
    """One of two configurations that are compared: what the user called it, and its folder."""

    name: str
    seeds: Path


def configuration_files() -> list[Path]:
    """The files of seeds/ that say how health is calculated, not how the data is checked."""
    return [file for file in SEEDS.glob("*.csv") if file.stem != "checks"]


def find_side(asked: str, scratch: Path) -> Side:
    """The configuration in a folder, or of a git revision of this checkout.

    Raises click.ClickException when there is none, or what is wrong with it.
    """
    side = named_side(asked, scratch)
    try:
        refuse_wrong_configuration(side.seeds)
    except WrongConfiguration as problem:
        message = f"The configuration {side.name}: {problem.message}"
        raise click.ClickException(message) from problem
    return side


def named_side(asked: str, scratch: Path) -> Side:
    folder = Path(asked)
    if folder.resolve() == SEEDS:
        return Side("seeds/ of the working tree", SEEDS)
    if folder.is_dir():
        seeds = folder / "seeds" if (folder / "seeds" / "segments.csv").exists() else folder
        if is_preset(folder):
            seeds = scratch / f"preset-{len(list(scratch.iterdir()))}"
            write_over_seeds(folder, seeds)
        side = Side(asked, seeds)
    else:
        side = Side(asked, of_revision(asked, scratch))
    missing = sorted(
        {file.name for file in configuration_files()}
        - {file.name for file in side.seeds.glob("*.csv")}
    )
    if missing:
        raise click.ClickException(
            f"The configuration {asked} lacks {', '.join(missing)}. A configuration has every file"
            " that seeds/ has; one without rows keeps its line of column names."
        )
    return side


def of_revision(revision: str, scratch: Path) -> Path:
    """The seeds of a git revision, unpacked below the scratch folder."""
    archive = subprocess.run(
        [
            *("git", "-C", str(ROOT), "archive", "--format=tar", "--end-of-options"),
            f"{revision}:./seeds",
        ],
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        raise click.ClickException(
            f"{revision} is neither a folder nor a git revision with a folder seeds/ ("
            f"git says: {archive.stderr.decode(errors='replace').strip()})."
        )
    folder = scratch / f"revision-{len(list(scratch.iterdir()))}"
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def write_seeds(configuration: Configuration, folder: Path) -> Path:
    """A published configuration as seed files again."""
    shutil.copytree(SEEDS, folder)
    for file in configuration_files():
        with file.open(encoding="utf-8-sig") as header:
            columns = header.readline().strip().split(",")
        rows = configuration.rows(file.stem)
        if rows:
            columns = list(dict.fromkeys([*(c for c in columns if c in rows[0]), *rows[0]]))
        cells = [[row.get(column) for column in columns] for row in rows]
        lines: list[list[str | None]] = [[*columns], *cells]
        (folder / file.name).write_text(
            "".join(",".join(quoted(cell) for cell in line) + "\n" for line in lines),
            encoding="utf-8",
        )
    return folder


def quoted(cell: str | None) -> str:
    text = cell or ""
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n\r') else text


def with_place(message: str, side: Side) -> str:
    """A message about wrong rows with the files of the side, which a run only knows as `seeds/`."""
    is_folder = Path(side.name).is_dir()
    place = side.seeds if is_folder else "seeds" if side.seeds == SEEDS else f"{side.name}:seeds"
    return re.sub(
        r"^(\s*- )seeds/", lambda found: f"{found[1]}{place}/", message, flags=re.MULTILINE
    )


def calculate(
    side: Side, settings: Settings, start: date, end: date, scratch: Path, console: Console
) -> Path:
    """Calculate the range with the side's configuration; the warehouse that holds the result."""
    folder = scratch / f"side-{len(list(scratch.iterdir()))}"
    project = dbt_build.copied_project(folder, side.seeds)
    # Of Spark's dates the file has those of the range alone, and the last.
    aside = Settings(
        settings.raw,
        folder / settings.warehouse.name,
        erasures=settings.erasures,
        engine=settings.engine,
        copied_dates=1,
    )
    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[step]}"),
    )
    with ProgressBar(*columns, console=console) as bar:
        task = bar.add_task(f"Calculating {side.name}", total=None, step="starting")

        def show(progress: dbt_build.Progress) -> None:
            bar.update(task, completed=progress.done, total=progress.total, step=progress.name)

        calculate_there = calculate_on_spark if settings.is_on_spark else calculate_on_duckdb
        try:
            calculate_there(settings, aside, start, end, show, project)
        except dbt_build.BuildFailed as failure:
            bar.update(task, step="failed")
            raise click.ClickException(
                f"The configuration {side.name}: {with_place(str(failure), side)}"
            ) from failure
        bar.update(task, step="done")
    return aside.warehouse


def calculate_on_duckdb(
    settings: Settings, aside: Settings, start: date, end: date, show: Show, project: Path
) -> None:
    """Calculate the range in a copy of the warehouse."""
    if settings.warehouse.exists():
        with write_lock(settings):  # no run writes to it while it is copied
            shutil.copyfile(settings.warehouse, aside.warehouse)
    build(aside, start, end, show, project)


def calculate_on_spark(
    settings: Settings, aside: Settings, start: date, end: date, show: Show, project: Path
) -> None:
    """Calculate the range in schemas of its own, and copy what came of it into a file."""
    found = manifest(settings)
    asked = [f"model.health.{name}" for name in COMPARED]
    needed = [found["nodes"][node] for node in sorted(with_ancestors(found, asked))]
    names = {f"{node['schema']}.{node['name']}" for node in needed}
    with scratch_schemas() as prefix:
        with write_lock(settings):
            spark_erasures.send(settings.erasures)
            copy_tables(
                prefix,
                (
                    f"{node['schema']}.{node['name']}"
                    for node in needed
                    if node["config"]["materialized"] == "incremental"
                ),
            )
        dbt_build.load_raw_values(
            aside, start, end, project=project, variables={"schema_prefix": prefix}
        )
        build(aside, start, end, show, project, prefix)
        tables = [table for table in copied_tables(found) if table.name in names]
        spark_copy.copy(aside, tables, start, end, prefix)


def build(
    aside: Settings, start: date, end: date, show: Show, project: Path, prefix: str = ""
) -> None:
    """Data tests guard what is published; nothing of this is."""
    dbt_build.build(
        aside,
        start,
        end,
        show,
        project=project,
        select=[f"+{name}" for name in COMPARED],
        without=("unit_test", "test"),
        variables={"explanation_days": EXPLANATION_DAYS, "schema_prefix": prefix},
    )
