"""Answers of queries: rows of any columns, on a console of any width."""

import duckdb
from rich.console import Console

from orchestration.base import escaping
from orchestration.base.figures import plural
from orchestration.insight.tables import Table, print_table

MOST_ROWS = 1000
NUMBERS = {
    *(f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")),
    *("INTEGER", "UINTEGER", "DOUBLE", "FLOAT", "DECIMAL"),
}


def print_answer(answer: duckdb.DuckDBPyConnection, console: Console) -> None:
    """The rows as they are, up to so many, and how many there are."""
    if not answer.description:
        return
    columns = tuple(column[0] for column in answer.description)
    found = answer.fetchmany(MOST_ROWS + 1)
    rows = [tuple(map(written, row)) for row in found[:MOST_ROWS]]
    numbers = tuple(
        position
        for position, column in enumerate(answer.description)
        if str(column[1]).partition("(")[0] in NUMBERS
    )
    if rows:
        print_table(Table("", columns, rows, numbers), console)
    else:
        console.print(escaping.text(", ".join(columns)))
    is_all = len(found) <= MOST_ROWS
    console.print(plural(len(rows), "row") if is_all else f"The first {MOST_ROWS:,} rows.")


def written(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return str(round(value, 6))
    return str(value).lower() if isinstance(value, bool) else str(value)
