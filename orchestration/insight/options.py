"""Options that the commands share, and the console they print to."""

from pathlib import Path

import click
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

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        file = Path(str(super().convert(value, param, ctx)))
        if file.suffix.lower() not in self.KINDS:
            self.fail(f"{file}: a picture's name ends in {', '.join(self.KINDS)}.", param, ctx)
        return file


PICTURE = PictureFile()


def report_console() -> Console:
    """As wide as the terminal; wider than rich's 80 columns where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)
