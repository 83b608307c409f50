"""Options that the commands share, and the console they print to."""

import os
from pathlib import Path
from typing import Any

import click
import duckdb
from rich.console import Console

DATE = click.DateTime(["%Y-%m-%d"])
MARKDOWN = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
PLAIN_WIDTH = 120  # columns of a file or a pipe, which have no width of their own


class PictureFile(click.Path):
    """A file to draw into, of a kind that can be drawn."""

    KINDS = (".png", ".svg", ".pdf")

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        file = Path(str(super().convert(value, param, ctx)))
        if file.suffix.lower() not in self.KINDS:
            self.fail(f"{file}: a picture's name ends in {', '.join(self.KINDS)}.", param, ctx)
        return file


PICTURE = PictureFile()


def report_console() -> Console:
    """As wide as the terminal, or as COLUMNS says; wider than rich's 80 columns without either.

    It takes what it is given for text: markup, names of emoji and numbers in it are no orders.
    """
    plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
    console = Console(**plain)
    is_told = console.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return console if is_told else Console(width=PLAIN_WIDTH, **plain)


def find_pillar(connection: duckdb.DuckDBPyConnection, asked: str) -> None:
    """Refuses a pillar that the history does not have, and names those that it has."""
    rows = connection.execute(
        "select distinct pillar_id from health.pillar_health_history order by pillar_id"
    ).fetchall()
    known = ["overall", *(pillar for (pillar,) in rows)]
    if asked not in known:
        raise click.ClickException(f"There is no pillar {asked!r}: {', '.join(known)}.")
