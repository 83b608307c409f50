"""From files to rows of text: finds the files of a raw table, whichever form they have, and reads
them whole.

Typed values of Parquet and JSON become the text that stands for them, so that one set of rules
reads all files.
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import pyarrow
import pyarrow.parquet

from . import separated_text
from .raw_tables import RawTable
from .unreadable import UnreadableError
from .values import read_time, trimmed

# A row: trimmed text by column name, only the columns that are filled.
TextRow = dict[str, str]
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
ENDING = re.compile(r"\.(parquet|(?:csv|tsv|jsonl|ndjson|json)(?:\.gz)?)$", re.IGNORECASE)
# 2^53: whole doubles above are not all there.
LARGEST_WHOLE_DOUBLE = 9_007_199_254_740_992
UTF_16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@dataclass(frozen=True)
class RawFile:
    """One file of a raw table; `columns` are the headings that were read, `ignored` the others."""

    path: str
    format: str
    row_count: int | None = None
    columns: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    problem: str | None = None


@dataclass(frozen=True)
class RawRows:
    """What the files of a raw table hold; `columns`: those of the contract that any of them has.

    rows: None for an absent table, and for one that cannot be read, which has a problem.
    """

    rows: list[TextRow] | None
    columns: frozenset[str] = frozenset()
    files: tuple[RawFile, ...] = ()
    problem: str | None = None


def read_table(raw_dir: Path, table: RawTable) -> RawRows:
    """All rows of a raw table."""
    files = _files_by_place(raw_dir, table.name)
    if not files:
        return RawRows(None)
    names = [_relative(raw_dir, path) for paths in files.values() for path in paths]
    if len(files) > 1:
        places = " and ".join(_relative(raw_dir, place) for place in files)
        return _unreadable(names, f"{table.name} is there more than once: {places}")
    (place,) = files
    log = _log_of_a_table_format(place) if place.is_dir() else None
    if log is not None:
        problem = f"{_relative(raw_dir, log)} belongs to a table format: export it as Parquet"
        return _unreadable(names, problem)
    rows: list[TextRow] = []
    read: list[RawFile] = []
    columns: set[str] = set()
    for path, name in zip(files[place], names, strict=True):
        partitions = _partitions(place, path) if place.is_dir() else {}
        try:
            headings, file_rows = _read_file(path, table)
            present = _with_partitions(table, headings, partitions, file_rows)
        except UnreadableError as problem:
            return _unreadable(names, f"{name}: {problem}", name)
        columns |= present
        rows += [_filled(row) for row in file_rows]
        kept, ignored = _kept_headings(table, headings)
        read.append(RawFile(name, _format(path), len(file_rows), kept, ignored))
    return RawRows(rows, frozenset(columns), tuple(read))


def other_files(raw_dir: Path, tables: Sequence[RawTable]) -> list[str]:
    """The files and folders of the raw folder that belong to no table, by name."""
    taken = {place.name for table in tables for place in _candidates(raw_dir, table.name)}
    return sorted(
        path.name
        for path in raw_dir.iterdir()
        if path.name not in taken and not path.name.startswith((".", "_"))
    )


# Which files --------------------------------------------------------------------------------------


def _candidates(raw_dir: Path, table_name: str) -> list[Path]:
    """The files and the folder that have the table's name; case counts, but not in endings."""
    return sorted(
        path
        for path in raw_dir.iterdir()
        if (path.is_dir() and path.name == table_name)
        or (path.is_file() and ENDING.search(path.name) and _stem(path) == table_name)
    )


def _stem(path: Path) -> str:
    return ENDING.sub("", path.name)


def _is_filled(path: Path) -> bool:
    """Whether there is any byte in the file; of a packed one, in what was packed."""
    if not path.name.lower().endswith(".gz"):
        return path.stat().st_size > 0
    try:
        with gzip.open(path) as content:
            return content.read(1) != b""
    except (OSError, EOFError, zlib.error):
        return path.stat().st_size > 0


