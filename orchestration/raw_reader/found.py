"""Which files of a raw folder make which raw table, by their names alone."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

TEXT_FORMATS = ("csv", "tsv", "jsonl", "ndjson", "json")
ENDING = re.compile(rf"\.(parquet|(?:{'|'.join(TEXT_FORMATS)})(?:\.gz)?)$", re.IGNORECASE)
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class DataFile:
    """A file with data of a raw table; partitions: what the folders say (`day=2026-01-01`)."""

    path: Path
    format: str
    is_gzipped: bool
    partitions: tuple[tuple[str, str | None], ...] = ()


@dataclass
class Found:
    """What a raw folder holds of a table.

    lake, problem: what its folder is instead of plain files, and why it cannot be read as such.
    """

    files: list[DataFile] = field(default_factory=list)
    places: list[Path] = field(default_factory=list)
    lake: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Unread:
    """A file or folder that nobody reads, and what to do about it."""

    path: Path
    table: str | None
    problem: str


def find(folder: Path, tables: Collection[str]) -> tuple[dict[str, Found], list[Unread]]:
    """The files of each table, and those that belong to none. Files of 0 bytes are absent."""
    found = {table: Found() for table in tables}
    unread: list[Unread] = []
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if is_hidden(entry.name):
            continue
        if entry.is_dir():
            if entry.name in found:
                find_in_folder(entry, found[entry.name], unread, entry.name)
            else:
                unread.append(Unread(entry, None, cure_of_name(entry.name, tables, "")))
            continue
        file = data_file(entry, entry.name)
        table = entry.name[: ENDING.search(entry.name).start()] if file else ""  # type: ignore[union-attr]
        if file and table in found:
            if entry.stat().st_size:
                found[table].files.append(file)
                found[table].places.append(entry)
        else:
            alike = most_alike(entry.name, tables)
            ending = "".join(re.findall(ENDING, entry.name)[:1])
            unread.append(Unread(entry, alike, cure_of_name(entry.name, tables, ending)))
    return found, unread


def find_in_folder(folder: Path, found: Found, unread: list[Unread], table: str) -> None:
    files = []
    for path, names_beside in walk(folder):
        lake = lake_format(path, names_beside)
        if lake:
            found.lake = lake
            found.problem = (
                f"{path} is a table of {lake}, whose files also hold rows that were deleted."
                f" Export the table as Parquet or CSV files and put these into {folder}."
            )
            found.places.append(folder)
            return
        for name in sorted(names_beside):
            child = path / name
            if is_hidden(name) or child.is_dir():
                continue
            file = data_file(child, name, partitions(child.relative_to(folder)))
            if file is None:
                problem = f"is not read, as {endings_in_words()} are. Export it again, or move it."
                unread.append(Unread(child, table, problem))
            elif child.stat().st_size:
                files.append(file)
    if files:
        found.files += files
        found.places.append(folder)


def walk(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[tuple[Path, list[str]]]:
    """Each folder below that holds data, with the names in it. Links are followed, never round."""
    place = folder.resolve()
    if place in above:
        return
    names = sorted(path.name for path in folder.iterdir())
    yield folder, names
    for name in names:
        if not is_hidden(name) and (folder / name).is_dir():
            yield from walk(folder / name, (*above, place))


def is_hidden(name: str) -> bool:
    return name.startswith(("_", "."))


def lake_format(folder: Path, names: Collection[str]) -> str | None:
    if "_delta_log" in names and (folder / "_delta_log").is_dir():
        return "Delta"
    metadata = folder / "metadata"
    if "metadata" in names and metadata.is_dir():
        inside = [path.name for path in metadata.iterdir()]
        if any(name.endswith((".metadata.json", ".avro")) for name in inside) or (
            "version-hint.text" in inside
        ):
            return "Iceberg"
    return None


def data_file(
    path: Path, name: str, partitions: tuple[tuple[str, str | None], ...] = ()
) -> DataFile | None:
    match = ENDING.search(name)
    if not match or not path.is_file():
        return None
    ending = match[1].lower()
    return DataFile(path, ending.removesuffix(".gz"), ending.endswith(".gz"), partitions)


def partitions(path: Path) -> tuple[tuple[str, str | None], ...]:
    """Keys and values of the folders on the way to a file; the first of a key counts."""
    values: dict[str, str | None] = {}
    for part in path.parts[:-1]:
        key, equals, value = part.partition("=")
        if equals:
            text = unquote(value)
            values.setdefault(key.lower(), None if text == NO_VALUE else text)
    return tuple(values.items())


def most_alike(name: str, tables: Collection[str]) -> str | None:
    """The table that a file was meant for, going by its name."""
    plain = re.sub(r"[^a-z]+", "_", name.lower())
    alike = [table for table in tables if plain.startswith(table)]
    return max(alike, key=len, default=None)


def cure_of_name(name: str, tables: Collection[str], ending: str) -> str:
    table = most_alike(name, tables)
    if table is None:
        return "is not read: there is no raw table of this name."
    if not ending and "." in name:
        return f"is not read, as {endings_in_words()} are. Export it as {table}.csv, say."
    suffix = f".{ending.lower()}" if ending else "/"
    return f"is not read: if it is the raw table `{table}`, rename it to {table}{suffix}."


def endings_in_words() -> str:
    return "files ending in " + ", ".join(f".{name}" for name in ("parquet", *TEXT_FORMATS, "gz"))
