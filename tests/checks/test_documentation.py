"""Documentation cannot block publication: what readers need comes first, and pages may fail."""

import errno
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from nights import END, Night
from small_warehouse import query

from expectations import DocsNotWritten, build_docs, docs
from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.sample_data import write_sample


def disk_is_full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_pages_that_cannot_be_written_are_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_docs([], tmp_path / "docs")
    before = (tmp_path / "docs" / "index.html").read_bytes()
    monkeypatch.setattr(docs, "write_pages", disk_is_full)
    with pytest.raises(DocsNotWritten, match=r"were not written: No space left on device\."):
        build_docs([], tmp_path / "docs")
    assert (tmp_path / "docs" / "index.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


def test_what_great_expectations_makes_of_it_is_a_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the store\nis broken")

    monkeypatch.setattr(docs, "write_pages", fail)
    with pytest.raises(DocsNotWritten, match="RuntimeError: the store is broken"):
        build_docs([], tmp_path / "docs")


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_place_of_the_folder_stays(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DocsNotWritten, match="Not a directory"):
        build_docs([], tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_publishes_and_sends_before_it_documents_and_ends_well_without_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample(tmp_path / "raw", accounts=10, days=30, end_date=END)
    night = Night(Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb"))
    seen = []

    def look_and_fail(*_: object) -> None:
        [(run,)] = night.published("select run_id from health.publication")
        validated = "select run_id from operations.announcements"
        seen.append((run, query(night.settings.warehouse, validated)))
        disk_is_full()

    monkeypatch.setattr(docs, "write_pages", look_and_fail)
    start = END - timedelta(days=1)
    answer = night.run("--start", str(start), "--end", str(END))
    assert answer.exit_code == 0, answer.output
    [(published_by, alerts_decided_by)] = seen
    assert alerts_decided_by == [(published_by,)]
    assert "were not written: No space left on device." in " ".join(answer.output.split())

    # The same of validating alone.
    checked = CliRunner().invoke(main, ["check", "--boundary", "health"], env=night.environment)
    assert checked.exit_code == 0, checked.output
    assert "were not written: No space left on device." in " ".join(checked.output.split())
