"""Reads a raw folder: looks at each file once, and puts files that are alike together."""

import json
import os
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from orchestration.raw_reader.bundles import bundles_of, relation_of
from orchestration.raw_reader.csv_files import look_at_csv
from orchestration.raw_reader.definitions import Definition, raw_definitions
from orchestration.raw_reader.found import DataFile, Found, Unread, find
from orchestration.raw_reader.json_files import look_at_json
from orchestration.raw_reader.looks import Look, Unreadable
from orchestration.raw_reader.notes import Notes
from orchestration.raw_reader.parquet_files import look_at_parquet
from orchestration.raw_reader.tables import Group, RawFile, RawFolder, RawTable
from orchestration.raw_reader.texts import plain_text
from orchestration.warehouse.duckdb_files import in_memory, literal

MOST_NAMED = 3  # files with the same kind of problem that one message names


def read_folder(folder: Path, notes: Path | None = None) -> RawFolder:
    """Everything about the files of a raw folder.

    notes: a folder to keep what was found out about files, and plain copies of those that DuckDB
    cannot read; it can be thrown away at any time. Without one, everything is looked at again, and
    copies go to a temporary folder that ends with the process.
    """
    definitions = raw_definitions()
    found, unread = find(folder, definitions)
    with Notes(writable(notes), folder) as kept, in_memory() as connection:
        tables: dict[str, RawTable] = {}
        files: list[RawFile] = []
        for name, there in found.items():
            if not there.places:
                continue
            looks = look_at(there.files, definitions[name], kept, connection)
            tables[name] = table_of(name, there, looks, kept, connection)
            files += [
                raw_file(folder, name, file, look, tables[name])
                for file, look in zip(there.files, looks, strict=True)
            ]
            if there.lake:
                files.append(RawFile(name, f"{name}/", there.lake.lower(), problem=there.problem))
    files += [unread_file(folder, file) for file in unread]
    return RawFolder(folder, tables, tuple(files))


def writable(notes: Path | None) -> Path:
    """The folder for notes, or a temporary one where that cannot be written."""
    global _temporary
    try:
        if notes:
            notes.mkdir(parents=True, exist_ok=True)
            if os.access(notes, os.W_OK):
                return notes
    except OSError:
        pass
    _temporary = _temporary or tempfile.TemporaryDirectory(prefix="raw_files_")
    return Path(_temporary.name)


_temporary: tempfile.TemporaryDirectory[str] | None = None


def look_at(
    files: Sequence[DataFile],
    definition: Definition,
    notes: Notes,
    connection: duckdb.DuckDBPyConnection,
) -> list[Look]:
    keys = [notes.key(file) for file in files]
    looks = {key: look for key in keys if (look := notes.look(key))}
    new = [(key, file) for key, file in zip(keys, files, strict=True) if key not in looks]
    parquet = [(key, file) for key, file in new if file.format == "parquet"]
    paths = [str(file.path) for _, file in parquet]
    found = dict(
        zip(
            (key for key, _ in parquet),
            look_at_parquet(paths, definition.columns, connection),
            strict=True,
        )
    )
    for key, file in new:
        if file.format != "parquet":
            found[key] = look_at_text(file, definition, notes.copy(key), connection)
    for key, look in found.items():
        notes.note(key, look)
    looks |= found
    return [looks[key] for key in keys]


def look_at_text(
    file: DataFile, definition: Definition, copy: Path, connection: duckdb.DuckDBPyConnection
) -> Look:
    plain_copy = copy.with_suffix(".csv")
    look = None
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        source = plain_text(file.path, file.is_gzipped, plain_copy)
        if file.format in ("csv", "tsv"):
            look = look_at_csv(source, copy, definition, file.partitions, connection)
        else:
            look = look_at_json(
                source, file.format == "json", copy, definition.columns, file.partitions
            )
        return look
    except Unreadable as problem:
        return Look(problem=str(problem))
    finally:
        if look is None or look.source != str(plain_copy):
            plain_copy.unlink(missing_ok=True)


def table_of(
    name: str,
    there: Found,
    looks: Sequence[Look],
    notes: Notes,
    connection: duckdb.DuckDBPyConnection,
) -> RawTable:
    """A table of its files, or the table with the reason why it cannot be read."""
    location = str(there.places[0]) + ("/" if there.places[0].is_dir() else "")
    if len(there.places) > 1:
        places = " and ".join(str(place) for place in there.places)
        return RawTable(name, location, f"{name} is there more than once: {places}. Keep one.")
    if there.problem:
        return RawTable(name, location, there.problem)
    unreadable = [
        f"{file.path}{',' if look.problem.startswith('line ') else ''} {look.problem}"
        for file, look in zip(there.files, looks, strict=True)
        if look.problem
    ]
    if unreadable:
        return RawTable(name, location, some_of(unreadable))
    stored = [columns_of(name, file, look) for file, look in zip(there.files, looks, strict=True)]
    lacking = [
        lacks(name, file, look, columns)
        for file, look, columns in zip(there.files, looks, stored, strict=True)
        if not is_without_objects(file, look)
    ]
    if any(lacking):
        return RawTable(name, location, some_of([text for text in lacking if text]))
    present = {column for columns in stored for column in columns}
    definition = raw_definitions()[name].columns
    others = {
        heading.name: None
        for look in looks
        for heading in look.headings
        if heading.name.strip().lower() not in definition
    }
    return RawTable(
        name,
        location,
        groups=groups_of(there.files, looks, stored, notes, connection),
        columns=tuple(column for column in definition if column in present),
        other_columns=tuple(others),
        row_count=sum(look.row_count for look in looks),
    )


