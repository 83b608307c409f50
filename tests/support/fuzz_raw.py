"""Raw files with something wrong in them, made from records whose number is known beforehand.

A mutant is a file of a raw table. Either a reader says what is wrong with it, or it reads as many
records as were written: one that reads fewer has lost rows without a word. A parser that loses the
same rows would prove nothing, so nobody counts the records of a file here. That is why no mutation
adds or takes away the end of a record: line breaks are written inside quotes only, and where a file
has some of those its quotes stay as they are.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from world_files import (
    OBJECT_ENDINGS,
    SEPARATORS,
    TEXT_ENDINGS,
    Dialect,
    encoded,
    object_lines,
    object_text,
    packed,
    plain_row,
    random_dialect,
    raw_cells,
    write_bytes,
    write_parquet,
)
from worlds import TABLES, Table

Record = dict[str, str]

# Texts that are no trouble where quoting is right.
ODD_TEXTS = (
    *('"', '""', '"""', 'say "hi"', '"quoted"', 'ends with "', '" begins', 'a""b', '","', '";"'),
    *("\\", "\\\\", 'C:\\dir\\"', '\\"', 'a\\"b', "ends with \\", "\\N", "\\n"),
    *(",", ";", "\t", "|", ", Inc", "a,b;c|d", "sep=;", "# no comment", "'", "''", "`"),
    *("two\nlines", "two\r\nlines", "a\rb", "\n", "\n\n", 'q"\n"q', '"\n', '\n"', "x\n,,,\ny"),
    *("x,y\nz,w", "line\n2026-01-05", "\ufeff", "nul\0nul", "\x1c\x1d\x85\u2028\u2029", "é株🚀"),
    *("\x0b\x0c", "null", "{}", "[1]", '{"a": 1}', "<b>", "[/red]", "%20", "=1+1", "x" * 70_000),
)
# What is put into a file as it stands, in the hope that something breaks.
ODD_CHARACTERS = ('"', '"', '"', "\\", ",", ";", "\t", "|", "'", " ", "\0", "é", "\ufeff", "x", "{")
ADVICE_THAT_HELPS_NOBODY = ("ignore_errors", "encoding=", "all_varchar", "Error:", "Traceback")


@dataclass(frozen=True)
class Mutant:
    """A file that was written for a table, with what is known of it.

    rows: the records as trimmed texts where the file says just that; None where only their number
    is known.
    """

    table: str
    path: Path
    mutation: str
    record_count: int
    rows: list[Record] | None


@dataclass(frozen=True)
class Reading:
    """What a reader makes of a mutant: its rows, or what it says is wrong."""

    problem: str | None
    rows: list[Record]


def fault(mutant: Mutant, reading: Reading) -> str | None:
    """What a reader did wrong with the mutant; None when it read all or said what is wrong."""
    if reading.problem is not None:
        if mutant.path.name not in reading.problem:
            return f"the file is not named: {reading.problem}"
        if any(words in reading.problem for words in ADVICE_THAT_HELPS_NOBODY):
            return f"no words of ours: {reading.problem}"
        return None
    if len(reading.rows) != mutant.record_count:
        return f"{mutant.record_count} records were written, {len(reading.rows)} are read"
    if mutant.rows is not None and _sorted(reading.rows) != _sorted(mutant.rows):
        lost = [row for row in mutant.rows if row not in reading.rows]
        found = [row for row in reading.rows if row not in mutant.rows]
        return f"written {lost[:2]}, read {found[:2]}"
    return None


def _sorted(rows: Sequence[Record]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(row.items()) for row in rows)


def make_mutant(folder: Path, table: Table, seed: int) -> Mutant:
    """Write a file for the table, the same for the same table and seed."""
    rng = random.Random(seed)
    return rng.choice(_MAKERS)(rng, folder, table)


# Records ------------------------------------------------------------------------------------------


def _records(rng: random.Random, table: Table) -> list[Record]:
    """A few records without fault, with the same columns but not all of them filled."""
    optional = [c for c in table.columns if not c.required and rng.random() < 0.6]
    columns = [c for c in table.columns if c.required] + optional
    order = rng.sample(columns, len(columns))
    records = []
    for number in range(rng.choice((1, 2, 3, 3, 4, 6, 9))):
        row = dict(plain_row(table.columns, number))
        for column in optional:
            filler = plain_row([replace(column, required=True)], number)[column.name]
            row[column.name] = filler if rng.random() < 0.6 else ""
        records.append({column.name: row[column.name] for column in order})
    return records


def _with_odd_texts(rng: random.Random, table: Table, records: list[Record]) -> None:
    names = [name for name in records[0] if table.column(name).kind == "text"]
    for _ in range(rng.randint(1, 4)):
        if names:
            rng.choice(records)[rng.choice(names)] = rng.choice(ODD_TEXTS)


def _trimmed(records: Sequence[Record]) -> list[Record]:
    rows = [{name: text.strip() for name, text in record.items()} for record in records]
    return [{name: text for name, text in row.items() if text} for row in rows]


# Files --------------------------------------------------------------------------------------------


