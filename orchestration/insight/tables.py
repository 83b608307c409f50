"""Tables: rows on a console of any width, with every word whole.

A table that does not fit loses its frame, then its cells are wrapped between words; where that is
not enough, or a cell would become a tower, each row is told in lines of its own. Nothing is cut.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from orchestration.base import escaping
from orchestration.insight.states import LOOKS

Cells = tuple[str, ...]
FRAME, BETWEEN = 3, 2  # columns of the screen that a column of the table takes beside its text
TALLEST = 5  # lines of a cell; what has more is read more easily across the whole width
SHORT = 32  # cells of a row shown in lines that share a line with others


@dataclass(frozen=True)
class Table:
    """Rows under a heading. Numbers stand right; a cell that is a state has its colour.

    sections: rows, counted from 1, that end a section; none: no lines between rows. is_prose: cells
    hold sentences, so that a row of a table that does not fit is better shown in lines.
    """

    title: str
    columns: Cells
    rows: list[Cells]
    numbers: tuple[int, ...] = ()  # positions of the columns with numbers
    note: str = ""
    sections: tuple[int, ...] = ()
    is_prose: bool = False
    heading: int = 0  # position of the cell under which a row is told in lines


def cell(value: str, style: str = "") -> Text:
    look = LOOKS.get(value)
    return Text(escaping.line(value), style=style or (look.style if look else ""))


def print_table(table: Table, console: Console) -> None:
    """The table's rows, without its title and note."""
    columns = [[escaping.line(value) for value in column] for column in columns_of(table)]
    natural = [max(map(cell_len, column)) for column in columns]
    gaps = len(natural) - 1
    if sum(natural) + FRAME * (gaps + 1) + 1 <= console.width:
        console.print(drawn(table, natural, framed=True), highlight=False)
        return
    widths = fitting(table, columns, console.width - BETWEEN * gaps)
    if widths and not table.is_prose and tallest(columns, widths, console) <= TALLEST:
        console.print(drawn(table, widths, framed=False), highlight=False)
    elif not table.is_prose and is_grouped(table):
        print_groups(table, console)
    else:
        print_rows(table, console)


def is_grouped(table: Table) -> bool:
    """Whether most rows follow one with the same first cell."""
    groups = sum(1 for _ in groupby(row[0] for row in table.rows))
    return 2 * groups <= len(table.rows)


def print_groups(table: Table, console: Console) -> None:
    """Rows that share their first cell as a table of their own, under it."""
    for first, group in groupby(table.rows, key=lambda row: row[0]):
        console.print(cell(first, "bold"), highlight=False)
        rest = replace(
            table,
            columns=table.columns[1:],
            rows=[row[1:] for row in group],
            numbers=tuple(position - 1 for position in table.numbers if position),
            sections=(),
            heading=max(table.heading - 1, 0),
        )
        print_table(rest, console)


def fitting(table: Table, columns: list[list[str]], room: int) -> list[int]:
    """Widths of the columns that leave words and numbers whole; none where there is no room."""
    natural = [max(map(cell_len, column)) for column in columns]
    widths = [longest_part(table, *column) for column in enumerate(columns)]
    if sum(widths) > room:
        return []
    for _ in range(min(room, sum(natural)) - sum(widths)):
        # The column with most lines to come gains first.
        neediest = max(range(len(widths)), key=lambda p: natural[p] / max(widths[p], 0.5))
        widths[neediest] += 1
    return widths


def longest_part(table: Table, position: int, column: list[str]) -> int:
    """The longest word of a column, or the longest number and word of its heading."""
    heading, *cells = column
    is_number = position in table.numbers
    parts = [part for value in cells for part in ([value] if is_number else value.split())]
    return max(map(cell_len, [*heading_parts(heading), *parts]), default=0)


def heading_parts(heading: str) -> list[str]:
    """Where a heading may be broken: at blanks, and after underscores."""
    return re.findall(r"[^\s_]*_+|[^\s_]+", heading)


def broken_heading(heading: str, width: int) -> str:
    """The heading in lines of that width."""
    if cell_len(heading) <= width:
        return heading
    lines = [""]
    for part in re.findall(r"[^\s_]*_+\s*|[^\s_]+\s*", heading):
        if lines[-1] and cell_len((lines[-1] + part).rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def tallest(columns: list[list[str]], widths: list[int], console: Console) -> int:
    """How many lines the tallest cell takes."""
    return max(
        len(Text(value).wrap(console, max(width, 1)))
        for column, width in zip(columns, widths, strict=True)
        for value in ["", *column[1:]]
    )


def columns_of(table: Table) -> list[Cells]:
    """Each column with its heading."""
    return [tuple(column) for column in zip(table.columns, *table.rows, strict=True)]


def drawn(table: Table, widths: list[int], *, framed: bool) -> RichTable:
    style: dict[str, Any] = (
        {}
        if framed
        else {"box": box.SIMPLE_HEAD, "show_edge": False, "padding": (0, BETWEEN - 1, 0, 0)}
    )
    shown = RichTable(pad_edge=framed, **style)
    for position, (name, width) in enumerate(zip(table.columns, widths, strict=True)):
        shown.add_column(
            Text(broken_heading(escaping.line(name), width)),
            justify="right" if position in table.numbers else "left",
            width=width,
            overflow="fold",
        )
    for number, row in enumerate(table.rows, start=1):
        shown.add_row(*map(cell, row), end_section=number in table.sections)
    return shown


def print_rows(table: Table, console: Console) -> None:
    """Each row in lines: its heading, then the others with their names, short ones together."""
    for row in table.rows:
        others = list(zip(table.columns, row, strict=True))
        _, heading = others.pop(table.heading)
        console.print(cell(heading, "bold"), highlight=False)
        for text in short_cells_together(others):
            console.print(Padding(text, (0, 0, 0, 4), expand=False), highlight=False)


def short_cells_together(cells: Iterable[tuple[str, str]]) -> list[Text]:
    lines: list[list[Text]] = [[]]
    for name, value in cells:
        if not value:
            continue
        text = Text.assemble((f"{escaping.line(name)} ", "dim"), cell(value))
        if cell_len(text.plain) > SHORT:
            lines += [[text], []]
        else:
            lines[-1].append(text)
    return [Text(", ").join(line) for line in lines if line]
