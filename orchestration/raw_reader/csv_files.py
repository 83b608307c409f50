"""Delimited text files: read in place where each line is a whole row, as in nearly all of them.

DuckDB's reader is quick and forgiving: after a stray quote it takes the rows that follow for one
value, without a word. So a file is validated first (`csv_rows`). Any other file (line breaks inside
values, backslashes before quotes, mixed line ends) is parsed here, strictly, and DuckDB reads the
copy.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestration.raw_reader.copies import look_of_copy, write_copy
from orchestration.raw_reader.csv_rows import (
    BACKSLASHES,
    DOUBLED,
    LINE_BREAK,
    Dialect,
    DoesNotParse,
    Header,
    lowered,
    read_header,
    refuse_two_readings,
    rows,
    simple_rows,
)
from orchestration.raw_reader.definitions import Definition
from orchestration.raw_reader.looks import Heading, Look
from orchestration.raw_reader.texts import Bytes
from orchestration.warehouse.duckdb_files import literal

LONGEST_LINE = 50_000_000
Partitions = Sequence[tuple[str, str | None]]


def look_at_csv(
    source: Path, copy: Path, definition: Definition, partitions: Partitions, connection: Any
) -> Look:
    """How to read a file of UTF-8 text. Raises Unreadable."""
    with Bytes(source) as content:
        try:
            header = read_header(content, definition, DOUBLED)
            # Folders' values are looked up in the file's path, which a copy does not have.
            is_copy = source == copy.with_suffix(".csv")
            if not (is_copy and lacking(header, definition, partitions)):
                look = look_in_place(source, content, header)
                if look and rows_that_duckdb_reads(look, connection) == look.row_count:
                    return look
            parsed = parsed_copy(content, header, DOUBLED, copy, definition, partitions)
            refuse_two_readings(content, header)
        except DoesNotParse as problem:
            try:
                header = read_header(content, definition, BACKSLASHES)
                return parsed_copy(content, header, BACKSLASHES, copy, definition, partitions)
            except DoesNotParse:
                raise problem from None
        return parsed


def lacking(header: Header, definition: Definition, partitions: Partitions) -> Partitions:
    """The partition values that make columns, because the file has none of that name."""
    own = lowered(header.names)
    return [pair for pair in partitions if pair[0] in definition.columns and pair[0] not in own]


def look_in_place(source: Path, content: Any, header: Header) -> Look | None:
    """How DuckDB reads the file itself; None where that is not sure to be right."""
    line_break = LINE_BREAK.search(content)
    line_end = line_break[0] if line_break else b"\n"
    if line_end == b"\r" or content.find(b'\\"') >= 0:
        return None
    if not simple_rows(header.separator, len(header.names), line_end).match(content, header.end):
        return None
    lines = content[header.end :].count(b"\n")
    is_cut = len(content) > header.end and content[-1:] != b"\n"
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(header.names)))
    skipped = content[: header.end].count(b"\n")
    options = (
        f"auto_detect = false, header = false, skip = {skipped}, columns = {{{columns}}}, "
        f"delim = {literal(header.separator.decode())}, quote = '\"', escape = '\"', comment = '', "
        f"null_padding = true, strict_mode = false, hive_partitioning = false, "
        f"max_line_size = {LONGEST_LINE}"
    )
    return Look(
        source=str(source),
        function="read_csv",
        options=options,
        headings=tuple(Heading(name, f"c{place}") for place, name in enumerate(header.names)),
        row_count=lines + is_cut,
    )


def rows_that_duckdb_reads(look: Look, connection: Any) -> int | None:
    """A last comparison; None where DuckDB refuses what it was told."""
    relation = f"{look.function}({literal(escaped_glob(look.source))}, {look.options})"
    try:
        return connection.execute(f"select count(*) from {relation}").fetchone()[0]
    except Exception:  # whatever DuckDB has against the file, it is parsed here instead
        return None


def escaped_glob(path: str) -> str:
    """A path in which no character stands for others."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def parsed_copy(
    content: Any,
    header: Header,
    dialect: Dialect,
    copy: Path,
    definition: Definition,
    partitions: Partitions,
) -> Look:
    """Parse the file and write what is known of it as a copy. Raises Unreadable."""
    places: dict[str, int] = {}
    for place, name in enumerate(lowered(header.names)):
        if name in definition.columns:
            places.setdefault(name, place)
    added = lacking(header, definition, partitions)
    columns = [*places, *(key for key, _ in added)]
    values = [value for _, value in added]

    def cells_read() -> Iterator[list[str | None]]:
        for cells in rows(content, header, definition, dialect):
            count = len(cells)
            yield [cells[at] if at < count else None for at in places.values()] + values

    target = copy.with_suffix(".parquet")
    written = write_copy(target, columns, cells_read())
    read = set(places.values())
    ignored = [name for place, name in enumerate(header.names) if place not in read]
    return look_of_copy(target, columns, ignored, written)