def _text_path(rng: random.Random, folder: Path, table: Table, endings: Sequence[str]) -> Path:
    ending = rng.choice(endings) + rng.choice(("", "", "", ".gz"))
    if rng.random() < 0.2:
        return folder / table.name / f"part-0.{ending}"
    return folder / f"{table.name}.{ending}"


def _write_text(path: Path, content: bytes) -> None:
    write_bytes(path, packed(content) if path.suffix == ".gz" else content)


def _separated(dialect: Dialect, lines: Sequence[str]) -> str:
    """The file's text, with blank lines here and there, which are no records."""
    listed = [dialect.first_line] if dialect.first_line else []
    for number, line in enumerate(lines):
        listed.append(line)
        if dialect.has_blank_lines and number % 2:
            listed.append(" " if number % 4 == 1 else "")
    return dialect.line_end.join(listed) + (dialect.line_end if dialect.has_last_line_end else "")


def _raw_lines(dialect: Dialect, records: Sequence[Record]) -> list[list[str]]:
    """The header and the records, each as the cells that stand in the file."""
    header = raw_cells(replace(dialect, widths="full"), list(records[0]))
    return [header, *(raw_cells(dialect, list(record.values())) for record in records)]


def odd_texts(rng: random.Random, folder: Path, table: Table) -> Mutant:
    """Odd texts, quoted as they should be: every value must come back."""
    records = _records(rng, table)
    _with_odd_texts(rng, table, records)
    dialect = random_dialect(rng)
    if dialect.quoting == "backslash":
        # A backslash at the end of a value is not told from one before a quote.
        for record in records:
            record.update({name: text.replace("\\", "/") for name, text in record.items()})
        has_quotes = any('"' in text for record in records for text in record.values())
        dialect = dialect if has_quotes else replace(dialect, quoting="minimal")
    if dialect.quoting == "stray":
        dialect = replace(dialect, quoting="minimal")
    lines = [dialect.separator.join(cells) for cells in _raw_lines(dialect, records)]
    path = _text_path(rng, folder, table, TEXT_ENDINGS)
    _write_text(path, encoded(_separated(dialect, lines), dialect.encoding))
    # Where backslashes stand before quotes, the standard may parse it too, and says another text.
    is_sure = dialect.quoting != "backslash"
    rows = _trimmed(records) if is_sure else None
    return Mutant(table.name, path, "odd texts", len(records), rows)


def raw_insertions(rng: random.Random, folder: Path, table: Table) -> Mutant:
    """Quotes, separators and the like put into cells as they stand."""
    records = _records(rng, table)
    dialect = random_dialect(rng)
    lines = _raw_lines(dialect, records)
    for _ in range(rng.choice((1, 1, 2, 2, 3, 5))):
        # Mostly in a record: the header's names are soon told to be wrong.
        line = rng.choice(lines[1:] if rng.random() < 0.9 else lines)
        at = rng.randrange(len(line))
        place = rng.choice((0, len(line[at]), rng.randint(0, len(line[at]))))
        text = rng.choice((*ODD_CHARACTERS, '"', '""', '\\"', '",', ',"', '" ', ' "'))
        line[at] = line[at][:place] + text + line[at][place:]
    return _mutant_of_lines(rng, folder, table, dialect, lines, "raw insertions")


def open_and_closed(rng: random.Random, folder: Path, table: Table) -> Mutant:
    """A quote opens in one record and closes in a later one, each at the edge of a cell."""
    records = _records(rng, table)
    while len(records) < 3:
        records += _records(rng, table)[:1] if len(records[0]) < 3 else [dict(records[0])]
    dialect = random_dialect(rng)
    lines = _raw_lines(dialect, records)
    # Seldom in the header, whose names are lost together with the rows.
    first, last = sorted(rng.sample(range(rng.random() > 0.15, len(lines)), 2))
    at = rng.randrange(len(lines[first]))
    lines[first][at] = '"' + lines[first][at]
    at = at if rng.random() < 0.5 else rng.randrange(len(lines[last]))
    at = min(at, len(lines[last]) - 1)
    lines[last][at] += '"'
    return _mutant_of_lines(rng, folder, table, dialect, lines, "open and closed")


