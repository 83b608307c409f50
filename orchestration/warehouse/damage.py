"""Damage: what DuckDB says of a file that is not what was written, in words that name the cure.

DuckDB keeps a checksum of each block and looks at it whenever it reads one, so that what is damaged
is never taken for data. But it says so wherever the block happens to be read, and names no file.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings
from orchestration.warehouse.duckdb_files import in_memory, literal

# The file is named in some of them; where it is another, that one is damaged.
DAMAGED = re.compile(
    r"Corrupt database file"
    r'|The file "(?P<no_database>[^"]+)" exists, but it is not a valid DuckDB database file'
    r'|Could not read enough bytes from file "(?P<too_short>[^"]+)"'
    r'|Failure while replaying WAL file "(?P<log>[^"]+)\.wal"'
)


@dataclass(frozen=True)
class LastPublication:
    """What the published file says of itself: when it was published (UTC), its last health date."""

    published_at: datetime
    last_health_date: date


def is_damage(problem: object, file: Path) -> bool:
    """Whether an error, or the text of one, says that this file of DuckDB is damaged."""
    found = DAMAGED.search(one_line(problem))
    if not found:
        return False
    named = next((name for name in found.groups() if name), None)
    return named is None or Path(named).resolve() == file.resolve()


def of_warehouse(settings: Settings, problem: object) -> str | None:
    """What to tell a user whose warehouse is damaged; None where the error says something else."""
    if not is_damage(problem, settings.warehouse):
        return None
    last = last_publication(settings)
    if last:
        return (
            f"The warehouse {settings.warehouse} is damaged ({shortened(problem)}). What was"
            f" published last, at {last.published_at:%Y-%m-%d %H:%M} UTC with health up to"
            f" {last.last_health_date}, is there: `health restore` sets the damaged file aside and"
            " builds a new one from that; the next run reads the events from raw again."
        )
    return (
        f"The warehouse {settings.warehouse} cannot be opened or read ({shortened(problem)}), and"
        f" nothing is published in {settings.published} that it could be built from. If it is the"
        " right file, put a backup in its place, or move it away: `health run` then calculates from"
        " raw alone."
    )


def of_publication(settings: Settings, problem: object) -> str | None:
    """The same for the published file."""
    if not is_damage(problem, settings.published_file):
        return None
    return (
        f"The published file {settings.published_file} is damaged ({shortened(problem)}):"
        " `health run` rewrites it from the warehouse."
    )


def last_publication(settings: Settings) -> LastPublication | None:
    """What was published last; None where nothing was, or where that cannot be read."""
    if not settings.published_file.exists():
        return None
    try:
        # Attached, because a reader of this process may have it open with settings of its own.
        with in_memory() as connection:
            file = literal(settings.published_file)
            connection.execute(f"attach {file} as published (read_only)")
            [row] = connection.execute(
                "select published_at, last_health_date from published.health.publication"
            ).fetchall()
    except (duckdb.Error, ValueError):
        return None
    return LastPublication(*row)


def of_empty(file: Path) -> str:
    """What DuckDB says of an empty file to who only reads; who writes gets a new database in it."""
    return f'The file "{file}" exists, but it is not a valid DuckDB database file!'


def shortened(problem: object) -> str:
    """What DuckDB said of the damage, without what it was doing."""
    text = one_line(problem)
    found = DAMAGED.search(text)
    return text[found.start() if found else 0 :][:200].rstrip(".!")


def one_line(problem: object) -> str:
    return " ".join(str(problem).split())
