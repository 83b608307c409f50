"""What the README shows works: its commands, as written and in its order, on a fresh warehouse."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from pipeline import ROOT

from orchestration.sample_data import write_sample

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
# The UI does not end, and the tests are this.
LEFT_OUT = re.compile(r"^make (?:ui|test).*\n", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    write_sample(folder / "raw", accounts=30, days=60)
    return folder


def test_commands_work_in_their_order(folder: Path) -> None:
    """Each block in a shell of its own; "your own data" is another new warehouse."""
    assert len(BLOCKS) >= 8
    environment = {
        **os.environ,
        "HEALTH_RAW_DIR": str(folder / "raw"),
        "HEALTH_DB_PATH": str(folder / "new" / "warehouse.duckdb"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    for block in BLOCKS:
        commands = LEFT_OUT.sub("", block).replace("/path/to/", f"{folder}/")
        run = subprocess.run(
            ["sh", "-e", "-c", commands],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, f"{commands}\n{run.stdout}{run.stderr}"


def test_files_that_are_named_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    for link in links:
        assert (ROOT / Path(link)).exists(), link


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