def changed_characters(rng: random.Random, folder: Path, table: Table) -> Mutant:
    """Characters changed, quotes and separators among them, but no line break."""
    records = _records(rng, table)
    dialect = random_dialect(rng)
    lines = [dialect.separator.join(cells) for cells in _raw_lines(dialect, records)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        number = rng.randrange(len(lines))
        line = lines[number]
        # Quotes and separators are few, and change most.
        marks = [at for at, character in enumerate(line) if character in f'"{dialect.separator}']
        at = rng.choice(marks) if marks and rng.random() < 0.5 else rng.randrange(len(line))
        lines[number] = line[:at] + rng.choice(ODD_CHARACTERS) + line[at + 1 :]
    cells = [[line] for line in lines]
    return _mutant_of_lines(rng, folder, table, dialect, cells, "changed characters")


def changed_bytes(rng: random.Random, folder: Path, table: Table) -> Mutant:
    """Bytes changed to any other, but for those of line breaks."""
    records = _records(rng, table)
    # A byte in a blank line would make it a record.
    encoding = rng.choice(("utf-8", "utf-8-sig"))
    dialect = replace(random_dialect(rng), encoding=encoding, has_blank_lines=False)
    lines = [dialect.separator.join(cells) for cells in _raw_lines(dialect, records)]
    content = bytearray(encoded(_separated(dialect, lines), dialect.encoding))
    path = _text_path(rng, folder, table, TEXT_ENDINGS)
    _change_bytes(rng, content)
    _write_text(path, bytes(content))
    return Mutant(table.name, path, "changed bytes", len(records), None)


def _change_bytes(rng: random.Random, content: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(content))
        byte = rng.choice([byte for byte in range(256) if byte not in b"\n\r"])
        if content[at] not in b"\n\r":
            content[at] = byte


def _mutant_of_lines(
    rng: random.Random,
    folder: Path,
    table: Table,
    dialect: Dialect,
    lines: Sequence[Sequence[str]],
    mutation: str,
) -> Mutant:
    path = _text_path(rng, folder, table, TEXT_ENDINGS)
    text = _separated(dialect, [dialect.separator.join(cells) for cells in lines])
    _write_text(path, encoded(text, dialect.encoding))
    return Mutant(table.name, path, mutation, len(lines) - 1, None)


def copies(rng: random.Random, folder: Path, table: Table) -> Mutant:
    """Exact copies and blank lines: each copy is a record, which only later counts once."""
    records = _records(rng, table)
    records += [dict(rng.choice(records)) for _ in range(rng.randint(1, 5))]
    dialect = replace(random_dialect(rng), has_blank_lines=True)
    lines = [dialect.separator.join(cells) for cells in _raw_lines(dialect, records)]
    path = _text_path(rng, folder, table, TEXT_ENDINGS)
    _write_text(path, encoded(_separated(dialect, lines), dialect.encoding))
    return Mutant(table.name, path, "copies", len(records), _trimmed(records))


def separators_in_cells(rng: random.Random, folder: Path, table: Table) -> Mutant:
    """Separators in values that should be in quotes and are not."""
    records = _records(rng, table)
    dialect = replace(random_dialect(rng), widths="full")
    lines = _raw_lines(dialect, records)
    for _ in range(rng.randint(1, 3)):
        line = rng.choice(lines[1:])
        at = rng.randrange(len(line))
        line[at] += rng.choice((dialect.separator, *SEPARATORS)) + rng.choice(("", "x", " y"))
    return _mutant_of_lines(rng, folder, table, dialect, lines, "separators in cells")


def objects(rng: random.Random, folder: Path, table: Table) -> Mutant:
    """Odd texts in JSON, written as they should be."""
    records = _records(rng, table)
    _with_odd_texts(rng, table, records)
    path = _text_path(rng, folder, table, OBJECT_ENDINGS)
    lines = object_lines([list(record.items()) for record in records])
    ending = path.name.removesuffix(".gz").rpartition(".")[2]
    _write_text(path, object_text(ending, lines).encode())
    return Mutant(table.name, path, "objects", len(records), _trimmed(records))


def changed_objects(rng: random.Random, folder: Path, table: Table) -> Mutant:
    """Bytes of JSON changed, but for those of line breaks."""
    records = _records(rng, table)
    path = _text_path(rng, folder, table, OBJECT_ENDINGS)
    ending = path.name.removesuffix(".gz").rpartition(".")[2]
    lines = object_lines([list(record.items()) for record in records])
    content = bytearray(object_text(ending, lines).encode())
    _change_bytes(rng, content)
    _write_text(path, bytes(content))
    return Mutant(table.name, path, "changed objects", len(records), None)


def cut_files(rng: random.Random, folder: Path, table: Table) -> Mutant:
    """The beginning of a Parquet or packed file, or one with bytes of it changed."""
    records = _records(rng, table)
    if rng.random() < 0.5:
        path = folder / f"{table.name}.parquet"
        arrays = [pa.array([record[name] for record in records]) for name in records[0]]
        write_parquet(path, list(records[0]), arrays)
        content = bytearray(path.read_bytes())
        del content[rng.randrange(1, len(content)) :]
    else:
        path = folder / f"{table.name}.csv.gz"
        dialect = random_dialect(rng)
        lines = [dialect.separator.join(cells) for cells in _raw_lines(dialect, records)]
        content = bytearray(packed(encoded(_separated(dialect, lines), dialect.encoding)))
        if rng.random() < 0.5:
            del content[rng.randrange(1, len(content)) :]
        else:
            _change_bytes(rng, content)
    write_bytes(path, bytes(content))
    return Mutant(table.name, path, "cut files", len(records), None)


_MAKERS: tuple[Callable[[random.Random, Path, Table], Mutant], ...] = (
    *(odd_texts, odd_texts, raw_insertions, raw_insertions, raw_insertions, open_and_closed),
    *(open_and_closed, changed_characters, changed_characters, changed_bytes, copies),
    *(separators_in_cells, objects, changed_objects, cut_files),
)
MUTATIONS = sorted({maker.__name__.replace("_", " ") for maker in _MAKERS})
MUTATED_TABLES = tuple(TABLES)
