"""Text files as plain UTF-8: unpacked, without a byte order mark, every byte validated."""

import codecs
import gzip
import mmap
import zlib
from collections.abc import Iterator
from pathlib import Path

from orchestration.raw_reader.looks import Unreadable

CHUNK = 16 * 1024 * 1024
UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def plain_text(path: Path, is_gzipped: bool, copy: Path) -> Path:
    """A file with the same text as UTF-8: the file itself, or else the copy, which is written."""
    source = path
    if is_gzipped:
        written(copy, unpacked(path))
        source = copy
    encoding = None
    with source.open("rb") as file:
        encoding = UTF_16.get(file.read(2))
    if encoding:
        if source == copy:
            source = copy.rename(copy.with_suffix(".packed"))
        written(copy, transcoded(source, encoding))
        if source != path:
            source.unlink()
        source = copy
    validate_utf_8(source)
    return source


def written(target: Path, chunks: Iterator[bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)


def unpacked(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except (OSError, EOFError, zlib.error) as problem:
        raise Unreadable(
            "is no whole gzip file: it is damaged, or was not written to its end. Copy it again."
        ) from problem


def transcoded(path: Path, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        file.seek(2)
        try:
            while chunk := file.read(CHUNK):
                yield decoder.decode(chunk).encode()
            yield decoder.decode(b"", final=True).encode()
        except UnicodeError as problem:
            raise Unreadable(
                "begins like UTF-16 and is not: it is damaged, or was not written to its end."
                " Export it again, as UTF-8."
            ) from problem


def validate_utf_8(path: Path) -> None:
    """Raise Unreadable, with the line, for a byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            pending = decoder.getstate()[0]
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as problem:
                whole = pending + chunk
                line = lines + whole.count(b"\n", 0, problem.start) + 1
                raise Unreadable(
                    f"line {line}: byte 0x{whole[problem.start]:02X} is not UTF-8, so that the"
                    " text is not known. Save the file as UTF-8 (in a spreadsheet: CSV UTF-8)."
                ) from problem
            if not chunk:
                return
            lines += chunk.count(b"\n")


class Bytes:
    """The bytes of a file without reading it into memory; an empty file has none."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        try:
            self.content: mmap.mmap | bytes = mmap.mmap(
                self.file.fileno(), 0, access=mmap.ACCESS_READ
            )
        except ValueError:
            self.content = b""

    def __enter__(self) -> "mmap.mmap | bytes":
        return self.content

    def __exit__(self, *_: object) -> None:
        if isinstance(self.content, mmap.mmap):
            self.content.close()
        self.file.close()
