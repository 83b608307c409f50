"""What goes to a Spark cluster for dbt to read, and what comes from it for Python and readers.

dbt calculates there, and the warehouse file is what it is on DuckDB to everybody else: what Python
writes, and schema `health` for publishing, checks, alerts and commands. After dbt, what differs is
copied in one transaction: the partitions whose files are others than those that were copied last;
of the last health dates alone where the settings say of how many.
Files of Iceberg are never changed, so that their names tell, whoever wrote them. All is read as of
the snapshots that were there when dbt had ended. Rows come in batches; none is held for longer.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import click
import duckdb
import pyarrow as pa

from orchestration.base import clock, progress
from orchestration.base.settings import Settings
from orchestration.warehouse.connections import Warehouse, reading, writing
from orchestration.warehouse.duckdb_files import literal, quoted
from orchestration.warehouse.growing_tables import ensure_table
from orchestration.warehouse.spark import Session, connected
from orchestration.warehouse.spark import literal as spark_literal

PUBLICATIONS = "operations.publications"
ROWS_SENT_AT_ONCE = 1_000
FILES = "operations.spark_files"
COLUMNS_OF_FILES = {
    "table_name": "varchar not null",
    "health_date": "date",
    "files": "varchar not null",
}
SNAPSHOTS = "operations.spark_snapshots"
COLUMNS_OF_SNAPSHOTS = {"table_name": "varchar not null", "snapshot_id": "bigint not null"}
# What Python writes and models read: the columns in the order of the table.
FOR_DBT = {
    "checks.source_check_failures": {
        "health_date": "date",
        "table_name": "string",
        "check_name": "string",
    },
    "operations.alert_deliveries": {
        "health_date": "date",
        "alert_id": "string",
        "account_id": "string",
        "pillar_id": "string",
        "status": "string",
        "sent_at": "timestamp",
    },
}
ARROW = {
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
    "double": pa.float64(),
    "float": pa.float64(),
    "bigint": pa.int64(),
    "int": pa.int32(),
}
DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")

Partition = date | None  # None: a table that is not partitioned by health date
# Has rows on every health date.
OF_EVERY_DATE = "health.account_health_history"


@dataclass(frozen=True)
class CopiedTable:
    """A table of the cluster, `schema.name`, as it is to be in the warehouse file.

    columns: what stands behind the name of each in `create table`; none: as on Spark.
    comments: by column, None for the table's own. view: its SQL, where it is a view here.
    """

    name: str
    columns: Mapping[str, str] = field(default_factory=dict)
    comments: Mapping[str | None, str] = field(default_factory=dict)
    view: str | None = None


def send(settings: Settings, first: date, last: date) -> None:
    """Give dbt what Python wrote for the health dates from first to last."""
    if not settings.warehouse.exists():
        return
    with reading(settings) as warehouse, connected() as session:
        for table, columns in FOR_DBT.items():
            batches: Iterator[list[tuple]] = iter(())
            if warehouse.has(table):
                warehouse.connection.execute(
                    f"select {', '.join(columns)} from {table}"
                    " where health_date between ? and ? order by all",
                    [first, last],
                )
                batches = iter(lambda: warehouse.connection.fetchmany(ROWS_SENT_AT_ONCE), [])
            replace_dates(session, table, columns, batches, first, last)


def replace_dates(
    session: Session,
    table: str,
    columns: Mapping[str, str],
    batches: Iterator[Sequence[tuple]],
    first: date,
    last: date,
) -> None:
    """Replace the rows of some dates; what a run that was killed left half is sent again."""
    schema, _ = table.split(".")
    listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    session.execute(f"create schema if not exists {schema}")
    session.execute(
        f"create table if not exists {table} ({listed}) using iceberg partitioned by (health_date)"
    )
    nothing = f"select {', '.join(['null'] * len(columns))} where false"
    first_rows = rows_in_sql(next(batches, [])) or nothing
    session.execute(
        f"insert into {table} replace where health_date between"
        f" {spark_literal(first)} and {spark_literal(last)} {first_rows}"
    )
    for rows in batches:
        session.execute(f"insert into {table} {rows_in_sql(rows)}")


def rows_in_sql(rows: Sequence[tuple]) -> str:
    """The rows as Spark SQL; nothing where there are none."""
    values = (f"({', '.join(map(spark_literal, row))})" for row in rows)
    return f"select * from values {', '.join(values)}" if rows else ""


def copy(
    settings: Settings, tables: Iterable[CopiedTable], first: date, last: date, prefix: str = ""
) -> None:
    """Bring the warehouse file up to what the cluster has now, in one transaction.

    For holders of the run lock. first and last: the health dates of the run, which are copied also
    where they are not among the last ones. prefix: of the schemas on the cluster (`spark_scratch`).
    """
    with connected() as session, writing(settings) as connection:
        ensure_table(connection, FILES, COLUMNS_OF_FILES)
        ensure_table(connection, SNAPSHOTS, COLUMNS_OF_SNAPSHOTS)
        stored = [table for table in tables if table.view is None]
        snapshots = current_snapshots(session, [table.name for table in stored], prefix)
        since = date.min
        if settings.copied_dates and OF_EVERY_DATE in snapshots:
            days = files_of(session, prefix + OF_EVERY_DATE, snapshots[OF_EVERY_DATE], True)
            since = [since, *sorted(day for day in days if day)][-settings.copied_dates :][0]

        def is_copied(day: Partition) -> bool:
            return day is None or day >= since or first <= day <= last

        for place, table in enumerate(stored):
            progress.report("Copying from Spark", place, len(stored), table.name)
            if table.name in snapshots:
                copy_table(session, connection, table, snapshots[table.name], is_copied, prefix)
        connection.execute(f"delete from {SNAPSHOTS}")
        connection.executemany(
            f"insert into {SNAPSHOTS} (table_name, snapshot_id) values (?, ?)",
            list(snapshots.items()),
        )
        for table in tables:
            if table.view is not None:
                connection.execute(f"create or replace view {table.name} as {table.view}")
                comment(connection, "view", table)


def current_snapshots(
    session: Session, tables: Collection[str], prefix: str = ""
) -> dict[str, int]:
    """The snapshot that each table is at; tables that are not there are left out."""
    there = {
        f"{schema}.{name}"
        for schema in sorted({table.split(".")[0] for table in tables})
        for name in session.tables(prefix + schema)
    }
    asked = " union all ".join(
        f"select {literal(table)}, snapshot_id from {prefix}{table}.refs where name = 'main'"
        for table in tables
        if table in there
    )
    return dict(session.rows(asked)) if asked else {}


def copy_table(
    session: Session,
    connection: duckdb.DuckDBPyConnection,
    table: CopiedTable,
    snapshot: int,
    is_copied: Callable[[Partition], bool],
    prefix: str = "",
) -> None:
    """Copy the partitions of a table that are not here as they are in its snapshot."""
    types, partitioned = session.columns(prefix + table.name)
    make_table(connection, table, types)
    is_dated = "health_date" in partitioned
    in_snapshot = files_of(session, prefix + table.name, snapshot, is_dated)
    found = {day: files for day, files in in_snapshot.items() if is_copied(day)}
    noted = dict(
        connection.execute(
            f"select health_date, files from {FILES} where table_name = ?", [table.name]
        ).fetchall()
    )
    changed = sorted(
        (day for day in {**found, **noted} if found.get(day) != noted.get(day)), key=str
    )
    if not changed:
        return
    days = [day for day in changed if day is not None]
    if is_dated:
        connection.execute(f"delete from {table.name} where list_contains(?, health_date)", [days])
    else:
        connection.execute(f"delete from {table.name}")
    connection.execute(
        f"delete from {FILES} where table_name = ?"
        " and (health_date is null or list_contains(?, health_date))",
        [table.name, days],
    )
    new = [day for day in changed if day in found]
    if new:
        where = f" where health_date in ({', '.join(map(spark_literal, new))})" if is_dated else ""
        session.execute(
            f"select {', '.join(f'`{name}`' for name in types)}"
            f" from {prefix}{table.name} version as of {snapshot}{where}"
        )
        insert(connection, table.name, types, session.fetched())
        connection.executemany(
            f"insert into {FILES} (table_name, health_date, files) values (?, ?, ?)",
            [(table.name, day, found[day]) for day in new],
        )


def files_of(session: Session, table: str, snapshot: int, is_dated: bool) -> dict[Partition, str]:
    """Which files each partition has in a snapshot, as one text."""
    day = "partition.health_date" if is_dated else "cast(null as date)"
    rows = session.rows(
        f"select {day}, sum(record_count), bit_xor(xxhash64(file_path))"
        f" from {table}.files version as of {snapshot} group by 1"
    )
    return {day: f"{count} rows, files {files}" for day, count, files in rows}


def make_table(
    connection: duckdb.DuckDBPyConnection, table: CopiedTable, types: Mapping[str, str]
) -> None:
    """Make the table as it shall be; one that has other columns is made again, and copied whole."""
    columns = table.columns or {name: duckdb_type(kind) for name, kind in types.items()}
    listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"create schema if not exists {table.name.split('.')[0]}")
    connection.execute(f"create or replace temp table as_it_shall_be ({listed})")
    shape = """
        select column_name, data_type, is_nullable
        from duckdb_columns()
        where schema_name || '.' || table_name = ?
        order by column_index
    """
    wanted, present = (
        connection.execute(shape, [name]).fetchall() for name in ("main.as_it_shall_be", table.name)
    )
    connection.execute("drop table as_it_shall_be")
    if present != wanted:
        connection.execute(f"drop table if exists {table.name}")
        connection.execute(f"create table {table.name} ({listed})")
        connection.execute(f"delete from {FILES} where table_name = ?", [table.name])
    comment(connection, "table", table)


def comment(connection: duckdb.DuckDBPyConnection, kind: str, table: CopiedTable) -> None:
    for column, text in table.comments.items():
        subject = f"{kind} {table.name}"
        if column is not None:
            subject = f"column {table.name}.{quoted(column)}"
        connection.execute(f"comment on {subject} is {literal(text)}")


def insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    types: Mapping[str, str],
    batches: Iterable[Sequence[tuple]],
) -> None:
    """Insert rows of Spark, a batch at a time."""
    schema = pa.schema([(name, arrow_type(kind)) for name, kind in types.items()])
    for rows in batches:
        columns = [
            pa.array(column, arrow.type)
            for arrow, column in zip(schema, zip(*rows, strict=True), strict=True)
        ]
        connection.register("rows_to_insert", pa.Table.from_arrays(columns, schema=schema))
        connection.execute(f"insert into {table} by name from rows_to_insert")
        connection.unregister("rows_to_insert")


def arrow_type(kind: str) -> pa.DataType:
    if found := DECIMAL.fullmatch(kind):
        return pa.decimal128(int(found[1]), int(found[2]))
    if kind not in ARROW:
        raise click.ClickException(f"Columns of Spark's type {kind} cannot be copied.")
    return ARROW[kind]


def duckdb_type(kind: str) -> str:
    return "varchar" if kind == "string" else kind


def note_publication(
    settings: Settings, run_id: str, config_version: str, first: date, last: date
) -> None:
    """Note on the cluster, in one row, of which snapshots the publication of a run is.

    Written last: whoever reads tables as of the latest row sees what belongs together.
    """
    with reading(settings) as warehouse:
        snapshots = published_snapshots(warehouse)
    pairs = ", ".join(f"{spark_literal(name)}, {snapshot}" for name, snapshot in snapshots)
    with connected() as session:
        session.execute("create schema if not exists operations")
        session.execute(
            f"create table if not exists {PUBLICATIONS} (run_id string, config_version string,"
            " first_date date, last_date date, published_at timestamp,"
            " snapshots map<string, bigint>) using iceberg"
        )
        session.execute(
            f"insert into {PUBLICATIONS} select {spark_literal(run_id)},"
            f" {spark_literal(config_version)}, {spark_literal(first)}, {spark_literal(last)},"
            f" {spark_literal(clock.timestamp())}, map({pairs})"
        )


def published_snapshots(warehouse: Warehouse) -> list[tuple]:
    """The name and the snapshot of each table of schema `health` that was copied last."""
    return warehouse.rows(
        f"select split_part(table_name, '.', 2), snapshot_id from {SNAPSHOTS}"
        " where table_name like 'health.%' order by all"
    )
