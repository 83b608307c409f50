"""What people entered: rows that it makes of other raw tables, and ends that it gives to others."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import SimpleNamespace

Record = SimpleNamespace
TextRow = dict[str, str]

# The kind of entry that makes rows of a table, and the entry's columns that fill the table's.
MADE: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "risk_assessments": (
        "risk_score",
        {
            "assessment_id": "entry_id",
            "account_id": "account_id",
            "risk_score": "risk_score",
            "assessed_at": "entered_at",
            "author": "author",
            "note": "note",
        },
    ),
    "account_tags": (
        "tag_on",
        {
            "account_id": "account_id",
            "tag": "tag",
            "kind": "tag_kind",
            "added_at": "entered_at",
            "author": "author",
            "note": "note",
        },
    ),
    "health_overrides": (
        "override",
        {
            "override_id": "entry_id",
            "account_id": "account_id",
            "pillar_id": "pillar_id",
            "state": "state",
            "reason": "note",
            "author": "author",
            "created_at": "entered_at",
            "expires_at": "expires_at",
        },
    ),
}
# The column of the end that entries give to rows.
ENDS = {"account_tags": "removed_at", "health_overrides": "expires_at"}


class Entries:
    """The entries that count, and how they act on a table."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._records = list(records)

    def rows(self, table_name: str) -> list[TextRow]:
        """The rows of a table that were entered, as texts."""
        if table_name not in MADE:
            return []
        kind, columns = MADE[table_name]
        return [
            {
                name: text
                for name, source in columns.items()
                if (text := _text(source, getattr(entry, source))) is not None
            }
            for entry in self._records
            if entry.kind == kind
        ]

    def columns(self, table_name: str) -> frozenset[str]:
        """The columns of a table that entries fill."""
        return frozenset(MADE[table_name][1])

    def end(self, table_name: str, texts: TextRow, values: Mapping[str, object]) -> datetime | None:
        """When a row is ended by an entry, whatever its own end is."""
        if table_name == "account_tags":
            ends = [entry for entry in self._records if _takes_off(entry, values)]
        elif table_name == "health_overrides":
            ends = [
                entry
                for entry in self._records
                if entry.kind == "override_off" and entry.refers_to == texts["override_id"]
            ]
        else:
            ends = []
        return min((entry.entered_at for entry in ends), default=None)


def _takes_off(entry: Record, tag: Mapping[str, object]) -> bool:
    return (
        entry.kind == "tag_off"
        and entry.account_id == tag["account_id"]
        and entry.tag == tag["tag"]
        and entry.tag_kind in (None, tag["kind"])
        and tag["added_at"] <= entry.entered_at
    )


def entered_id(entry_id: str) -> str:
    """The id of a row that was entered."""
    return f"entry:{entry_id}"


def _text(column: str, value: object) -> str | None:
    if value is None:
        return None
    if column == "entry_id":
        return entered_id(str(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return repr(value) if isinstance(value, float) else str(value)
