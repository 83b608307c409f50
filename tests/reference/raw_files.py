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
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import pyarrow
import pyarrow.parquet

from . import separated_text
from .raw_tables import RawTable
from .unreadable import UnreadableError
from .values import is_null_time, trimmed

# A row: trimmed text by column name, only the columns that are filled.
TextRow = dict[str, str]
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
ENDING = re.compile(r"\.(parquet|(?:csv|tsv|jsonl|ndjson|json)(?:\.gz)?)$", re.IGNORECASE)
# 2^53: whole doubles above are not all there.
LARGEST_WHOLE_DOUBLE = 9_007_199_254_740_992
HIDDEN = ("_", ".")
# By which a time or a number is told from other words, also one that is declared or has a fault.
FEWEST_DIGITS = {"time": 4, "number": 1}
ICEBERG_ENDINGS = (".metadata.json", ".avro", "version-hint.text")
UTF_16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@dataclass(frozen=True)
class RawFile:
    """One file of a raw table, or one that looks like one and is none; `columns`: those of the
    contract that it has, `ignored`: its other headings."""

    path: str
    format: str | None = None
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
    """All rows of a raw table. What is wrong with it is told of each of its files."""
    places = _files_by_place(raw_dir, table.name)
    if not places:
        return RawRows(None)
    log = next((log for place in places if (log := _log_of_a_table_format(place))), None)
    if log is not None:
        problem = f"{_relative(raw_dir, log)} belongs to a table format: export it as Parquet"
        table_format = "delta" if log.name == "_delta_log" else "iceberg"
        folder = RawFile(f"{table.name}/", table_format, problem=problem)
        return RawRows(None, files=(folder,), problem=problem)
    rows: list[TextRow] = []
    files: list[RawFile] = []
    columns: set[str] = set()
    for place, path in [(place, path) for place, paths in places.items() for path in paths]:
        file, file_rows = _read_part(raw_dir, place, path, table)
        files.append(file)
        rows += file_rows
        columns |= set(file.columns)
    problem = next((file.problem for file in files if file.problem is not None), None)
    if len(places) > 1:
        names = " and ".join(_relative(raw_dir, place) for place in places)
        problem = f"{table.name} is there more than once: {names}"
    if problem is None:
        return RawRows(rows, frozenset(columns), tuple(files))
    told = tuple(replace(file, problem=file.problem or problem) for file in files)
    return RawRows(None, files=told, problem=problem)


def _read_part(
    raw_dir: Path, place: Path, path: Path, table: RawTable
) -> tuple[RawFile, list[TextRow]]:
    """One file of the table, and its rows where it can be read."""
    name = _relative(raw_dir, path)
    partitions = _partitions(place, path) if place.is_dir() else {}
    try:
        headings, rows = _read_file(path, table)
    except UnreadableError as problem:
        return RawFile(name, _format(path), problem=f"{name}: {problem}"), []
    kept, ignored = _kept_headings(table, headings)
    added = {key: text for key, text in partitions.items() if key not in kept}
    columns = kept + [column.name for column in table.columns if column.name in added]
    lacking = [c.name for c in table.columns if c.is_required and c.name not in columns]
    # A JSON file without objects has no columns, and lacks none.
    has_columns = bool(headings) or not _is_of_objects(path)
    problem = (
        f"{name}: it lacks the column {', '.join(lacking)}" if lacking and has_columns else None
    )
    file = RawFile(name, _format(path), len(rows), columns if has_columns else [], ignored, problem)
    return file, [_filled({**row, **added}) for row in rows]


def other_files(raw_dir: Path, tables: Sequence[RawTable]) -> list[tuple[str | None, str]]:
    """The files and folders that belong to no table, and which table they look like."""
    names = [table.name for table in tables]
    taken = {place.name for name in names for place in _candidates(raw_dir, name)}
    others: list[tuple[str | None, str]] = []
    for path in sorted(raw_dir.iterdir()):
        if path.name.startswith(HIDDEN):
            continue
        if path.name not in taken:
            name = f"{path.name}/" if path.is_dir() else path.name
            others.append((_most_alike(path.name, names), name))
        elif path.is_dir() and _log_of_a_table_format(path) is None:
            strangers = (file for file in _files_below(path) if not ENDING.search(file.name))
            others += [(path.name, _relative(raw_dir, file)) for file in strangers]
    return others


