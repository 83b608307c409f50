"""How far the erasure of those whom the list names has come, noted in the warehouse.

One row: the list that was worked on last, and the last step that is done. `removed`: rows are
deleted; those of a Spark cluster are about to be. `written`: the file of the warehouse is a new
one, without their bytes. `published`: nothing of them is published any more.
"""

import hashlib
import json

import duckdb

from orchestration.base.settings import Settings
from orchestration.warehouse.connections import writing
from orchestration.warehouse.duckdb_files import opened
from orchestration.warehouse.erasure_list import Erasure, erasure_list
from orchestration.warehouse.growing_tables import ensure_table

TABLE = "operations.erasures"
COLUMNS = {"list_hash": "varchar not null", "step": "varchar not null"}
REMOVED, WRITTEN, PUBLISHED = "removed", "written", "published"


def is_due(settings: Settings) -> bool:
    """Whether the list names somebody who was not removed yet, or a removal was not finished."""
    found = noted(settings)
    if found is not None and found[1] == REMOVED:
        return True
    entries = erasure_list(settings.erasures)
    if not entries or not (settings.warehouse.exists() or settings.is_on_spark):
        return False
    return found is None or found[0] != list_hash(entries)


def is_to_be_published(settings: Settings) -> bool:
    """Whether something was removed that readers can still see."""
    found = noted(settings)
    return found is not None and found[1] != PUBLISHED


def noted(settings: Settings) -> tuple[str, str] | None:
    """The hash of the list that was worked on last, and how far it has come."""
    if not settings.warehouse.exists():
        return None
    with opened(settings.warehouse) as warehouse:
        try:
            return next(iter(warehouse.execute(f"from {TABLE}").fetchall()), None)
        except duckdb.CatalogException:
            return None  # nobody was ever erased here


def list_hash(entries: list[Erasure]) -> str:
    text = json.dumps([(entry.kind, entry.id) for entry in entries])
    return hashlib.sha256(text.encode()).hexdigest()


def finish(settings: Settings) -> None:
    """Note that nothing of those who were removed is published any more.

    Where a removal was killed before its end, that is for the next run to begin again.
    """
    note(settings, WRITTEN, PUBLISHED)


def note(settings: Settings, done: str, step: str) -> None:
    """Go on to a step, if the one before it is done."""
    with writing(settings) as warehouse:
        warehouse.execute(f"update {TABLE} set step = ? where step = ?", [step, done])


def begin(warehouse: duckdb.DuckDBPyConnection, entries: list[Erasure]) -> None:
    """Note that the rows are removed, in the transaction that removes them."""
    ensure_table(warehouse, TABLE, COLUMNS)
    warehouse.execute(f"delete from {TABLE}")
    warehouse.execute(f"insert into {TABLE} values (?, ?)", [list_hash(entries), REMOVED])
