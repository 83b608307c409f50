"""Parquet files: what they hold, and whether every page of it can be read."""

from collections.abc import Collection, Sequence
from typing import Any

import duckdb
import pyarrow.parquet as pq

from orchestration.raw_reader.csv_files import escaped_glob
from orchestration.raw_reader.looks import Heading, Look
from orchestration.warehouse.duckdb_files import literal, quoted

# Partition keys are read from the path. Some writers leave texts without their type, which reads as
# binary.
OPTIONS = "hive_partitioning = false, binary_as_string = true"
DAMAGED = (
    "is no whole Parquet file: it is damaged, or was not written to its end. Copy it again, or move"
    " it away until it is there."
)


def look_at_parquet(
    paths: Sequence[str], known: Collection[str], connection: duckdb.DuckDBPyConnection
) -> list[Look]:
    """How to read each file. Files with the same columns are looked at together."""
    alike: dict[Any, list[tuple[int, int]]] = {}
    looks = [Look(problem=DAMAGED)] * len(paths)
    for place, path in enumerate(paths):
        try:
            schema, row_count = schema_of(path, connection)
        except duckdb.Error:
            continue
        alike.setdefault(schema, []).append((place, row_count))
    for places in alike.values():
        headings = headings_of(paths[places[0][0]], connection)
        whole = is_whole([paths[place] for place, _ in places], headings, known, connection)
        for place, row_count in places:
            if whole or is_whole([paths[place]], headings, known, connection):
                looks[place] = Look(
                    source=paths[place],
                    function="read_parquet",
                    options=OPTIONS,
                    headings=headings,
                    row_count=row_count,
                )
    return looks


def schema_of(path: str, connection: duckdb.DuckDBPyConnection) -> tuple[Any, int]:
    """Something that is the same for files with the same columns, and the number of rows."""
    file = literal(escaped_glob(path))
    [(schema, row_count)] = connection.execute(
        "select (select list((name, type, converted_type, logical_type, num_children,"
        f" repetition_type)) from parquet_schema({file})),"
        f" (select sum(num_rows) from parquet_file_metadata({file}))"
    ).fetchall()
    return repr(schema), int(row_count or 0)


def headings_of(path: str, connection: duckdb.DuckDBPyConnection) -> tuple[Heading, ...]:
    relation = f"read_parquet({literal(escaped_glob(path))}, {OPTIONS})"
    rows = connection.execute(f"describe select * from {relation}").fetchall()
    # DuckDB gives other names to columns that differ in case only.
    names = pq.read_schema(path).names
    return tuple(
        Heading(name, quoted(renamed), kind)
        for name, (renamed, kind, *_) in zip(names, rows, strict=True)
    )


def is_whole(
    paths: Sequence[str],
    headings: Sequence[Heading],
    known: Collection[str],
    connection: duckdb.DuckDBPyConnection,
) -> bool:
    """Whether all that the pipeline reads of the files can be decoded."""
    read = [h.sql for h in headings if h.name.strip().lower() in known]
    decoded = f"bit_xor(hash({', '.join(read)}))" if read else "count(*)"
    files = ", ".join(literal(escaped_glob(path)) for path in paths)
    try:
        connection.execute(f"select {decoded} from read_parquet([{files}], {OPTIONS})")
    except duckdb.Error:
        return False
    return True