def _files_by_place(raw_dir: Path, table_name: str) -> dict[Path, list[Path]]:
    """The filled files of each file or folder of the table; one without any is no place."""
    places = {}
    for place in _candidates(raw_dir, table_name):
        if place.is_dir():
            files = sorted(_data_files(place, set()))
            if files or _log_of_a_table_format(place) is not None:
                places[place] = files
        elif _is_filled(place):
            places[place] = [place]
    return places


def _data_files(folder: Path, above: set[str]) -> Iterator[Path]:
    """All filled files below the folder; links are followed, but never back to where they are."""
    own = os.path.realpath(folder)
    if own in above:
        return
    for path in folder.iterdir():
        if path.name.startswith(("_", ".")):
            continue
        if path.is_dir():
            yield from _data_files(path, above | {own})
        elif ENDING.search(path.name) and _is_filled(path):
            yield path


def _log_of_a_table_format(folder: Path) -> Path | None:
    """The log of Delta or the metadata of Iceberg, which say which of the files still count."""
    for path in [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]:
        if (path / "_delta_log").is_dir():
            return path / "_delta_log"
        metadata = path / "metadata"
        if metadata.is_dir() and any(".metadata.json" in file.name for file in metadata.iterdir()):
            return metadata
    return None


def _relative(raw_dir: Path, path: Path) -> str:
    return path.relative_to(raw_dir).as_posix()


def _format(path: Path) -> str:
    return ENDING.search(path.name)[1].lower()


def _unreadable(names: Sequence[str], problem: str, culprit: str | None = None) -> RawRows:
    files = [
        RawFile(name, _format(Path(name)), problem=problem if culprit in (None, name) else None)
        for name in names
    ]
    return RawRows(None, files=tuple(files), problem=problem)


# Which columns ------------------------------------------------------------------------------------


def _kept_headings(table: RawTable, headings: Sequence[str]) -> tuple[list[str], list[str]]:
    """The headings that count, in the contract's spelling: of two with one name the first."""
    known = {column.name for column in table.columns}
    kept: list[str] = []
    ignored: list[str] = []
    for heading in headings:
        name = heading.lower()
        if name in known and name not in kept:
            kept.append(name)
        else:
            ignored.append(heading)
    return kept, ignored


def _with_partitions(
    table: RawTable, headings: Sequence[str], partitions: TextRow, rows: list[TextRow]
) -> set[str]:
    """Add what the folders' names say, unless the file says it; gives the columns there are."""
    kept, _ = _kept_headings(table, headings)
    added = {name: text for name, text in partitions.items() if name not in kept}
    present = set(kept) | {column.name for column in table.columns if column.name in added}
    lacking = [c.name for c in table.columns if c.is_required and c.name not in present]
    # A JSON file without objects has no columns, and lacks none.
    if lacking and (headings or rows):
        raise UnreadableError(f"it lacks the column {', '.join(lacking)}")
    for row in rows:
        row.update(added)
    return present


def _partitions(folder: Path, part: Path) -> dict[str, str | None]:
    """The columns that a path such as `events/occurred_on=2026-11-22/part.parquet` holds."""
    values: dict[str, str | None] = {}
    for name in part.relative_to(folder).parts[:-1]:
        key, is_partition, value = name.partition("=")
        if is_partition:
            values.setdefault(key.lower(), None if value == NULL_PARTITION else unquote(value))
    return values


def _filled(row: dict[str, str | None]) -> TextRow:
    texts = {name: trimmed(text) for name, text in row.items()}
    return {name: text for name, text in texts.items() if text is not None}


# What is in a file --------------------------------------------------------------------------------


def _read_file(path: Path, table: RawTable) -> tuple[list[str], list[dict[str, str | None]]]:
    """The headings as they stand and the rows, by the contract's names of columns."""
    if _format(path) == "parquet":
        return _parquet_rows(path, table)
    text = _text(path)
    if _format(path).startswith(("csv", "tsv")):
        return _separated_rows(text, table)
    if _format(path).startswith("json") and not _format(path).startswith("jsonl"):
        return _object_rows(_listed_objects(text), table)
    return _object_rows(_objects_by_line(text), table)


