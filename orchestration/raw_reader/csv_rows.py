"""Rows of delimited text, told apart for sure: by RFC 4180, or with backslashes before quotes where
that is what parses. Whatever leaves a row's end in doubt is refused, because the rows behind a
stray quote would be lost without a word.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Any

from orchestration.raw_reader.definitions import Definition
from orchestration.raw_reader.looks import Unreadable

SEPARATORS = (b",", b";", b"\t", b"|")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANK_LINES = re.compile(rb"(?:[ \t]*(?:\r\n|\r|\n))*+")
SEPARATOR_LINE = re.compile(rb'[ \t]*"?sep=.?"?[ \t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
LINE_BREAK = re.compile(rb"\r\n|\r|\n")
# So many columns that no text has as many separators in each of its lines by chance.
MANY_COLUMNS = 5
# How much of a digit there must be in what a time and a number could be.
DIGITS = {"time": 4, "number": 1}


class DoesNotParse(Unreadable):
    """The text is not written in this dialect."""


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
    # Blanks behind a closing quote leave nothing in doubt.
    blanks = rb"[ ]*" if separator == b"\t" else rb"[ \t]*"
    # A quote counts as one at the start of a cell only; elsewhere it is a character (5" pipe).
    cell = rb"(?:" + dialect.quoted + blanks + rb'|(?!")[^' + between + rb"\r\n]*+)"
    return Grammar(
        re.compile(cell + rb"(?:" + between + cell + rb")*+(?=\r|\n|\Z)"),
        re.compile(rb"(?:\A|" + between + rb")(" + cell + rb")"),
    )


@dataclass(frozen=True)
class Header:
    """The header row: the separator that it tells, its names, and where the rows begin."""

    separator: bytes
    names: tuple[str, ...]
    end: int


def lowered(names: Sequence[str]) -> list[str]:
    return [name.strip().lower() for name in names]


def texts(record: bytes, separator: bytes, dialect: Dialect) -> list[str]:
    """The cells of a row as texts."""
    if b'"' not in record:
        return [cell.decode() for cell in record.split(separator)]
    return [
        (dialect.plain(cell.rstrip(b" \t")[1:-1]) if cell[:1] == b'"' else cell).decode()
        for cell in grammar(separator, dialect).cell.findall(record)
    ]


def read_header(content: Any, definition: Definition, dialect: Dialect) -> Header:
    """The separator is the one by which the header has most known columns, then most cells."""
    start = len(BYTE_ORDER_MARK) if content[:3] == BYTE_ORDER_MARK else 0
    if line := SEPARATOR_LINE.match(content, start):
        start = line.end()
    start = BLANK_LINES.match(content, start).end()  # type: ignore[union-attr]
    found = []
    for separator in SEPARATORS:
        if record := grammar(separator, dialect).record.match(content, start):
            names = tuple(texts(record[0], separator, dialect))
            known = len(set(lowered(names)) & set(definition.columns))
            found.append((known, len(names), separator, names, record))
    if not found:
        raise DoesNotParse(
            f"line {line_of(content, start)}: a quote in the header is not closed, so that its"
            " names cannot be told apart. Close it, or remove it."
        )
    _, _, separator, names, record = max(found, key=lambda candidate: candidate[:2])
    refuse_rows_within_the_header(record[0], separator, definition, dialect)
    return Header(separator, names, end_of_line(content, record.end()))


def refuse_rows_within_the_header(
    record: bytes, separator: bytes, definition: Definition, dialect: Dialect
) -> None:
    first, *others = LINE_BREAK.split(record)
    if others:
        columns = Header(separator, tuple(unquoted(first, separator)), 0)
        could_be_row = row_test(columns, definition, dialect)
        if any(map(could_be_row, others)):
            raise Unreadable(
                "line 1: a quote in the header goes on for several lines, which could be rows."
                " Remove the stray quote."
            )


def rows(
    content: Any, header: Header, definition: Definition, dialect: Dialect
) -> Iterator[list[str]]:
    """The cells of each row, no more than the header has. Raises Unreadable."""
    width = len(header.names)
    could_be_row = row_test(header, definition, dialect)
    for line, record in records(content, header, dialect):
        lines = [part for part in LINE_BREAK.split(record) if part.strip()]
        if len(lines) > 1 and hides_rows(lines, header, could_be_row):
            raise Unreadable(
                f"line {line}: a quoted value goes on for {len(lines)} lines, and these could be"
                " rows of their own. Remove the stray quote, or the line breaks inside the value."
            )
        cells = texts(record, header.separator, dialect)
        if len(cells) > width:
            if any(cell.strip() for cell in cells[width:]):
                raise Unreadable(
                    f"line {line}: the row has {len(cells)} cells and the header only {width}"
                    " columns. Put values that contain the separator into quotes."
                )
            del cells[width:]
        yield cells


def records(content: Any, header: Header, dialect: Dialect) -> Iterator[tuple[int, bytes]]:
    """The number of the first line and the text of each row; a blank line is none."""
    pattern = grammar(header.separator, dialect).record
    place, line = header.end, line_of(content, header.end)
    while place < len(content):
        record = pattern.match(content, place)
        if not record:
            raise DoesNotParse(
                f"line {line}: a quote is opened and not closed before the next separator, so that"
                " nobody can tell where the row ends. Close it, or double the quotes inside values."
            )
        text = record[0]
        if header.separator in text or text.decode().strip().strip('"').strip():
            yield line, text
        place = end_of_line(content, record.end())
        line += 1 + len(LINE_BREAK.findall(text))


def refuse_two_readings(content: Any, header: Header) -> None:
    """Raise Unreadable where both dialects parse and say that rows end elsewhere."""
    if content.find(b'\\"') < 0:
        return
    doubled = records(content, header, DOUBLED)
    backslashes = records(content, header, BACKSLASHES)
    difference = None
    try:
        for one, other in zip_longest(doubled, backslashes):
            if one is None or other is None or one != other:
                difference = difference or (one or other)
    except DoesNotParse:
        return  # one of them is not written in this text
    if difference:
        raise Unreadable(
            f"line {difference[0]}: a backslash before a quote can be read in two ways, by which"
            " rows end elsewhere. Double the quotes inside values, and leave out the backslashes."
        )


def hides_rows(lines: Sequence[bytes], header: Header, could_be_row: Callable) -> bool:
    """Whether a row of several lines may have swallowed others. The first and the last line have
    cells of the row itself beside those of the value, so that one of them may look like a row."""
    could_be = [could_be_row(line) for line in lines]
    are_whole = len(header.names) >= MANY_COLUMNS and all(
        line.count(header.separator) >= len(header.names) - 1 for line in lines
    )
    return sum(could_be) > 1 or any(could_be[1:-1]) or are_whole


def row_test(header: Header, definition: Definition, dialect: Dialect) -> Callable[[bytes], bool]:
    """A test whether a line could be a row, be it one with a fault of its own: all that is required
    filled, and digits where there must be a time or a number."""
    names = lowered(header.names)
    needed = [
        (names.index(name), DIGITS.get(definition.columns[name].get("kind", ""), 0))
        for name in definition.required
        if name in names
    ]
    record = grammar(header.separator, dialect).record

    def is_row(cells: list[str]) -> bool:
        return bool(needed) and all(
            place < len(cells)
            and cells[place].strip()
            and sum(letter.isdigit() for letter in cells[place]) >= digits
            for place, digits in needed
        )

    def could_be_row(line: bytes) -> bool:
        if is_row(unquoted(line, header.separator)):
            return True
        return bool(record.fullmatch(line)) and is_row(texts(line, header.separator, dialect))

    return could_be_row


def unquoted(line: bytes, separator: bytes) -> list[str]:
    """The cells of a line without regard to quotes."""
    return [cell.strip().strip('"').strip() for cell in line.decode().split(separator.decode())]


def end_of_line(content: Any, place: int) -> int:
    line_break = LINE_BREAK.match(content, place)
    return line_break.end() if line_break else len(content)


def line_of(content: Any, place: int) -> int:
    return len(LINE_BREAK.findall(content[:place])) + 1


@cache
def simple_rows(separator: bytes, width: int, line_end: bytes) -> re.Pattern[bytes]:
    """Text in which each line is a whole row of at most so many cells, beyond any doubt."""
    between = re.escape(separator)
    cell = rb'(?:"(?:[^"\r\n]|"")*+"|[^' + between + rb'"\r\n]*+)'
    row = (
        # A line that may be blank is looked at more closely.
        rb"(?![ \t\x0b\x0c\x1c-\x1f\x80-\xff]*+(?:\r|\n|\Z))"
        + cell
        + rb"(?:%b%b){0,%d}+" % (between, cell, width - 1)
        + rb"(?:%b[ ]*+)*+" % between
    )
    return re.compile(rb"(?:" + row + rb"(?:" + line_end + rb"|\Z))*+\Z")
