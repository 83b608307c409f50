"""Report: paragraphs and tables that read the same on a terminal and as Markdown."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from orchestration.base import escaping
from orchestration.base.figures import half_up
from orchestration.insight.tables import Cells, Table, print_table


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
        is_prose: bool = False,
        heading: int = 0,
    ) -> None:
        """Add a table; one without rows is left out."""
        if kept := list(rows):
            table = Table(title, columns, kept, numbers, note, is_prose=is_prose, heading=heading)
            self.parts.append(table)

    def print(self, console: Console) -> None:
        console.print()
        console.print(escaping.text(self.title, "bold"))
        for part in self.parts:
            console.print()
            if isinstance(part, str):
                console.print(escaping.text(part))
            else:
                console.print(escaping.text(part.title, "bold"))
                print_table(part, console)
                if part.note:
                    console.print(escaping.text(part.note, "dim"))

    def markdown(self) -> str:
        parts = (
            escaping.markdown(part) if isinstance(part, str) else in_markdown(part)
            for part in self.parts
        )
        return "\n\n".join([f"# {escaping.markdown(self.title)}", *parts])

    def write_markdown(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.markdown() + "\n", encoding="utf-8")


def in_markdown(table: Table) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(map(escaping.markdown, cells))} |"

    rule = ("---:" if n in table.numbers else "---" for n in range(len(table.columns)))
    lines = [
        f"## {escaping.markdown(table.title)}",
        "",
        line(table.columns),
        f"| {' | '.join(rule)} |",
        *map(line, table.rows),
    ]
    return "\n".join([*lines, *(["", escaping.markdown(table.note)] if table.note else [])])


def money(amount: float | None) -> str:
    return "" if amount is None else f"{half_up(amount, 0):,f}"


def number(value: float | None, decimals: int = 2) -> str:
    """The number as a person writes it: no zeros at its end."""
    if value is None:
        return ""
    text = f"{half_up(value, decimals):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