def _text(path: Path) -> str:
    content = path.read_bytes()
    if _format(path).endswith(".gz"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableError("it cannot be unpacked; pack it again with gzip") from error
    encoding = UTF_16_MARKS.get(content[:2], "utf-8")
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UnreadableError("it is not UTF-8; save it as UTF-8", line) from error


def _separated_rows(text: str, table: RawTable) -> tuple[list[str], list[dict[str, str | None]]]:
    known = {column.name for column in table.columns}

    def is_row(header: Sequence[str], cells: Sequence[str]) -> bool:
        return _could_be_a_row(table, header, cells)

    header, records = separated_text.parse(text, known, is_row)
    places = _places(table, header)
    rows = [
        {
            name: record.cells[place] if place < len(record.cells) else None
            for name, place in places.items()
        }
        for record in records
    ]
    return header, rows


def _places(table: RawTable, header: Sequence[str]) -> dict[str, int]:
    """Where the contract's columns stand; of two with one name the first counts."""
    known = {column.name for column in table.columns}
    places: dict[str, int] = {}
    for place, heading in enumerate(header):
        if heading.lower() in known:
            places.setdefault(heading.lower(), place)
    return places


def _could_be_a_row(table: RawTable, header: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether no cell is beyond the header, the required ones are filled, the main time a time."""
    if any(trimmed(cell) for cell in cells[len(header) :]):
        return False
    places = _places(table, header)
    texts = {name: trimmed(cells[place]) for name, place in places.items() if place < len(cells)}
    required = [c.name for c in table.columns if c.is_required and c.name in places]
    if not all(texts.get(name) for name in required):
        return False
    return table.main_time not in places or read_time(texts[table.main_time]) is not None


def _listed_objects(text: str) -> Iterator[list[tuple[str, object]]]:
    """A list of objects, or objects one after the other."""
    try:
        content = json.loads(text, object_pairs_hook=_Pairs)
    except ValueError:
        yield from _objects_by_line(text)
        return
    if not isinstance(content, list):
        raise UnreadableError("it is not a list of objects")
    for item in [content] if isinstance(content, _Pairs) else content:
        if not isinstance(item, _Pairs):
            raise UnreadableError("it is not a list of objects")
        yield item


def _objects_by_line(text: str) -> Iterator[list[tuple[str, object]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line, object_pairs_hook=_Pairs)
        except ValueError as error:
            raise UnreadableError("it is no JSON object", number) from error
        if not isinstance(item, _Pairs):
            raise UnreadableError("it is no JSON object", number)
        yield item


class _Pairs(list):
    """A JSON object with all its keys in their order."""


def _object_rows(
    objects: Iterator[list[tuple[str, object]]], table: RawTable
) -> tuple[list[str], list[dict[str, str | None]]]:
    known = {column.name for column in table.columns}
    headings: dict[str, None] = {}
    rows = []
    for pairs in objects:
        row: dict[str, str | None] = {}
        for key, value in pairs:
            headings[key.strip()] = None
            if key.strip().lower() in known:
                row.setdefault(key.strip().lower(), typed_text(value))
        rows.append(row)
    return list(headings), rows


def _parquet_rows(path: Path, table: RawTable) -> tuple[list[str], list[dict[str, str | None]]]:
    try:
        content = pyarrow.parquet.ParquetFile(path).read()
        headings = [name.strip() for name in content.schema.names]
        texts = {
            name: [typed_text(value) for value in content.column(place).to_pylist()]
            for name, place in _places(table, headings).items()
        }
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UnreadableError("it is no whole Parquet file; write it again") from error
    rows = [{name: values[row] for name, values in texts.items()} for row in range(len(content))]
    return headings, rows


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
    if isinstance(value, _Pairs):
        return json.dumps(dict(value), ensure_ascii=False)
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_WHOLE_DOUBLE:
        return format(value, ".0f")
    return repr(value)
