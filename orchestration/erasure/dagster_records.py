"""Erasure from Dagster's records: what they say of somebody is deleted, in all files of SQLite.

A record names somebody where an id stands in it as a word of its own: `acct-10` is in `(acct-10)`,
but not in `acct-100` or `acct-10-b`. Texts are JSON within JSON, in which the end of an escape
(`\\n`) reads like a letter; it ends a word all the same. When in doubt an entry goes: no health
date depends on it.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path

SHORTEST_SOUGHT = 5  # characters of an id that is looked for within texts
BUSY_SECONDS = 60
# What is done to a row by whose text somebody is named: the entry goes, or what an asset was last.
FORGETTING = {
    ("event_logs", "event"): "delete from event_logs",
    ("asset_check_executions", "evaluation_event"): "delete from asset_check_executions",
    ("asset_keys", "last_materialization"): "update asset_keys set last_materialization = null",
    ("asset_keys", "cached_status_data"): "update asset_keys set cached_status_data = null",
}
BEFORE = r"(?:(?<!\w)(?<!\w[-.])|(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4}))"
AFTER = r"(?![-.]?\w)"
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def delete_entries(folder: Path, named: Collection[str]) -> tuple[int, list[str]]:
    """Delete what Dagster's records below a folder say of those who are named; how many entries,
    and a line for each file in which they may still be.

    A damaged record of one run is deleted, because nobody can look through it.
    """
    names_one = searching(named)
    deleted, left = 0, []
    for file in sorted(folder.rglob("*.db")):
        try:
            deleted += delete_entries_of(file, names_one)
        except sqlite3.DatabaseError as problem:
            if is_damage(problem) and file.name not in records_of_all_runs():
                delete_database(file)
            else:
                left.append(
                    f"Dagster's record {file} may still name them ({problem}): delete it when no"
                    " run, daemon or UI is at work."
                )
    return deleted, left


def delete_entries_of(file: Path, names_one: Callable[[str | None], bool]) -> int:
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as database:
        database.create_function("names_one", 1, names_one)
        tables = {name for (name,) in database.execute("select name from sqlite_master")}
        statements = [
            f"{forgetting} where names_one({column})"
            for (table, column), forgetting in FORGETTING.items()
            if table in tables
        ]
        if not statements:
            return 0
        deleted = sum(database.execute(statement).rowcount for statement in statements)
        database.commit()
        # Also of rows that Dagster deleted at any time: their bytes stay in the file.
        database.execute("vacuum")
        [(is_busy, *_)] = database.execute("pragma wal_checkpoint(truncate)").fetchall()
        if is_busy:
            raise sqlite3.OperationalError("its log is in use")
    return deleted


def searching(named: Collection[str]) -> Callable[[str | None], bool]:
    """Whether a text names one of them; ids that are too short to tell are not looked for."""
    forms = {text for text in named if len(text) >= SHORTEST_SOUGHT}
    for _ in range(2):  # as JSON, and as JSON within JSON
        forms |= {json.dumps(form)[1:-1] for form in forms}
    patterns = {form: re.compile(f"{BEFORE}{re.escape(form)}{AFTER}") for form in forms}

    def names_one(text: str | None) -> bool:
        return text is not None and any(
            form in text and pattern.search(text) is not None for form, pattern in patterns.items()
        )

    return names_one


def is_damage(problem: sqlite3.DatabaseError) -> bool:
    # The lowest byte is the kind of error, the others say more of it.
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF in DAMAGED


def delete_database(file: Path) -> None:
    for path in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm", "-journal"))):
        path.unlink(missing_ok=True)


def records_of_all_runs() -> Collection[str]:
    # Deleted under a daemon they would be missed; its next start sets them aside.
    # Dagster takes seconds to import; commands that erase nothing do without.
    from orchestration.instance.run_records import RECORDS

    return RECORDS
