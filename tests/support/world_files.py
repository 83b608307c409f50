"""The forms that raw files have: separated text in every dialect, JSON, Parquet.

Writes what it is given and nothing else, so whoever gives it knows how many records there are. The
same arguments give the same bytes.
"""

import gzip
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SEPARATORS = (",", ";", "\t", "|")
TEXT_ENDINGS = ("csv", "tsv")
OBJECT_ENDINGS = ("jsonl", "ndjson", "json")
MARKS = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff", "utf-8-sig": b"\xef\xbb\xbf"}


@dataclass(frozen=True)
class Dialect:
    """How separated text is written.

    quoting: `minimal`, `all`, `stray` (a quote inside a cell stands as it is, where nothing else
    asks for quotes) or `backslash` (before quotes, which is not RFC 4180).
    widths: `full`, `short` (empty cells at the end left out) or `long` (more of them).
    """

    separator: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    quoting: str = "minimal"
    widths: str = "full"
    first_line: str = ""
    has_blank_lines: bool = False
    has_last_line_end: bool = True


def random_dialect(rng: random.Random) -> Dialect:
    """A dialect that docs/raw_tables.md allows."""
    encodings = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16-le", "utf-16-be")
    first_line = rng.choice(("", "", "", "", "sep={}", "SEP={}", '"sep={}"'))
    separator = rng.choice((*SEPARATORS, ",", ","))
    return Dialect(
        separator=separator,
        encoding=rng.choice(encodings),
        line_end=rng.choice(("\n", "\n", "\r\n")),
        quoting=rng.choice(("minimal", "minimal", "minimal", "all", "stray", "backslash")),
        widths=rng.choice(("full", "full", "short", "long")),
        first_line=first_line.format(separator),
        has_blank_lines=rng.random() < 0.2,
        has_last_line_end=rng.random() < 0.8,
    )


def separated_lines(
    dialect: Dialect, header: Sequence[str], rows: Iterable[Sequence[str | None]]
) -> list[str]:
    """The lines of a file, the header first; a cell may have line breaks of its own."""
    lines = [dialect.first_line] if dialect.first_line else []
    lines.append(dialect.separator.join(_cell(dialect, name) for name in header))
    for number, row in enumerate(rows):
        lines.append(dialect.separator.join(raw_cells(dialect, row)))
        if dialect.has_blank_lines and number % 7 == 3:
            lines.append("" if number % 2 else "  ")
    return lines


def separated_bytes(dialect: Dialect, lines: Sequence[str]) -> bytes:
    """The bytes of a file with these lines."""
    last = dialect.line_end if dialect.has_last_line_end else ""
    return encoded(dialect.line_end.join(lines) + last, dialect.encoding)


def encoded(text: str, encoding: str) -> bytes:
    """The text behind its mark, if the encoding has one."""
    return MARKS.get(encoding, b"") + text.encode(encoding.removesuffix("-sig"))


def packed(content: bytes) -> bytes:
    """The content as gzip packs it, without the time at which it did."""
    return gzip.compress(content, mtime=0)


def raw_cells(dialect: Dialect, row: Sequence[str | None]) -> list[str]:
    """The cells of a row as they stand in the file, quotes and all."""
    cells = [_cell(dialect, value or "") for value in row]
    if dialect.widths == "short":
        # A lone empty cell would be a blank line.
        while len(cells) > 2 and not (row[len(cells) - 1] or "").strip():
            cells.pop()
    return cells + [""] * (2 if dialect.widths == "long" else 0)


def _cell(dialect: Dialect, text: str) -> str:
    breaks = dialect.separator in text or "\n" in text or "\r" in text
    has_quote = text.startswith('"') if dialect.quoting == "stray" else '"' in text
    if not (breaks or has_quote or dialect.quoting == "all"):
        return text
    escape = '\\"' if dialect.quoting == "backslash" else '""'
    return '"' + text.replace('"', escape) + '"'


def object_lines(rows: Iterable[Sequence[tuple[str, Any]]]) -> list[str]:
    """A JSON object a row, keys in the order given, however often they are there."""
    return [
        "{" + ", ".join(f"{_json(key)}: {_json(value)}" for key, value in row) + "}" for row in rows
    ]


def object_text(ending: str, lines: Sequence[str]) -> str:
    """The objects as a list, or one a line."""
    if ending == "json":
        return "[" + ",\n ".join(lines) + "]\n"
    return "".join(f"{line}\n" for line in lines)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def write_parquet(path: Path, names: Sequence[str], arrays: Sequence[pa.Array]) -> None:
    """A Parquet file whose columns may share a name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_arrays(list(arrays), names=list(names)), path)


def write_bytes(path: Path, content: bytes) -> None:
    """A file, its folders made where they are not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def plain_row(columns: Iterable[Any], number: int) -> Mapping[str, str]:
    """A row without fault of a table with these columns: its required ones filled."""
    values = {"text": f"plain-{number}", "time": "2026-01-05", "number": "5", "code": "EUR"}
    return {
        column.name: column.words[0] if column.kind == "word" else values[column.kind]
        for column in columns
        if column.required
    }
