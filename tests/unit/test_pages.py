"""The pages of docs/: what is generated is as YAML and the catalogue say it, and what cites a page
or links to one finds it."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from pipeline import ROOT

from docs.write_reference import (
    FOLDERS,
    LAST_60_DAYS,
    MODELS,
    published,
    renewed,
)
from orchestration.base.dbt_project import catalogue
from orchestration.raw_reader.definitions import raw_definitions

PAGES = sorted((ROOT / "docs").glob("*.md"))
COMMENTED = (".py", ".sql", ".yml", ".yaml", ".toml", ".csv", ".sh", ".md", ".service", ".env")
# A page, and the headings named after it: docs/health.md, "Segment" and "Pillar state".
CITATION = re.compile(
    r'\b(?P<page>[\w./-]*\b\w+\.md)\b(?P<headings>(?:`?\)?,? (?:and )?\(?"[^"\n]+")*)'
)
# What these pages were called outside the repository. Any other name without a folder may be a file
# that a command writes.
FORMER_NAMES = {"raw.md", "config.md", "metrics.md", "tables.md"}
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
# What begins a line of a comment, so that a citation may be wrapped.
COMMENT_WRAP = re.compile(r"\n[ \t]*(?:--|#|//)?[ \t]*")


@cache
def headings_of(page: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE))


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """Anchors of the headings, as GitHub makes them."""
    return frozenset(
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings_of(page)
    )


def tracked_files() -> list[Path]:
    """Files of the repository, with those that git does not know yet and does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def page_that_is_cited(name: str, file: Path) -> Path | None:
    """The page that a file means: from the root of the repository, or from its own folder."""
    places = [ROOT / name, file.parent / name]
    return next((place for place in places if place.is_file()), None)


def wrong_citations(file: Path, text: str) -> list[str]:
    """Citations in a file of pages, or of headings of pages, that are not there."""
    wrong = []
    names = FORMER_NAMES | {page.name for page in PAGES}
    unwrapped = COMMENT_WRAP.sub(" ", text)
    for found in CITATION.finditer(unwrapped):
        # A name in quotes is part of a path in code.
        is_quoted = unwrapped[: found.start()].endswith(("'", '"'))
        if "/" not in found["page"] and (found["page"] not in names or is_quoted):
            continue
        page = page_that_is_cited(found["page"], file)
        headings = re.findall(r'"([^"]+)"', found["headings"])
        if page is None:
            wrong.append(f"{file.relative_to(ROOT)} cites {found['page']}, which is not there")
        else:
            wrong += [
                f"{file.relative_to(ROOT)} cites {found['page']}, which has no heading {heading!r}"
                for heading in headings
                if heading not in headings_of(page)
            ]
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_parts_are_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert renewed(text) == text, "run `make reference`"


def test_views_of_a_history_have_its_columns() -> None:
    columns = {
        table["name"]: [(column["name"], column["data_type"]) for column in table["columns"]]
        for table in published()
    }
    views = [name for name in columns if name.endswith(LAST_60_DAYS)]
    assert len(views) == 2
    for view in views:
        assert columns[view] == columns[view.removesuffix(LAST_60_DAYS) + "_history"]


def test_every_folder_of_published_models_is_described() -> None:
    folders = {folder.name for folder in (MODELS / "health").iterdir() if folder.is_dir()}
    assert folders == set(FOLDERS)


def test_every_measure_and_table_is_in_a_page() -> None:
    pages = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
    for row in catalogue("measures"):
        assert row["description"], row["measure"]
        assert f"\n| `{row['measure']}` |" in pages["measures.md"], row["measure"]
    for table in raw_definitions():
        assert f"\n### {table}\n" in pages["raw_tables.md"], table
    for table in published():
        assert f"\n### {table['name']}\n" in pages["published_tables.md"], table["name"]
    for seed in (ROOT / "seeds").glob("*.csv"):
        assert f"\n### {seed.name}\n" in pages["configuration.md"], seed.name


def test_what_is_cited_is_there() -> None:
    files = [file for file in tracked_files() if file.suffix in COMMENTED]
    files = [file for file in files if file != Path(__file__)]
    assert len(files) > 200
    wrong = [
        problem for file in files for problem in wrong_citations(file, file.read_text("utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "comment",
    [
        "-- What counts (health.md, 2).",
        "-- What counts (docs/helth.md).",
        '# What counts (docs/health.md, "Segments").',
        '-- What counts (docs/health.md, "Segment" and "Pillar\n-- states").',
    ],
)
def test_a_citation_of_what_is_not_there_is_found(comment: str) -> None:
    assert len(wrong_citations(ROOT / "dbt_project" / "models" / "model.sql", comment)) == 1


def test_a_citation_may_be_wrapped() -> None:
    comment = '-- A state (docs/health.md, "Pillar\n-- state" and\n-- "Pillar score").'
    assert not wrong_citations(ROOT / "dbt_project" / "models" / "model.sql", comment)


@pytest.mark.parametrize(
    "page",
    [file for file in tracked_files() if file.suffix == ".md"],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_lead_somewhere(page: Path) -> None:
    for name, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / name if name else page
        assert target.exists(), name
        if anchor:
            assert anchor in anchors_of(target), f"{name}#{anchor}"
