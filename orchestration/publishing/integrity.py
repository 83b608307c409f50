"""Integrity of a generation: what is carried on from one to the next is what was written once.

The size and SHA-256 of each file stand in a hidden file of the generation. The DuckDB file is read
whatever happens, because it is copied, and so is compared each time. Parquet files are linked
without being read: that they are there, with their size, is looked at each time, their content in
turns, a share of the files a day, so that the cost stays flat.

What does not hold is left out of the new generation, and so is rewritten from the warehouse. The
published tables equal those of the warehouse in any case, so that nothing is lost by that: what the
warehouse has forgotten would have been taken away from readers as well.
"""

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

FILE = ".checksums.json"
# Each file is read once within so many days.
DAYS_OF_A_TURN = 30
FILES_NAMED = 3
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Checksum:
    """The size of a file in bytes, and the SHA-256 of its content."""

    size: int
    digest: str


class Damaged(Exception):
    """A file is not what was written; the message says how it differs."""


@dataclass
class Carried:
    """What a generation has from the one before: its files by their paths, as they were noted.

    problems: what did not hold and is left out, in words. has_no_checksums: whether there was
    nothing to compare with. partitions_noted: the previous notes about partitions as a Parquet
    file, where nothing else could be taken.
    """

    checksums: dict[str, Checksum] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    has_no_checksums: bool = False
    partitions_noted: Path | None = None
    _stamps: dict[str, tuple[int, int]] = field(default_factory=dict)

    def took(self, path: str, file: Path, checksum: Checksum) -> None:
        self.checksums[path], self._stamps[path] = checksum, stamp(file)

    def still_has(self, path: str, file: Path) -> bool:
        """Whether a file of the generation is the one that was carried on."""
        return self._stamps.get(path) == stamp(file)

    def in_words(self, published: Path) -> str | None:
        """What did not hold in this folder, for the summary of the run; None where all did."""
        if self.has_no_checksums:
            return (
                f"What was published in {published} has no checksums, as before version 0.2.0: it"
                " was rewritten from the warehouse, once."
            )
        if not self.problems:
            return None
        more = len(self.problems) - FILES_NAMED
        named = ", ".join(self.problems[:FILES_NAMED]) + (f" and {more} more" if more > 0 else "")
        return (
            f"What was published in {published} did not hold and was rewritten from the"
            f" warehouse: {named}."
        )


def stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_ino, status.st_mtime_ns


def carry_on(base: Path, generation: Path, database: str, today: date) -> Carried:
    """Take into a new generation what holds of another; database: the name of the DuckDB file.

    Without the DuckDB file, or without the checksums, nothing is taken: the file says which
    partitions there are, and what has no checksum cannot be told from what is damaged.
    """
    carried = Carried()
    notes = base / "parquet" / "publication_partitions" / "data_0.parquet"
    noted = read(base)
    if noted is None or database not in noted:
        carried.has_no_checksums = not (base / FILE).exists()
        carried.problems.append("the checksums of its files cannot be read")
        carried.partitions_noted = notes if notes.is_file() else None
        return carried
    try:
        copy(base / database, generation / database, noted[database])
    except Damaged as damage:
        carried.problems.append(f"{database} {damage}")
        (generation / database).unlink(missing_ok=True)
        if not problem_of(notes, noted.get(str(notes.relative_to(base))), is_read=True):
            carried.partitions_noted = notes
        return carried
    partitions: dict[str, list[str]] = {}
    for path in noted:
        if path.startswith("parquet/"):
            partitions.setdefault(str(Path(path).parent), []).append(path)
    for folder, paths in partitions.items():
        problems = [
            f"{path} {problem}"
            for path in paths
            if (problem := problem_of(base / path, noted[path], is_read=is_turn(path, today)))
        ]
        carried.problems += problems
        if problems:
            continue  # the partition is rewritten, whole
        (generation / folder).mkdir(parents=True, exist_ok=True)
        for path in paths:
            link_or_copy(base / path, generation / path)
            carried.took(path, generation / path, noted[path])
    return carried


def is_turn(path: str, today: date) -> bool:
    """Whether a file is one of those whose content is looked at today."""
    return (zlib.crc32(path.encode()) - today.toordinal()) % DAYS_OF_A_TURN == 0


def problem_of(file: Path, noted: Checksum | None, is_read: bool) -> str | None:
    """What is wrong with a file, in words; is_read: whether its content is compared as well."""
    try:
        size = file.stat().st_size
        if noted is None or size != noted.size:
            return f"has {size:,} bytes instead of {noted.size if noted else 0:,}"
        if is_read and digest(chunks(file)) != noted.digest:
            return "has another content than was written"
    except (FileNotFoundError, NotADirectoryError):
        return "is gone"
    except OSError as problem:
        return f"cannot be read ({problem.strerror})"
    return None


def copy(source: Path, target: Path, noted: Checksum) -> None:
    """Copy a file, and raise Damaged where it is not what was noted."""
    problem = problem_of(source, noted, is_read=False)
    if problem:
        raise Damaged(problem)
    content = hashlib.sha256()
    pieces = chunks(source)
    with target.open("wb") as file:
        while True:
            try:  # what cannot be read is damaged; what cannot be written is another matter
                piece = next(pieces, None)
            except OSError as unread:
                raise Damaged(f"cannot be read ({unread.strerror})") from unread
            if piece is None:
                break
            content.update(piece)
            file.write(piece)
    if content.hexdigest() != noted.digest:
        raise Damaged("has another content than was written")


def chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as content:
        while piece := content.read(CHUNK_BYTES):
            yield piece


def digest(pieces: Iterator[bytes]) -> str:
    content = hashlib.sha256()
    for piece in pieces:
        content.update(piece)
    return content.hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def read(generation: Path) -> dict[str, Checksum] | None:
    """The checksums that a generation has of its files, by their paths in it; None without."""
    try:
        noted = json.loads((generation / FILE).read_text(encoding="utf-8"))
        return {
            path: Checksum(int(values["size"]), str(values["digest"]))
            for path, values in noted.items()
            if is_below(path)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def is_below(path: str) -> bool:
    """Whether a path that was read leads to a place within the generation."""
    return not Path(path).is_absolute() and ".." not in Path(path).parts


def write(generation: Path, carried: Carried) -> None:
    """Note the checksums of all files of a generation; what was carried on is not read again."""
    found: dict[str, Checksum] = {}
    for folder, _, names in os.walk(generation):
        for name in names:
            file = Path(folder, name)
            path = str(file.relative_to(generation))
            if path == FILE:
                continue
            found[path] = (
                carried.checksums[path]
                if carried.still_has(path, file)
                else Checksum(file.stat().st_size, digest(chunks(file)))
            )
    text = json.dumps({path: asdict(checksum) for path, checksum in sorted(found.items())})
    (generation / FILE).write_text(text, encoding="utf-8")
