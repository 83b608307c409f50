"""Bundles: copies of many small text files in one, because a query that opens each of them spends
its time on that. People's entries come as a file each."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import duckdb

from orchestration.raw_reader.csv_files import escaped_glob
from orchestration.raw_reader.found import DataFile
from orchestration.raw_reader.looks import Heading, Look
from orchestration.raw_reader.notes import Notes
from orchestration.raw_reader.tables import Group
from orchestration.warehouse.duckdb_files import literal, quoted

SMALL = 64 * 1024  # bytes; larger files are read where they are
FEWEST = 50  # files that make a bundle
# In the order of their names, so that files that come later leave the earlier bundles as they are.
MOST = 500

Member = tuple[DataFile, Look]
Columns = Mapping[str, Mapping[str, str]]


def bundles_of(
    members: Sequence[Member],
    columns: Columns,
    notes: Notes,
    connection: duckdb.DuckDBPyConnection,
) -> tuple[list[Group], list[Member]]:
    """Of files that store the same columns alike those that are bundled, in one group at most, and
    the others."""
    if len(members) < FEWEST:
        return [], list(members)
    small: list[Member] = []
    others: list[Member] = []
    for member in members:
        (small if is_small(member[0]) else others).append(member)
    bundles: list[Look] = []
    for part in parts_of(sorted(small, key=lambda member: member[0].path)):
        look = look_of_bundle(part, columns, notes, connection) if len(part) >= FEWEST else None
        if look is None:
            others += part
        else:
            bundles.append(look)
    if not bundles:
        return [], others
    read = {name: {**columns[name], "expression": quoted(name)} for name in columns}
    return [Group(relation_of(bundles), read)], others


def is_small(file: DataFile) -> bool:
    return file.format != "parquet" and file.path.stat().st_size <= SMALL


def parts_of(members: Sequence[Member]) -> Iterator[list[Member]]:
    iterator = iter(members)
    while part := list(islice(iterator, MOST)):
        yield part


def relation_of(looks: Sequence[Look]) -> str:
    """What SQL selects from to read files that are read alike."""
    listed = ", ".join(literal(escaped_glob(look.source)) for look in looks)
    return f"{looks[0].function}([{listed}], {looks[0].options}, filename = '__file')"


def look_of_bundle(
    part: Sequence[Member],
    columns: Columns,
    notes: Notes,
    connection: duckdb.DuckDBPyConnection,
) -> Look | None:
    """The look of the copy, which is written unless it is there; None where it lacks a row."""
    files = [notes.key(file) for file, _ in part]
    text = json.dumps([files, part[0][1].options, columns], sort_keys=True)
    key = f"bundle|{hashlib.sha256(text.encode()).hexdigest()}"
    noted = notes.look(key)
    if noted is not None:
        return noted
    target = notes.copy(key).with_suffix(".parquet")
    looks = [look for _, look in part]
    row_count = write_bundle(target, relation_of(looks), columns, connection)
    if row_count != sum(look.row_count for look in looks):
        target.unlink()
        return None
    look = Look(
        source=str(target),
        function="read_parquet",
        options="hive_partitioning = false",
        headings=tuple(Heading(name, quoted(name)) for name in columns),
        row_count=row_count,
    )
    notes.note(key, look)
    return look


def write_bundle(
    target: Path, relation: str, columns: Columns, connection: duckdb.DuckDBPyConnection
) -> int:
    """Write the rows as Parquet, in one step; how many there were."""
    selected = ", ".join(
        f"{column['expression']} as {quoted(name)}" for name, column in columns.items()
    )
    unfinished = target.with_suffix(".unfinished")
    target.parent.mkdir(parents=True, exist_ok=True)
    [(row_count,)] = connection.execute(
        f"copy (select {selected} from {relation}) to {literal(unfinished)} (format parquet)"
    ).fetchall()
    unfinished.replace(target)
    return int(row_count)