def some_of(problems: Sequence[str]) -> str:
    more = len(problems) - MOST_NAMED
    return " ".join(problems[:MOST_NAMED]) + (f" And {more} more files." if more > 0 else "")


def is_without_objects(file: DataFile, look: Look) -> bool:
    return file.format in ("jsonl", "ndjson", "json") and not look.row_count


def columns_of(name: str, file: DataFile, look: Look) -> dict[str, dict[str, str]]:
    """Expression and type of each known column of a file, those of its folders included."""
    definition = raw_definitions()[name].columns
    columns: dict[str, dict[str, str]] = {}
    for heading in look.headings:
        column = heading.name.strip().lower()
        if column in definition and heading.sql:
            columns.setdefault(column, {"expression": heading.sql, "type": heading.type})
    for key, _ in file.partitions:
        if key in definition and key not in columns:
            columns[key] = {"expression": partition_value(key, file), "type": "VARCHAR"}
    return columns


def partition_value(key: str, file: DataFile) -> str:
    """SQL of a partition's value: of the first folder of that name below the table's."""
    below = len(str(table_folder(file))) + 1
    # A pattern without regard to case, in which no character stands for others.
    pattern = "(?i)/" + "".join(f"\\x{{{ord(letter):x}}}" for letter in key) + "=([^/]*)/"
    found = f"regexp_extract(substr(__file, {below}), {literal(pattern)}, 1)"
    value = f"url_decode({found})"
    return f"nullif({value}, '__HIVE_DEFAULT_PARTITION__')"


def table_folder(file: DataFile) -> Path:
    """The folder of the table that a file lies in, somewhere below."""
    folders = file.path.parents
    definitions = raw_definitions()
    return next((folder for folder in folders if folder.name in definitions), folders[0])


def lacks(name: str, file: DataFile, look: Look, columns: Collection[str]) -> str | None:
    missing = [
        f"`{column}`" for column in raw_definitions()[name].required if column not in columns
    ]
    if not missing:
        return None
    there = ", ".join(heading.name for heading in look.headings)
    words = "required column " if len(missing) == 1 else "required columns "
    is_are = " is missing." if len(missing) == 1 else " are missing."
    return f"{file.path}: {words}{', '.join(missing)}{is_are} The columns there are: {there}."


def groups_of(
    files: Sequence[DataFile],
    looks: Sequence[Look],
    stored: Sequence[dict],
    notes: Notes,
    connection: duckdb.DuckDBPyConnection,
) -> tuple[Group, ...]:
    alike: dict[tuple, list[tuple[DataFile, Look]]] = {}
    columns_alike: dict[tuple, dict] = {}
    for file, look, columns in zip(files, looks, stored, strict=True):
        if is_without_objects(file, look):
            continue
        key = (look.function, look.options, json.dumps(columns, sort_keys=True))
        alike.setdefault(key, []).append((file, look))
        columns_alike[key] = columns
    groups = []
    for key, members in alike.items():
        columns = columns_alike[key]
        bundles, others = bundles_of(members, columns, notes, connection)
        groups += bundles
        if others:
            groups.append(Group(relation_of([look for _, look in others]), columns))
    return tuple(groups)


def raw_file(folder: Path, name: str, file: DataFile, look: Look, table: RawTable) -> RawFile:
    known = raw_definitions()[name].columns
    read: dict[str, None] = {}
    ignored = []
    for heading in look.headings:
        column = heading.name.strip().lower()
        if column in known and column not in read and heading.sql:
            read[column] = None
        else:
            ignored.append(heading.name)
    if not look.problem:
        read |= {key: None for key, _ in file.partitions if key in known}
    problem = look.problem or table.problem
    return RawFile(
        name,
        str(file.path.relative_to(folder)),
        file.format + (".gz" if file.is_gzipped else ""),
        None if look.problem else look.row_count,
        tuple(read),
        tuple(ignored),
        table.problem is None,
        problem,
    )


def unread_file(folder: Path, file: Unread) -> RawFile:
    name = str(file.path.relative_to(folder)) + ("/" if file.path.is_dir() else "")
    return RawFile(file.table, name, problem=file.problem)
