"""Which columns hold personal data: `meta: {pii: kind}` in the models' YAML, read here.

The kinds say what a column may hold of people, and so what another publication shows instead
(`profiles`):

    person         names a person: by id, address or name
    person_detail  tells more of a person who is named beside: name, address, role
    free_text      what somebody wrote, about anybody
    record         a raw record, the key of one, or what was observed of one, as text or JSON
    signal_value   the value of a signal, which tells of people unless the signal is a number or a
                   boolean

`is_key: true` beside the kind says that rows of the table are told apart by the column. The name
and the id of an account are those of a company, and not marked.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import yaml

from orchestration.base.settings import DBT_PROJECT

KINDS = ("person", "person_detail", "free_text", "record", "signal_value")
PUBLISHED = DBT_PROJECT / "models" / "health"


@dataclass(frozen=True)
class Mark:
    """What a column may hold of people, and whether it is part of its table's key."""

    kind: str
    is_key: bool = False


# By column; None for one without personal data.
Columns = dict[str, Mark | None]


@cache
def published_columns() -> dict[str, Columns]:
    """The columns of each table and view of schema `health`, as the YAML describes them."""
    found: dict[str, Columns] = {}
    for file in sorted(PUBLISHED.rglob("*.yml")):
        for table in described_tables(file):
            found[table["name"]] = {
                column["name"]: mark_of(table["name"], column) for column in table["columns"]
            }
    return found


def missing_columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What this version publishes and a published file lacks: tables, and columns of the others."""
    there: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'health'"
    ).fetchall():
        there.setdefault(table, set()).add(column)
    return [
        f"{table}.{column}" if table in there else table
        for table, columns in published_columns().items()
        for column in columns
        if column not in there.get(table, ())
    ]


def described_tables(file: Path) -> list[dict]:
    described = yaml.safe_load(file.read_text(encoding="utf-8"))
    tables = list(described.get("models", []))
    for source in described.get("sources", []):
        if source["schema"] == "health":
            tables += source["tables"]
    return tables


def mark_of(table: str, column: dict) -> Mark | None:
    meta = column.get("config", {}).get("meta", {})
    kind = meta.get("pii")
    if kind is None:
        return None
    if kind not in KINDS:
        raise ValueError(f"{table}.{column['name']}: `pii: {kind}` is none of {', '.join(KINDS)}")
    return Mark(kind, bool(meta.get("is_key")))
