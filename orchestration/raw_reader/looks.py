"""What a look at one file finds out: how to read it, or why it cannot be read."""

from dataclasses import asdict, dataclass
from typing import Any


class Unreadable(Exception):
    """A file cannot be read; the message says what is wrong in it and the cure."""


@dataclass(frozen=True)
class Heading:
    """A column of a file: its name there, how SQL names it, and the type that it is stored in."""

    name: str
    sql: str
    type: str = "VARCHAR"


@dataclass(frozen=True)
class Look:
    """How DuckDB reads a file.

    source: the file to read, which is a plain copy where the file itself is beyond DuckDB.
    function, options: `read_csv` or `read_parquet`, and what to tell it.
    headings: all columns, in the file's order. row_count: its records, blank lines left out.
    """

    source: str = ""
    function: str = ""
    options: str = ""
    headings: tuple[Heading, ...] = ()
    row_count: int = 0
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Look":
        headings = tuple(Heading(**heading) for heading in values.pop("headings"))
        return cls(headings=headings, **values)
