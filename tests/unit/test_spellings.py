"""Times and numbers: SQL reads of a text what the reference reads of it, for thousands of texts.

The texts are right spellings put together at random, and near misses: one character of them is
changed, left out or doubled.
"""

import random
from datetime import date
from pathlib import Path

import duckdb
from reference.values import read_number, read_time

from orchestration.dbt_runner.dbt_macros import DbtMacros

COUNT = 20_000
FORMATS = ("%d.%m.%Y %H:%M", "%b %d, %Y", "%H:%M:%S %d.%m.%Y", "%Y-%d-%m")
CHARACTERS = "0123456789 -/:.,+TtZzUCGMe"


def pieces(rng: random.Random, *choices: tuple[str, ...]) -> str:
    return "".join(rng.choice(choice) for choice in choices)


def time_text(rng: random.Random) -> str:
    year, month, day = (
        rng.choice((1, 1969, 1999, 2024, 2026)),
        rng.randint(1, 13),
        rng.randint(1, 31),
    )
    mark = rng.choice("-/")
    dates = (
        f"{year:04}{mark}{month:02}{mark}{day:02}",
        f"{year:04}{mark}{month}{mark}{day}",
        f"{year:04}{month:02}{day:02}",
        str(rng.randrange(10**9, 10**10)),
        str(rng.randrange(10**12, 10**13)),
        str(rng.randrange(10**15, 10**16)),
        f"{day:02}.{month:02}.{year:04} {rng.randint(0, 25)}:{rng.randint(0, 61):02}",
    )
    text = rng.choice(dates)
    if rng.random() < 0.7:
        clock = f"{rng.randint(0, 24)}:{rng.randint(0, 60):02}"
        clock = clock if rng.random() < 0.5 else clock.rjust(5, "0")
        if rng.random() < 0.6:
            clock += f":{rng.randint(0, 60):02}"
            clock += pieces(rng, ("", ".5", ",25", ".123456", ".1234567", ".9999999999", "."))
        offset = f"{rng.choice('+-')}{rng.randint(0, 24):02}"
        offset += rng.choice(("", ":00", "30", ":59", ":60", "00"))
        zone = pieces(
            rng,
            ("", "", " ", "  "),
            ("", "Z", "UTC", "gmt", "z", offset, offset, f"{offset} UTC", f"{offset}utc", "PST"),
        )
        text += pieces(rng, ("T", "t", " ", "  ")) + clock + zone
    return changed(rng, text)


def number_text(rng: random.Random) -> str:
    whole = str(rng.randrange(10 ** rng.randint(1, 8)))
    grouped = f"{int(whole):,}"
    text = pieces(
        rng,
        ("", "", "+", "-"),
        (whole, grouped, grouped, "", "0" + whole),
        ("", "", ".5", ".", ".000", ",000", ".125"),
        ("", "", "", "e3", "E-2", "e+0", "e400"),
    )
    return changed(rng, text)


def changed(rng: random.Random, text: str) -> str:
    """The text, now and then with one character changed, left out or put in."""
    if text and rng.random() < 0.3:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(("", rng.choice(CHARACTERS), text[at] * 2)) + text[at + 1 :]
    return text.strip() or "0"


def read_by_sql(texts: list[str], expression: str) -> list[object]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("create table texts (place integer, text varchar)")
        connection.execute(
            "insert into texts select unnest(range(len($1))), unnest($1::varchar[])", [texts]
        )
        rows = connection.execute(f"select {expression} from texts order by place").fetchall()
    return [value for (value,) in rows]


def macros(folder: Path, connection: duckdb.DuckDBPyConnection) -> DbtMacros:
    return DbtMacros(connection, raw_folder=folder, dates=(date(2026, 1, 1),) * 2)


def test_times(tmp_path: Path) -> None:
    rng = random.Random(1)
    # Python's strptime takes a day with a blank before it, which nobody writes.
    texts = sorted({text for _ in range(COUNT) if "- " not in (text := time_text(rng))})
    with duckdb.connect() as connection:
        parse_time = macros(tmp_path, connection).parse_time
        for formats in ((), FORMATS):
            read = read_by_sql(texts, parse_time("text", sorted(formats)))
            expected = [read_time(text, formats) for text in texts]
            # A year of fewer digits is one in DuckDB's strptime and none in Python's; it is a fault
            # of the row in both.
            read = [
                None if value is not None and right is None and value.year < 1000 else value
                for value, right in zip(read, expected, strict=True)
            ]
            assert wrong(texts, read, expected) == []
            assert 0.2 < sum(value is None for value in expected) / len(texts) < 0.8


def test_numbers(tmp_path: Path) -> None:
    rng = random.Random(2)
    texts = sorted({number_text(rng) for _ in range(COUNT)})
    with duckdb.connect() as connection:
        expression = macros(tmp_path, connection).parse_grouped_number("text")
    expected = [read_number(text) for text in texts]
    assert wrong(texts, read_by_sql(texts, expression), expected) == []
    assert 0.2 < sum(value is None for value in expected) / len(texts) < 0.8


def wrong(texts: list[str], read: list[object], expected: list[object]) -> list[str]:
    """The first texts that are read in two ways."""
    found = [
        f"{text}: read {value}, expected {right}"
        for text, value, right in zip(texts, read, expected, strict=True)
        if value != right
    ]
    return found[:20]