def _most_alike(name: str, table_names: Sequence[str]) -> str | None:
    """The table with whose name the file's begins, whatever stands between its words."""
    words = re.sub("[^a-z]+", "_", name.lower())
    alike = [table_name for table_name in table_names if words.startswith(table_name)]
    return max(alike, key=len, default=None)


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
            files = sorted(file for file in _files_below(place) if _is_data(file))
            if files or _log_of_a_table_format(place) is not None:
                places[place] = files
        elif _is_filled(place):
            places[place] = [place]
    return places


def _is_data(path: Path) -> bool:
    return ENDING.search(path.name) is not None and _is_filled(path)


def _folders_below(folder: Path, above: Collection[str] = ()) -> Iterator[Path]:
    """The folder and all with data in it; links are followed, but never back to where they are."""
    own = os.path.realpath(folder)
    if own in above:
        return
    yield folder
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith(HIDDEN):
            yield from _folders_below(path, {*above, own})


def _files_below(folder: Path) -> Iterator[Path]:
    for inner in _folders_below(folder):
        for path in inner.iterdir():
            if path.is_file() and not path.name.startswith(HIDDEN):
                yield path


def _log_of_a_table_format(place: Path) -> Path | None:
    """The log of Delta or the metadata of Iceberg, which say which of the files still count."""
    for folder in _folders_below(place) if place.is_dir() else ():
        if (folder / "_delta_log").is_dir():
            return folder / "_delta_log"
        metadata = folder / "metadata"
        names = [path.name for path in metadata.iterdir()] if metadata.is_dir() else []
        if any(name.endswith(ICEBERG_ENDINGS) for name in names):
            return metadata
    return None


def _relative(raw_dir: Path, path: Path) -> str:
    return path.relative_to(raw_dir).as_posix()


def _format(path: Path) -> str:
    return ENDING.search(path.name)[1].lower()


def _is_of_objects(path: Path) -> bool:
    return _format(path).removesuffix(".gz") in ("json", "jsonl", "ndjson")


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
    """Whether the required cells are filled, and those that should be times or numbers look like
    it."""
    places = _places(table, header)
    texts = {name: trimmed(cells[place]) for name, place in places.items() if place < len(cells)}
    required = {c.name: c.kind for c in table.columns if c.is_required and c.name in places}
    if not required or not all(texts.get(name) for name in required):
        return False
    digits = {name: sum(map(str.isdigit, texts[name])) for name in required}
    return all(
        digits[name] >= FEWEST_DIGITS.get(required[name], 0) or is_null_time(texts[name])
        for name in required
    )


def _listed_objects(text: str) -> Iterator[list[tuple[str, object]]]:
    if not text.strip():
        return
    try:
        content = _from_json(text)
    except ValueError as error:
        raise UnreadableError("it is not a list of objects") from error
    if isinstance(content, _Pairs) or not isinstance(content, list):
        raise UnreadableError("it is not a list of objects")
    for item in content:
        if not isinstance(item, _Pairs):
            raise UnreadableError("it is not a list of objects")
        yield item


def _from_json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_Pairs, parse_float=_JsonNumber)


def _objects_by_line(text: str) -> Iterator[list[tuple[str, object]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = _from_json(line)
        except ValueError as error:
            raise UnreadableError("it is no JSON object", number) from error
        if not isinstance(item, _Pairs):
            raise UnreadableError("it is no JSON object", number)
        yield item


class _Pairs(list):
    """A JSON object with all its keys in their order."""


class _JsonNumber(str):
    """A number with a point or an exponent, as the file has it."""


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
    if isinstance(value, _JsonNumber):
        number = float(value)
        is_whole = number.is_integer() and abs(number) <= LARGEST_WHOLE_DOUBLE
        return format(number, ".0f") if is_whole else str(value)
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
