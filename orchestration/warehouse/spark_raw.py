"""The raw tables of a Spark cluster: Parquet files that are registered as one of them, and what
tells that any has changed.

A registered table is external: Spark looks into the folder in each session, and health writes
nothing there. A property of the table says that it is registered, so that a new registration
replaces no table that somebody else made.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import dropwhile

import click

from orchestration.base import escaping
from orchestration.warehouse.spark import Session, SparkProblem, connected, literal

REGISTERED = "health.registered"
SCHEMA = "raw"
# Views of a session, and the name of a table until it is complete.
FILES, READ, UNFINISHED = "health_files", "health_parquet", "health_unfinished"
TEXT_FILE = r"\\.(csv|tsv|txt|jsonl|ndjson|json)(\\.gz)?$"
# Of a folder's metadata: Iceberg has neither without the other.
OF_ICEBERG = r"/metadata/[^/]+\\.(metadata\\.json|avro)$"
WHOLE_PATH = re.compile(r"/|[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
PATTERN = re.compile(r"[*?\[\]{}\\]")
# A column and its type as Spark writes a schema that it cannot merge with another.
COLUMN = re.compile(r"(`(?:[^`]|``)+`|\w+): ([A-Z_]+(?:\(\d+(?:, ?\d+)?\))?)")
SETTINGS = {
    # Spark finds new folders of partitions by itself, and their names are texts: 007 is not 7.
    "spark.sql.hive.manageFilesourcePartitions": "false",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}


@dataclass(frozen=True)
class ParquetFiles:
    """Files that make a table: the type of each column, and those that are names of folders."""

    path: str
    types: Mapping[str, str]
    keys: tuple[str, ...] = ()


def parquet_files(session: Session, path: str) -> ParquetFiles:
    """What Spark reads at a path. Raises click.ClickException where it is no table of Parquet."""
    shown = escaping.line(path)
    if not WHOLE_PATH.match(path):
        raise click.ClickException(
            f"{shown} is no whole path: give one that the cluster knows, such as /data/events or"
            " s3a://bucket/events."
        )
    if PATTERN.search(path):
        raise click.ClickException(
            f"{shown} has one of the characters * ? [ ] {{ }} \\, which Spark takes for a pattern:"
            " move the files to a folder whose path has none."
        )
    for name, value in SETTINGS.items():
        session.execute(f"set {name}={value}")
    has_keys = refuse_other_files(session, path)
    try:
        own = columns_read(session, path, is_by_folder=False)
        types = columns_read(session, path, is_by_folder=True) if has_keys else own
    except SparkProblem as problem:
        raise SparkProblem(
            f"{shown} cannot be read as one table of Parquet: {reason(problem.message)}"
        ) from problem
    # A key that the files have as a column of their own is that column, as on DuckDB.
    keys = tuple(name for name in types if name not in own)
    return ParquetFiles(path, types if keys else own, keys)


def refuse_other_files(session: Session, path: str) -> bool:
    """Raises click.ClickException for files that are no plain Parquet; else whether names of
    folders are values (`day=2026-11-22`)."""
    shown = escaping.line(path)
    try:
        list_files(session, path)
    except SparkProblem as problem:
        raise SparkProblem(f"{shown} cannot be read: {problem.message}") from problem
    [(count, iceberg, text, has_keys)] = session.rows(
        f"select count(*), min(case when path rlike '{OF_ICEBERG}' then path end),"
        f" min(case when lower(path) rlike '{TEXT_FILE}' then path end),"
        f" coalesce(max(path like '%=%/%'), false) from {FILES}"
    )
    if not count:
        raise click.ClickException(f"{shown} holds no files with data.")
    lake = "Iceberg" if iceberg else "Delta" if is_there(session, f"{path}/_delta_log") else None
    if lake:
        raise click.ClickException(
            f"{shown} is a table of {lake}, whose files also hold rows that were deleted. Give the"
            f" cluster that table as one of schema {SCHEMA}, or export it as Parquet files."
        )
    if text:
        raise click.ClickException(
            f"{shown} holds the text file {escaping.line(text)}, which Spark reads by other rules"
            " than docs/raw_tables.md says. Load it into a table, or convert it to Parquet and"
            " register that."
        )
    return has_keys


def list_files(session: Session, path: str) -> None:
    """Makes a view of the files at a path, at any depth; what is in them is not read."""
    session.execute(
        f"create or replace temporary view {FILES} using binaryFile"
        f" options (path {literal(path)}, recursiveFileLookup 'true')"
    )


def is_there(session: Session, path: str) -> bool:
    try:
        list_files(session, path)
    except SparkProblem as problem:
        if re.search("does not exist|not a directory", problem.message, re.IGNORECASE):
            return False
        raise
    return True


def columns_read(session: Session, path: str, is_by_folder: bool) -> dict[str, str]:
    """The type of each column of all files; is_by_folder: names of folders are columns too."""
    session.execute(
        f"create or replace temporary view {READ} using parquet"
        f" options (path {literal(path)}, {options(is_by_folder)})"
    )
    return session.columns(READ)[0]


def options(is_by_folder: bool) -> str:
    """How files are read; without names of folders at any depth, which Spark does not otherwise."""
    return f"mergeSchema 'true', recursiveFileLookup '{str(not is_by_folder).lower()}'"


def reason(message: str) -> str:
    """What Spark says of files, with the columns that it means, or a cure where there is one."""
    schemas = [dict(COLUMN.findall(text)) for text in re.findall(r'"STRUCT<(.*?)>"', message)]
    if len(schemas) == 2:
        one, other = schemas
        differ = [name for name in one if other.get(name, one[name]) != one[name]]
        if differ:
            clashes = (f"{name} ({one[name]} and {other[name]})" for name in differ)
            return f"the type of a column differs from file to file: {', '.join(clashes)}."
    if "Illegal Parquet type" in message or "Parquet type not yet supported" in message:
        return (
            f"{message} Spark knows no such columns; write times in microseconds, and other values"
            " as texts or numbers."
        )
    return message


def refuse_foreign(session: Session, table: str) -> None:
    """Raises click.ClickException where the raw table is there and was not registered."""
    if not session.has(f"{SCHEMA}.{table}"):
        return
    if REGISTERED not in properties(session, table):
        raise click.ClickException(
            f"{SCHEMA}.{table} is there and was not registered: what somebody else made is not"
            " replaced. Drop or rename it first, if it is not needed."
        )


def register(session: Session, table: str, files: ParquetFiles) -> int:
    """Make the raw table of the files, in place of what was registered before; the rows it has.

    For holders of the run lock. What can fail happens under another name.
    """
    name, unfinished = f"{SCHEMA}.{table}", f"{SCHEMA}.{UNFINISHED}"
    session.execute(f"create schema if not exists {SCHEMA}")
    session.execute(f"drop table if exists {unfinished}")
    try:
        session.execute(
            f"create table {unfinished} using parquet options ({options(bool(files.keys))})"
            f" location {literal(files.path)}"
            f" tblproperties ('{REGISTERED}' = {literal(files.path)})"
        )
        _, partitioned = session.columns(unfinished)
        if tuple(partitioned) != files.keys:
            raise click.ClickException(
                f"{escaping.line(files.path)} has folders with names of two kinds: some are columns"
                f" of their own ({', '.join(files.keys)}), some are also columns of the files. Take"
                " the columns out of the files, or the names out of the folders."
            )
        [(rows,)] = session.rows(f"select count(*) from {unfinished}")
        refuse_foreign(session, table)
        session.execute(f"drop table if exists {name}")
        session.execute(f"alter table {unfinished} rename to {name}")
    finally:
        session.execute(f"drop table if exists {unfinished}")
    # Else this session goes on with the files of the table that was dropped.
    session.execute(f"refresh table {name}")
    return rows


def register_again(tables: Iterable[str]) -> list[str]:
    """Register those of the raw tables again whose files have other columns by now; their names.

    For holders of the run lock. Raises click.ClickException for files that are no table any more.
    Spark itself reads a decimal 7.25 that a column of integers is given later as 725.
    """
    changed = []
    with connected() as session:
        for table in tables_there(session, tables):
            path = properties(session, table).get(REGISTERED)
            if path is None:
                continue
            files = parquet_files(session, path)
            if files.types != session.columns(f"{SCHEMA}.{table}")[0]:
                register(session, table, files)
                changed.append(table)
    return changed


def tables_there(session: Session, tables: Iterable[str]) -> list[str]:
    """Those of the raw tables that the cluster has, views among them."""
    return sorted(set(session.tables(SCHEMA)).intersection(tables))


def properties(session: Session, table: str) -> dict[str, str]:
    return dict(session.rows(f"show tblproperties {SCHEMA}.{table}"))


def fingerprint(tables: Iterable[str]) -> str:
    """Changes when rows of one of these raw tables do. Raises SparkProblem."""
    with connected() as session:
        there = tables_there(session, tables)
        states = [(table, state_of(session, table)) for table in there]
    return hashlib.sha256(repr(states).encode()).hexdigest()[:16]


def state_of(session: Session, table: str) -> str:
    """The snapshot of an Iceberg table; of others which files they have. A view has neither."""
    if snapshot := properties(session, table).get("current-snapshot-id"):
        return snapshot
    described = session.rows(f"describe table extended {SCHEMA}.{table}")
    # Columns stand before, whatever they are called.
    about = dropwhile(lambda row: row[0] != "# Detailed Table Information", described)
    location = next((text for title, text, *_ in about if title == "Location"), None)
    # A table of another system has a place where there is nothing.
    if not location or not is_there(session, location):
        return ""
    [files] = session.rows(
        "select count(*), sum(length), bit_xor(xxhash64(path, length, modificationTime))"
        f" from {FILES}"
    )
    return f"{location} {files}"
