"""Delimited text files: told apart into rows for sure, or refused.

DuckDB's reader is quick and forgiving: after a stray quote it takes the rows that follow for one
value, without a word. So a file is validated first. Where each line is a whole row by RFC 4180, as
in nearly all files, DuckDB reads it in place. Any other file (line breaks inside values,
backslashes before quotes, mixed line ends) is parsed here, strictly, and DuckDB reads the copy.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from orchestration.raw_reader.copies import look_of_copy, write_copy
from orchestration.raw_reader.definitions import Definition
from orchestration.raw_reader.looks import Heading, Look, Unreadable, quoted
from orchestration.raw_reader.texts import Bytes

SEPARATORS = (b",", b";", b"\t", b"|")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANK_LINES = re.compile(rb"(?:[ \t]*(?:\r\n|\r|\n))*+")
SEPARATOR_LINE = re.compile(rb'"?sep=(.)"?[ \t]*(?:\r\n|\r|\n)', re.IGNORECASE)
LINE_BREAK = re.compile(rb"\r\n|\r|\n")
LONGEST_LINE = 50_000_000


@dataclass(frozen=True)
class Dialect:
    """How quotes inside quoted values are written: `quoted` matches such a value, `plain` gives its
    text without the quotes around it."""

    quoted: bytes
    plain: Callable[[bytes], bytes]


DOUBLED = Dialect(rb'"(?:[^"]|"")*+"', lambda text: text.replace(b'""', b'"'))
BACKSLASHES = Dialect(
    rb'"(?:[^"\\]|\\[\s\S]|"")*+"',
    lambda text: re.sub(rb'\\(["\\])|""', lambda match: match[1] or b'"', text),
)


@dataclass(frozen=True)
class Grammar:
    """The regular expressions of a separator and dialect."""

    record: re.Pattern[bytes]
    cell: re.Pattern[bytes]


@cache
def grammar(separator: bytes, dialect: Dialect) -> Grammar:
    between = re.escape(separator)
    blanks = rb"[ ]*" if separator == b"\t" else rb"[ \t]*"
    # A quote counts as one at the start of a cell only; elsewhere it is a character (5" pipe).
    cell = rb"(?:" + dialect.quoted + blanks + rb'|(?!")[^' + between + rb"\r\n]*+)"
    return Grammar(
        re.compile(cell + rb"(?:" + between + cell + rb")*+(?=\r|\n|\Z)"),
        re.compile(rb"(?:\A|" + between + rb")(" + cell + rb")"),
    )


@cache
def simple_rows(separator: bytes, width: int, line_end: bytes) -> re.Pattern[bytes]:
    """Rows of at most so many cells, each on a line of its own, beyond any doubt."""
    between = re.escape(separator)
    cell = rb'(?:"(?:[^"\r\n]|"")*+"|[^' + between + rb'"\r\n]*+)'
    row = (
        rb"(?![ \t]*+(?:\r|\n|\Z))"  # a blank line is left to the parser
        + cell
        + rb"(?:%b%b){0,%d}+" % (between, cell, width - 1)
        + rb"(?:%b[ ]*+)*+" % between
    )
    return re.compile(rb"(?:" + row + rb"(?:" + line_end + rb"|\Z))*+\Z")


@dataclass(frozen=True)
class Header:
    """The header row: the separator that it tells, its cells, and where the rows begin."""

    separator: bytes
    names: tuple[str, ...]
    end: int


def look_at_csv(
    source: Path,
    copy: Path,
    definition: Definition,
    partitions: Sequence[tuple[str, str | None]],
    connection: Any,
) -> Look:
    """How to read a file of UTF-8 text. Raises Unreadable."""
    with Bytes(source) as content:
        header = read_header(content, definition.columns)
        own = lowered(header.names)
        extra = [
            pair for pair in partitions if pair[0] in definition.columns and pair[0] not in own
        ]
        # Folders' values are looked up in the file's path, which a copy does not have.
        is_copy = source == copy.with_suffix(".csv")
        look = None if is_copy and extra else look_in_place(source, content, header)
        if look and rows_that_duckdb_reads(look, connection) == look.row_count:
            return look
        return parsed_copy(content, header, copy, definition, extra)


def lowered(names: Sequence[str]) -> list[str]:
    return [name.strip().lower() for name in names]


def look_in_place(source: Path, content: Any, header: Header) -> Look | None:
    """How DuckDB reads the file itself; None where that is not sure to be right."""
    line_end = LINE_BREAK.search(content)
    line_end = line_end[0] if line_end else b"\n"
    if line_end == b"\r" or not header.names:
        return None
    rows = simple_rows(header.separator, len(header.names), line_end)
    if not rows.match(content, header.end):
        return None
    lines = content[header.end :].count(b"\n")
    is_cut = len(content) > header.end and content[-1:] != b"\n"
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(header.names)))
    skipped = content[: header.end].count(b"\n")
    options = (
        f"auto_detect = false, header = false, skip = {skipped}, columns = {{{columns}}}, "
        f"delim = {quoted(header.separator.decode())}, quote = '\"', escape = '\"', comment = '', "
        f"null_padding = true, strict_mode = false, hive_partitioning = false, "
        f"max_line_size = {LONGEST_LINE}"
    )
    headings = [Heading(name, f"c{place}") for place, name in enumerate(header.names)]
    return Look(
        source=str(source),
        function="read_csv",
        options=options,
        headings=tuple(headings),
        row_count=lines + is_cut,
    )


def rows_that_duckdb_reads(look: Look, connection: Any) -> int | None:
    """A last comparison; None where DuckDB refuses what it was told."""
    relation = f"{look.function}({quoted(escaped_glob(look.source))}, {look.options})"
    try:
        return connection.execute(f"select count(*) from {relation}").fetchone()[0]
    except Exception:  # whatever DuckDB has against the file, it is parsed here instead
        return None


def escaped_glob(path: str) -> str:
    """A path in which no character stands for others."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def read_header(content: Any, known: Collection[str]) -> Header:
    """The separator is the one by which the header line has most columns that are known."""
    start = len(BYTE_ORDER_MARK) if content[:3] == BYTE_ORDER_MARK else 0
    start = BLANK_LINES.match(content, start).end()  # type: ignore[union-attr]
    line = SEPARATOR_LINE.match(content, start)
    if line:
        start = BLANK_LINES.match(content, line.end()).end()  # type: ignore[union-attr]
    candidates = []
    for separator in SEPARATORS:
        found = grammar(separator, DOUBLED)
        record = found.record.match(content, start)
        if record:
            names = tuple(texts(record[0], separator, DOUBLED))
            end = record.end()
            line_break = LINE_BREAK.match(content, end)
            header = Header(separator, names, line_break.end() if line_break else end)
            recognised = len(set(lowered(names)) & set(known))
            candidates.append((recognised, len(names), header))
    if not candidates:
        raise Unreadable(
            f"line {line_of(content, start)}: the header cannot be told apart into names, because a"
            " quote in it is not closed. Close it, or remove it."
        )
    return max(candidates, key=lambda candidate: candidate[:2])[2]


