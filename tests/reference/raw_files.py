"""From files to rows of text: finds a raw table's file, whichever form it has, and reads it whole.

Typed Parquet values become the text that stands for them, so that one set of rules reads all files.
"""

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet

from .values import trimmed

# A row: trimmed text by column name, only the columns that are filled.
TextRow = dict[str, str]
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def read_rows(raw_dir: Path, table_name: str) -> list[TextRow] | None:
    """All rows of a raw table; None when the table is absent (no file, or only empty ones)."""
    parquet_file = raw_dir / f"{table_name}.parquet"
    if _has_content(parquet_file):
        return list(_parquet_rows(parquet_file, {}))
    csv_file = raw_dir / f"{table_name}.csv"
    if _has_content(csv_file):
        return list(_csv_rows(csv_file))
    folder = raw_dir / table_name
    parts = [path for path in sorted(folder.rglob("*.parquet")) if _has_content(path)]
    if parts:
        return [row for part in parts for row in _parquet_rows(part, _partitions(folder, part))]
    return None


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _csv_rows(path: Path) -> Iterator[TextRow]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        header = [name.strip() for name in next(lines, [])]
        for cells in lines:
            if cells:
                yield _filled(dict(zip(header, cells, strict=False)))


def _parquet_rows(path: Path, partitions: dict[str, str]) -> Iterator[TextRow]:
    for row in pyarrow.parquet.ParquetFile(path).read().to_pylist():
        texts = {name.strip(): typed_text(value) for name, value in row.items()}
        yield _filled(partitions | texts)


def _partitions(folder: Path, part: Path) -> dict[str, str]:
    """The columns that a path such as `events/occurred_on=2026-11-22/part.parquet` holds."""
    pairs = (name.split("=", 1) for name in part.relative_to(folder).parts[:-1] if "=" in name)
    return {name: unquote(value) for name, value in pairs if value != NULL_PARTITION}


def _filled(row: dict[str, str | None]) -> TextRow:
    texts = {name: trimmed(text) for name, text in row.items()}
    return {name: text for name, text in texts.items() if text is not None}


def typed_text(value: object) -> str | None:
    """The text that a typed value stands for: times in UTC, without trailing zeros."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        utc = value.astimezone(UTC) if value.tzinfo else value
        seconds = utc.strftime("%H:%M:%S")
        fraction = f".{utc.microsecond:06d}".rstrip("0").rstrip(".")
        return f"{utc.date().isoformat()} {seconds}{fraction}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and value.is_integer():
        return format(value, ".0f")
    return repr(value)
