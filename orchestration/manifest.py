"""dbt's manifest, from which Dagster makes its assets: made when there is none or it is out of date.

It lies apart from dbt's own target folder, where every `dbt build` writes it anew, so that nobody
ever reads half of it.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from filelock import FileLock

from orchestration.dbt_build import DBT, parsed_events, readable_problem
from orchestration.settings import DBT_PROJECT, ROOT, Settings

FILE = "manifest.json"
SOURCES = ("models", "macros", "tests", "catalogue")


def manifest(settings: Settings, log: Callable[[str], None] = click.echo) -> dict[str, Any]:
    """The manifest of the dbt project as it is now. Raises click.ClickException."""
    folder = settings.state / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "manifest.lock"):
        if not is_up_to_date(folder / FILE):
            log("Reading the dbt project for Dagster (once, and after it was changed).")
            parse(folder)
        return json.loads((folder / FILE).read_text(encoding="utf-8"))


def is_up_to_date(file: Path) -> bool:
    """Whether nothing of the project was written, added or removed after the manifest."""
    if not file.exists():
        return False
    made_at = file.stat().st_mtime
    looked_at = [DBT_PROJECT / "dbt_project.yml", DBT_PROJECT / "profiles.yml", ROOT / "seeds"]
    for name in SOURCES:
        looked_at += [DBT_PROJECT / name, *(DBT_PROJECT / name).rglob("*")]
    return all(path.stat().st_mtime <= made_at for path in looked_at)


def parse(folder: Path) -> None:
    """Make the manifest anew, and put it in place when it is whole."""
    target = folder / "parsed"
    answer = subprocess.run(
        [DBT, "--log-format", "json", "--log-level-file", "none", "parse"],
        cwd=DBT_PROJECT,
        env={
            **os.environ,
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(target),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if answer.returncode:
        events = parsed_events(iter(answer.stdout.splitlines()))
        errors = [event["info"]["msg"] for event in events if event["info"]["level"] == "error"]
        raise click.ClickException(readable_problem(errors))
    shutil.copyfile(target / FILE, folder / f"{FILE}.new")
    (folder / f"{FILE}.new").replace(folder / FILE)


