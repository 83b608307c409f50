"""What the pages for users show works: the commands of README.md and then of docs/, in the order in
which README.md names the pages, as written and in their order, on a fresh warehouse."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from pipeline import ROOT

from orchestration.cli import main
from orchestration.sample_data import write_sample

README = ROOT / "README.md"
LINKED = dict.fromkeys(re.findall(r"\]\((docs/\w+\.md)\)", README.read_text(encoding="utf-8")))
PAGES = [README, *(ROOT / name for name in LINKED)]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
BLOCKS = [block for text in TEXTS.values() for block in re.findall(r"```sh\n(.*?)```", text, re.S)]
# The UI does not end, and the tests are this.
LEFT_OUT = re.compile(r"^make (?:ui|test).*\n", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    write_sample(folder / "raw", accounts=30, days=60)
    return folder


def test_commands_work_in_their_order(folder: Path) -> None:
    """Each block in a shell of its own; "your own data" is another new warehouse."""
    assert len(BLOCKS) >= 13
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


def test_readme_names_every_page() -> None:
    assert set(PAGES) == {README, *(ROOT / "docs").glob("*.md")}


def test_a_newcomer_finishes_readme() -> None:
    assert len(TEXTS[README].splitlines()) < 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_are_there_small_and_described(page: Path) -> None:
    for words, picture in re.findall(r"!\[([^]]*)\]\(([^)]+)\)", TEXTS[page]):
        assert len(words.split()) >= 8
        assert (page.parent / picture).stat().st_size < 150_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`|=\d+ )make (\w+)", TEXTS[page], re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_health_exist(page: Path) -> None:
    """Also those that stand in the text, which nothing runs."""
    for command in re.findall(r"(?:`|bin/)health ([\w-]+)", TEXTS[page]):
        assert command in main.commands, command
