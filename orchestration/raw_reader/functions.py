"""What SQL asks the reader: functions of a DuckDB connection.

`macros/engine/duckdb/raw_files.sql` calls them.
"""

import csv
import json
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from orchestration.raw_reader.reader import read_folder
from orchestration.raw_reader.tables import RawFile, RawFolder
from orchestration.warehouse.erasure_list import erasure_list


def add_functions(
    connection: duckdb.DuckDBPyConnection, notes: Path | None, erasures: Path | None = None
) -> None:
    """Add `health_raw_table(folder, table)`, `health_raw_files(folder)`, `health_seed_rows(file)`
    and `health_erasures(kind)`, which answer with JSON. A folder is read once, so that all that ask
    see the same files.

    notes: as in `read_folder`
    erasures: the list of who is to be erased
    """

    folders: dict[str, RawFolder] = {}
    reading = Lock()  # dbt asks from several threads

    def folder_once(folder: str) -> RawFolder:
        with reading:
            if folder not in folders:
                folders[folder] = read_folder(Path(folder).resolve(), notes)
            return folders[folder]

    def raw_table(folder: str, table: str) -> str:
        found = folder_once(folder).tables.get(table)
        return json.dumps(found.to_json() if found else None)

    def raw_files(folder: str) -> str:
        return json.dumps([row_of(file) for file in folder_once(folder).files])

    def erased_ids(kind: str) -> str:
        entries = erasure_list(erasures) if erasures else []
        return json.dumps([entry.id for entry in entries if entry.kind == kind])

    text: Any = duckdb.sqltypes.VARCHAR
    for name, function, parameters in (
        ("health_raw_table", raw_table, [text, text]),
        ("health_raw_files", raw_files, [text]),
        ("health_seed_rows", seed_rows, [text]),
        ("health_erasures", erased_ids, [text]),
    ):
        connection.create_function(name, function, parameters, text, side_effects=True)


def row_of(file: RawFile) -> dict[str, Any]:
    """A row of `health.raw_files`."""
    row = asdict(file)
    row["columns_read"] = json.dumps(file.columns_read, ensure_ascii=False)
    row["columns_ignored"] = json.dumps(file.columns_ignored, ensure_ascii=False)
    return row


def seed_rows(file: str) -> str:
    """The rows of a configuration file, a JSON object each; none where there is no such file."""
    path = Path(file)
    if not path.exists():
        return "[]"
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = [
            {(name or "").strip().lower(): cell for name, cell in row.items() if name}
            for row in csv.DictReader(lines)
        ]
    return json.dumps(rows, ensure_ascii=False)
