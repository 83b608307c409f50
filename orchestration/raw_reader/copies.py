"""Plain copies of files that DuckDB cannot read as they are: as Parquet, all columns text."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.raw_reader.looks import Heading, Look
from orchestration.warehouse.duckdb_files import quoted

ROWS_AT_ONCE = 50_000


def write_copy(target: Path, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> int:
    """Write rows of texts as Parquet, in one step; how many there were."""
    schema = pa.schema([(column, pa.string()) for column in columns] or [("nothing", pa.string())])
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    written = 0
    iterator = iter(rows)
    try:
        with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            while batch := list(islice(iterator, ROWS_AT_ONCE)):
                written += len(batch)
                cells = list(zip(*batch, strict=True)) if columns else [(None,) * len(batch)]
                arrays = [pa.array(column, pa.string()) for column in cells]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return written


def look_of_copy(
    target: Path, columns: Sequence[str], ignored: Iterable[str], row_count: int
) -> Look:
    """The look of a file that was copied: its known columns, and the names of the others."""
    headings = [Heading(column, quoted(column)) for column in columns]
    headings += [Heading(name, "") for name in ignored]
    return Look(
        source=str(target),
        function="read_parquet",
        options="hive_partitioning = false",
        headings=tuple(headings),
        row_count=row_count,
    )
