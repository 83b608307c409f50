"""The sample folder: how a sample is known again, never mixed with other files, and swapped whole.

What a sample holds is none of its business.
"""

import json
import shutil
from datetime import date
from pathlib import Path

import click

MARKER = ".sample"


def end_of_sample(folder: Path) -> date | None:
    """The end date of the sample in the folder; None where it holds no sample."""
    marker = folder / MARKER
    if not marker.is_file():
        return None
    return date.fromisoformat(json.loads(marker.read_text())["end_date"])


def file_sizes(folder: Path) -> dict[str, int]:
    """Bytes by path of all files below the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def written_sizes(folder: Path) -> dict[str, int]:
    """Bytes by path of the files that a sample wrote here, as its marker says; else empty."""
    marker = folder / MARKER
    try:
        written = dict(json.loads(marker.read_text(encoding="utf-8"))["files"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}
    return written | {MARKER: marker.stat().st_size}


def refuse_what_is_not_ours(folder: Path) -> None:
    """Stop before anything is lost: only an empty folder or an untouched sample is replaced."""
    if folder.exists() and not folder.is_dir():
        raise click.ClickException(f"{folder} is not a folder.")
    written = written_sizes(folder)
    foreign = [name for name, size in file_sizes(folder).items() if written.get(name) != size]
    if foreign:
        raise click.ClickException(
            f"{folder} has files that are not of a sample, such as {foreign[0]}. "
            "Nothing was written: choose another folder or move them away."
        )


def put_in_place(new: Path, folder: Path) -> None:
    """Swap whole folders by renaming, so that no reader ever meets half of a sample."""
    replaced = folder.with_name(f".{folder.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if folder.exists():
        folder.rename(replaced)
    new.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
