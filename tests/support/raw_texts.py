"""Raw tables of sample data as tables of texts, with rows that break the rules in every column.

One row of each table is written again for each column and each text below, under a key of its own.
Most of the texts are wrong there; some are right and written in another way.
"""

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import duckdb
from worlds import TABLES, Column, Table

TIMES = [
    *("2026-11-22", "2026/1/5", "20261122", "2026-11-22T09:05", "2026-11-22 9:05:07"),
    *("2026-11-22 09:05:07.123456789", "2026-11-22T09:05:07,5Z", "2026-11-22 09:05 utc"),
    *("2026-11-22T23:30:00-01:45", "2026-11-22T00:30:00+0530", "2026-11-22 10:00 +02 UTC"),
    *("1763805907", "1763805907123", "1763805907123456", "176380590"),
    *("2026-02-30", "2026-13-01", "2026-1/5", "0000-01-01", "2026-11-22T24:00", "yesterday", "-"),
    *("2026-11-22T09", "2026-11-22 09:05:07 PM", "2026-11-22T09:60"),
]
NUMBERS = [
    *("1", "-1.5", "+2", ".5", "5.", "1e3", "1E-2", "1,234.5", "12,34", "0,123", "1e400", "nan"),
    *("1,234,567", "", "one", "١", "0x10", "1_000", "--1"),
]
TEXTS = [
    *("a", " a ", "\ta\n", "\u00a0a\u3000", " ", "", "it's", "back\\slash", "a b", "\u200ba"),
    *("${a}", "a$\\{"),
]
# What no account, user or row is called, and what JSON and SQL could trip over.
ODD_TEXTS = ["", " \u3000", " nobody ", 'it\'s "quoted", back\\slash\n{"a": 1}', "ünï©ode 🚀"]
BY_KIND = {
    "time": TIMES,
    "number": NUMBERS,
    "text": ODD_TEXTS,
    "word": ["fax", " ", "High"],
    "code": ["eur", " USD ", "euro"],
}


def write_texts(raw: Path, target: Path, typed: Collection[str] = ()) -> None:
    """The tables of a raw folder of Parquet files as files of texts, with such rows.

    typed: the tables that stay as they are
    """
    target.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for path in sorted(raw.glob("[!.]*")):
            if path.stem in typed:
                shutil.copy(path, target)
                continue
            files = f"{path}/**/*.parquet" if path.is_dir() else str(path)
            connection.execute(
                "create or replace table rows as select cast(columns(*) as varchar)"
                " from read_parquet(?, hive_partitioning = false)",
                [files],
            )
            add_rows(connection, TABLES[path.stem])
            connection.execute(f"copy rows to '{target / path.stem}.parquet' (format parquet)")


def add_rows(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """To `rows`, the rows of the table: changed copies of the first, and two under its own key."""
    result = connection.execute("select * from rows order by all limit 1")
    names = [column for column, *_ in result.description]
    [values] = result.fetchall()
    first = dict(zip(names, values, strict=True))
    places = ", ".join("?" for _ in names)
    added = [first, {**first, table.main_time: "2026-01-01"}, *changed_rows(first, table, names)]
    connection.executemany(
        f"insert into rows values ({places})", [[row[name] for name in names] for row in added]
    )


def changed_rows(
    first: dict[str, str | None], table: Table, names: list[str]
) -> Iterator[dict[str, str | None]]:
    key = [column for column in table.key if table.column(column).kind == "text"][:1]
    columns = [column for column in table.columns if column.name in names]
    for number, (column, text) in enumerate(texts_of(columns)):
        own_key = {name: f"{first[name]}-{number}" for name in key}
        yield {**first, **own_key, column.name: text}


def texts_of(columns: list[Column]) -> Iterator[tuple[Column, str | None]]:
    for column in columns:
        yield from ((column, text) for text in [None, *BY_KIND[column.kind]])
