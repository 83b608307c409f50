"""Records of separated text: RFC 4180, or backslashes before quotes where that is what parses.

Only a record's own end matters here: whatever leaves it in doubt makes the file unreadable.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest

from .unreadable import UnreadableError
from .values import trimmed

SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_LINE = re.compile(r'[ \t]*"?sep=.?"?[ \t]*(\r\n|\n|\r|$)', re.IGNORECASE)
END_OF_LINE = re.compile(r"\r\n|\n|\r")
# Up to the quote that no backslash stands before; a backslash stands before itself, too, and quotes
# may still be doubled.
BACKSLASHED = re.compile(r'((?:[^"\\]|\\.|"")*+)"', re.DOTALL)
BACKSLASH = re.compile(r'\\(["\\])|"(")')


@dataclass(frozen=True)
class TextRecord:
    """One record; `lines` are its physical lines as they stand in the file."""

    line: int
    cells: list[str]
    lines: list[str]

    @property
    def is_blank(self) -> bool:
        """A line without anything; separators alone are a record whose values are all null."""
        return len(self.cells) == 1 and trimmed(self.cells[0]) is None

    @property
    def width(self) -> int:
        """How many cells are left when the empty ones at the end are dropped."""
        filled = [number for number, cell in enumerate(self.cells, 1) if trimmed(cell) is not None]
        return max(filled, default=0)


# So many separators are in each line of a text by chance once in a blue moon.
WIDE = 5
# Whether cells below a header could be a row of the table.
IsRow = Callable[[Sequence[str], Sequence[str]], bool]
# From behind the opening quote of a cell to its value and its end.
Quoted = Callable[[str, int], tuple[str, int]]


def parse(text: str, known: Collection[str], is_row: IsRow) -> tuple[list[str], list[TextRecord]]:
    """The header and the records below it.

    `known`: the column names, lower case, by which the header tells its separator.
    """
    quoted = _quoted_by_the_standard
    try:
        separator, records = _parsed(text, known, quoted)
        _refuse_two_readings(text, known, records)
    except TwoReadingsError:
        raise
    except UnreadableError as problem:
        quoted = _quoted_with_backslashes
        try:
            separator, records = _parsed(text, known, quoted)
        except UnreadableError:
            raise problem from None
    if not records:
        raise UnreadableError("there is no header line")
    header = [name.strip() for name in records[0].cells]

    def could_be_row(columns: Sequence[str], line: str) -> bool:
        ways = _ways_to_read_a_line(line, separator, quoted)
        return any(is_row(columns, cells) for cells in ways)

    if len(records[0].lines) > 1:
        first, *others = records[0].lines
        columns = [_unquoted(name) for name in first.split(separator)]
        if any(could_be_row(columns, line) for line in others):
            raise UnreadableError("a quote in the header that may not belong there", 1)
    for record in records[1:]:
        if record.width > len(header):
            raise UnreadableError(
                f"{record.width} values, but the header has {len(header)} columns", record.line
            )
        lines = [line for line in record.lines if line.strip()]
        could_be = [could_be_row(header, line) for line in lines if len(lines) > 1]
        # The first line and the last have cells of the record beside those of the value with line
        # breaks, so that one of them may look like a row by chance.
        are_whole = len(header) >= WIDE and all(
            line.count(separator) >= len(header) - 1 for line in lines
        )
        if sum(could_be) > 1 or any(could_be[1:-1]) or (len(lines) > 1 and are_whole):
            raise UnreadableError("a quote that may not belong there", record.line)
    return header, records[1:]


class TwoReadingsError(UnreadableError):
    """Both ways of quoting parse, and say that records end elsewhere."""


def _refuse_two_readings(text: str, known: Collection[str], records: Sequence[TextRecord]) -> None:
    if '\\"' not in text:
        return
    try:
        _, others = _parsed(text, known, _quoted_with_backslashes)
    except UnreadableError:
        return
    for record, other in zip_longest(records, others):
        if record is None or other is None or len(record.lines) != len(other.lines):
            line = (record or other).line
            raise TwoReadingsError("a backslash before a quote that can be read in two ways", line)


def _ways_to_read_a_line(line: str, separator: str, quoted: Quoted) -> list[list[str]]:
    """Its cells without regard to quotes, and by them, where it parses on its own."""
    ways = [[_unquoted(cell) for cell in line.split(separator)]]
    with suppress(UnreadableError):
        ways += [record.cells for record in _records(line, 0, 1, separator, quoted)]
    return ways


def _unquoted(cell: str) -> str:
    return cell.strip().strip('"').strip()


def _parsed(text: str, known: Collection[str], quoted: Quoted) -> tuple[str, list[TextRecord]]:
    """The separator and all records, the header among them."""
    skipped = SEPARATOR_LINE.match(text)
    start = 0 if skipped is None else skipped.end()
    line = 1 if skipped is None else 2
    separator = _separator(text, start, line, known, quoted)
    records = _records(text, start, line, separator, quoted)
    return separator, [record for record in records if not record.is_blank]


def _separator(text: str, start: int, line: int, known: Collection[str], quoted: Quoted) -> str:
    """The separator that finds most known columns in the header line, then most cells."""

    def finds(separator: str) -> tuple[int, int]:
        records = _records(text, start, line, separator, quoted)
        try:
            header = next((record for record in records if not record.is_blank), None)
        except UnreadableError:
            return 0, 0
        cells = [] if header is None else header.cells
        names = {cell.strip().lower() for cell in cells}
        return len(names & set(known)), len(cells)

    return max(SEPARATORS, key=finds)


def _records(
    text: str, start: int, line: int, separator: str, quoted: Quoted
) -> Iterator[TextRecord]:
    plain = re.compile(f"[^{re.escape(separator)}\r\n]*")
    blanks = {" ", "\t"} - {separator}
    position = start
    while position < len(text):
        first, cells = position, []
        while True:
            if text.startswith('"', position):
                cell, position = quoted(text, position + 1)
                if position < 0:
                    raise UnreadableError("a quote that is never closed", line)
                # Blanks behind the closing quote leave nothing in doubt.
                while position < len(text) and text[position] in blanks:
                    position += 1
            else:
                # A quote inside a cell that does not begin with one is a character like others.
                match = plain.match(text, position)
                cell, position = match[0], match.end()
            cells.append(cell)
            if not text.startswith(separator, position):
                break
            position += 1
        end = END_OF_LINE.match(text, position)
        if end is None and position < len(text):
            raise UnreadableError("text after a closing quote", line)
        lines = END_OF_LINE.split(text[first:position])
        yield TextRecord(line, cells, lines)
        line += len(lines)
        position = len(text) if end is None else end.end()


def _quoted_by_the_standard(text: str, position: int) -> tuple[str, int]:
    """The end is -1 where the quote is never closed."""
    parts = []
    while (end := text.find('"', position)) >= 0:
        parts.append(text[position:end])
        if not text.startswith('""', end):
            return "".join(parts), end + 1
        parts.append('"')
        position = end + 2
    return "", -1


def _quoted_with_backslashes(text: str, position: int) -> tuple[str, int]:
    match = BACKSLASHED.match(text, position)
    return ("", -1) if match is None else (BACKSLASH.sub(r"\1\2", match[1]), match.end())
