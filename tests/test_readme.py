"""What the README shows works: its `health` and `dbt` commands, run as written on sample data."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from pipeline import ROOT

from orchestration.sample_data import write_sample

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
COMMAND = re.compile(r"^\S*?bin/(?:health|dbt) (?:\"[^\"]*\"|[^\n\"])*", re.MULTILINE)
COMMANDS = [command for block in BLOCKS for command in COMMAND.findall(block)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("readme")
    write_sample(folder / "raw", accounts=30, days=60)
    return {
        **os.environ,
        "HEALTH_RAW_DIR": str(folder / "raw"),
        "HEALTH_DB_PATH": str(folder / "warehouse.duckdb"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }


def test_commands_work(environment: dict[str, str]) -> None:
    assert len(COMMANDS) >= 8
    # Queries come after a run, whatever the order in which the README explains things.
    for command in sorted(COMMANDS, key=lambda command: "query" in command):
        folder = ROOT / "dbt_project" if command.startswith("../") else ROOT
        run = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"


def test_files_that_are_named_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    for link in links:
        assert (ROOT / Path(link)).exists(), link


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
