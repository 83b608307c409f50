"""Report: paragraphs and tables that read the same on a terminal and as Markdown."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from orchestration.summary import COLOURS

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows under a heading. Numbers stand right; a cell that is a state has its colour."""

    title: str
    columns: Cells
    rows: list[Cells]
    numbers: tuple[int, ...] = ()  # positions of the columns with numbers
    note: str = ""


@dataclass
class Report:
    """A title, then texts and tables in their order."""

    title: str
    parts: list[str | Table] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.parts.append(text)

    def add(
        self,
        title: str,
        columns: Cells,
        rows: Iterable[Cells],
        numbers: tuple[int, ...] = (),
        note: str = "",
    ) -> None:
        """Add a table; one without rows is left out."""
        if kept := list(rows):
            self.parts.append(Table(title, columns, kept, numbers, note))

    def print(self, console: Console) -> None:
        console.print(f"\n[bold]{escape(self.title)}[/]")
        for part in self.parts:
            if isinstance(part, str):
                console.print(f"\n{escape(part)}", highlight=False)
            else:
                console.print(f"\n[bold]{escape(part.title)}[/]")
                console.print(on_terminal(part))
                if part.note:
                    console.print(escape(part.note), style="dim", highlight=False)

    def markdown(self) -> str:
        return "\n\n".join(
            [f"# {self.title}", *(p if isinstance(p, str) else in_markdown(p) for p in self.parts)]
        )

    def write_markdown(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.markdown() + "\n", encoding="utf-8")


def on_terminal(table: Table) -> RichTable:
    shown = RichTable()
    for position, name in enumerate(table.columns):
        is_number = position in table.numbers
        shown.add_column(escape(name), justify="right" if is_number else "left", no_wrap=is_number)
    for row in table.rows:
        shown.add_row(*(coloured(cell) for cell in row))
    return shown


def coloured(cell: str) -> str:
    return f"[{COLOURS[cell]}]{cell}[/]" if cell in COLOURS else escape(cell)


def in_markdown(table: Table) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"

    rule = ("---:" if n in table.numbers else "---" for n in range(len(table.columns)))
    lines = [f"## {table.title}", "", line(table.columns), line(rule), *map(line, table.rows)]
    return "\n".join([*lines, *(["", table.note] if table.note else [])])


def money(amount: float | None) -> str:
    return "" if amount is None else f"{amount:,.0f}"


def number(value: float | None, decimals: int = 2) -> str:
    """The number as a person writes it: no zeros at its end."""
    if value is None:
        return ""
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
