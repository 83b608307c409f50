"""What reading a raw folder gives: a table each, with how to select its rows, and a file each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Group:
    """Files of a table that one relation reads, because they store the same columns alike.

    columns: by the contract's name, the expression in SQL and the type that it is stored in.
    """

    relation: str
    columns: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class RawTable:
    """A raw table.

    location: its file or folder. problem: why it cannot be read, with file and cure; nothing else
    is worth anything then. groups: select from each; none where there are no rows. columns: those
    of the contract that at least one file has. other_columns: names of the others.
    """

    name: str
    location: str
    problem: str | None = None
    groups: tuple[Group, ...] = ()
    columns: tuple[str, ...] = ()
    other_columns: tuple[str, ...] = ()
    row_count: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "location": self.location,
            "problem": self.problem,
            "groups": [
                {"relation": group.relation, "columns": dict(group.columns)}
                for group in self.groups
            ],
            "columns": {name: {} for name in self.columns},
            "other_columns": list(self.other_columns),
            "row_count": self.row_count,
        }


@dataclass(frozen=True)
class RawFile:
    """A file of a raw folder, one row of `health.raw_files`; file: its path below the folder."""

    table_name: str | None
    file: str
    format: str | None = None
    row_count: int | None = None
    columns_read: tuple[str, ...] = ()
    columns_ignored: tuple[str, ...] = ()
    is_read: bool = False
    problem: str | None = None


@dataclass(frozen=True)
class RawFolder:
    """All of a raw folder: the tables that are there by their names, and the files."""

    folder: Path
    tables: Mapping[str, RawTable] = field(default_factory=dict)
    files: tuple[RawFile, ...] = ()
