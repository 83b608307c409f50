"""dbt's manifest, from which Dagster makes its assets: made when there is none, or an old one.

It lies apart from dbt's own target folder, where every `dbt build` rewrites it, so that nobody
ever reads half of it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from filelock import FileLock

from orchestration.base.cache import read_cached, write_cached
from orchestration.base.settings import DBT_PROJECT, ROOT, Settings
from orchestration.dbt_runner import dbt_process
from orchestration.dbt_runner.dbt_build import parsed_events, readable_problem

FILE = "manifest.json"
# What the manifest was made from.
READ = "manifest.read"
SOURCES = ("models", "macros", "tests", "catalogue")


def manifest(settings: Settings, log: Callable[[str], None] = click.echo) -> dict[str, Any]:
    """The manifest of the dbt project as it is now. Raises click.ClickException."""
    folder = settings.state / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "manifest.lock"):
        found = up_to_date(folder / FILE, settings)
        if not found:
            log("Reading the dbt project for Dagster (once, and after it was changed).")
            parse(folder, settings)
            found = read_cached(folder / FILE)
        assert found is not None  # `parse` has just written it, or raised
        return found


def up_to_date(file: Path, settings: Settings) -> dict[str, Any] | None:
    """The manifest in the file, if nothing was written, added or removed since it was made."""
    read = file.with_name(READ)
    if not (file.exists() and read.exists()) or read.read_text() != files_print():
        return None
    found = read_cached(file)
    if not found:
        return None
    nodes = found["nodes"].values()
    seeds = {node["name"] for node in nodes if node["resource_type"] == "seed"}
    has_seeds = {path.stem for path in (ROOT / "seeds").glob("*.csv")} <= seeds
    database = None if settings.is_on_spark else settings.warehouse.stem
    has_warehouse = all(node["database"] == database for node in nodes)
    return found if has_seeds and has_warehouse else None


def files_print() -> str:
    """Changes when a file that dbt reads is written, added or removed.

    Not told by which of them is newer than the manifest: the clock may have been ahead.
    """
    looked_at = [DBT_PROJECT / "dbt_project.yml", DBT_PROJECT / "profiles.yml"]
    for name in SOURCES:
        looked_at += [DBT_PROJECT / name, *(DBT_PROJECT / name).rglob("*")]
    digest = hashlib.sha256()
    for path in sorted(looked_at):
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def parse(folder: Path, settings: Settings) -> None:
    """Make the manifest again, and put it in place when it is whole."""
    target = folder / "parsed"
    read = files_print()  # before dbt reads them: what is written meanwhile is newer
    process = dbt_process.open_process(
        ["--log-format", "json", "--log-level-file", "none", "parse"],
        DBT_PROJECT,
        {
            **os.environ,
            **settings.environment,
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(target),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
    )
    printed, _ = process.communicate()
    if process.returncode:
        events = parsed_events(iter(printed.splitlines()))
        errors = [event["info"]["msg"] for event in events if event["info"]["level"] == "error"]
        raise click.ClickException(readable_problem(errors))
    found = json.loads((target / FILE).read_text(encoding="utf-8"))
    (folder / READ).unlink(missing_ok=True)
    write_cached(folder / FILE, found)
    (folder / READ).write_text(read)


def with_ancestors(manifest: Mapping[str, Any], asked: Iterable[str]) -> set[str]:
    """The nodes and all models and seeds that they are built from."""
    found: set[str] = set()
    waiting = list(asked)
    while waiting:
        name = waiting.pop()
        if name not in found and name in manifest["nodes"]:
            found.add(name)
            waiting += manifest["parent_map"].get(name, [])
    return found