def parsed_copy(
    content: Any,
    header: Header,
    copy: Path,
    definition: Definition,
    partitions: Sequence[tuple[str, str | None]],
) -> Look:
    """Parse the file and write what is known of it as a copy."""
    places: dict[str, int] = {}
    for place, name in enumerate(lowered(header.names)):
        if name in definition.columns:
            places.setdefault(name, place)
    columns = [*places, *(key for key, _ in partitions)]
    added = [value for _, value in partitions]
    used = set(places.values())
    ignored = [name for place, name in enumerate(header.names) if place not in used]

    filled = [places[name] for name in definition.required if name in places]
    time = places.get(definition.main_time)

    def could_be_row(line: bytes) -> bool:
        cells = line.split(header.separator)
        return len(cells) == len(header.names) or (
            len(cells) < len(header.names)
            and all(place < len(cells) and cells[place].strip() for place in filled)
            and (time is None or any(digit in b"0123456789" for digit in cells[time]))
        )

    def rows(dialect: Dialect) -> Iterator[list[str | None]]:
        for cells in records(content, header, dialect, could_be_row):
            count = len(cells)
            yield [cells[at] if at < count else None for at in places.values()] + added

    target = copy.with_suffix(".parquet")
    try:
        written = write_copy(target, columns, rows(DOUBLED))
    except Unreadable as problem:
        try:
            written = write_copy(target, columns, rows(BACKSLASHES))
        except Unreadable:
            raise problem from None
    return look_of_copy(target, columns, ignored, written)


def records(
    content: Any, header: Header, dialect: Dialect, could_be_row: Callable[[bytes], bool]
) -> Iterator[list[str]]:
    """The cells of each row. Raises Unreadable where a row's end is uncertain: where a quote is not
    closed, and where each line of a row of several could be a row of its own."""
    pattern = grammar(header.separator, dialect).record
    width = len(header.names)
    place, line = header.end, line_of(content, header.end)
    while place < len(content):
        record = pattern.match(content, place)
        if not record:
            raise Unreadable(
                f"line {line}: a quote is opened and not closed before the next separator, so that"
                " nobody can tell where the row ends. Close it, or double the quotes inside values."
            )
        text = record[0]
        if text.strip(b" \t"):
            inner = LINE_BREAK.split(text)
            if len(inner) > 1 and all(map(could_be_row, inner)):
                raise Unreadable(
                    f"line {line}: a quoted value goes on for {len(inner)} lines, and each of them"
                    " could be a row of its own. Remove the stray quote, or the line breaks inside"
                    " the value."
                )
            cells = texts(text, header.separator, dialect)
            if len(cells) > width:
                if any(cell.strip() for cell in cells[width:]):
                    raise Unreadable(
                        f"line {line}: the row has {len(cells)} cells and the header only {width}"
                        " columns. Put values that contain the separator into quotes."
                    )
                del cells[width:]
            yield cells
            line += len(inner) - 1
        place = record.end()
        line_break = LINE_BREAK.match(content, place)
        place = line_break.end() if line_break else len(content)
        line += 1


def texts(record: bytes, separator: bytes, dialect: Dialect) -> list[str]:
    """The cells of a row as texts."""
    if b'"' not in record:
        return [cell.decode() for cell in record.split(separator)]
    return [
        (dialect.plain(cell.rstrip(b" \t")[1:-1]) if cell[:1] == b'"' else cell).decode()
        for cell in grammar(separator, dialect).cell.findall(record)
    ]


def line_of(content: Any, place: int) -> int:
    return len(LINE_BREAK.findall(content[:place])) + 1
