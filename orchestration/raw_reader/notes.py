"""What is known of the files of a raw folder, kept from one reading to the next."""

import hashlib
import zlib
from pathlib import Path

from orchestration.base.cache import read_cached, write_cached
from orchestration.raw_reader.found import DataFile
from orchestration.raw_reader.looks import Look
from orchestration.raw_reader.texts import CHUNK

# Another reader may understand a file differently: what earlier ones noted is looked at again.
READER_VERSION = 1


class Notes:
    """What is known of files, by path, size and time of change: one JSON file, and the copies.

    What does not hold is found out again: a damaged file of notes, and a copy that is not as it was
    written, whose size and CRC-32 are noted.
    """

    def __init__(self, folder: Path, raw: Path) -> None:
        name = hashlib.sha256(str(raw).encode()).hexdigest()[:16]
        self.folder = folder / "raw_files" / name
        self.file = self.folder / "looks.json"
        self.earlier: dict[str, dict] = {}
        self.now: dict[str, dict] = {}

    def __enter__(self) -> "Notes":
        noted = read_cached(self.file)
        if noted and noted["version"] == READER_VERSION:
            self.earlier = noted["looks"]
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return
        if self.now != self.earlier:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_cached(self.file, {"version": READER_VERSION, "looks": self.now})
        copies = {Path(look["source"]).name for look in self.now.values()}
        for path in self.folder.glob("*"):
            if path.suffix in (".csv", ".parquet") and path.name not in copies:
                path.unlink(missing_ok=True)

    def key(self, file: DataFile) -> str:
        status = file.path.stat()
        return f"{file.path}|{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}"

    def look(self, key: str) -> Look | None:
        """What was noted; None where nothing was, or its copy is gone or damaged."""
        noted = self.earlier.get(key)
        if noted is None:
            return None
        look = Look.from_json({name: noted[name] for name in noted if name != "copy"})
        if not look.problem and noted.get("copy") != self.checksum_of_copy(look):
            return None
        self.now[key] = noted
        return look if look.problem or Path(look.source).exists() else None

    def note(self, key: str, look: Look) -> None:
        self.now[key] = {**look.to_json(), "copy": self.checksum_of_copy(look)}

    def checksum_of_copy(self, look: Look) -> list[int] | None:
        """Size and CRC-32 of the copy that a look reads; None where it reads the file itself."""
        copy = Path(look.source)
        if look.problem or copy.parent != self.folder or not copy.is_file():
            return None
        checksum = 0
        with copy.open("rb") as file:
            while piece := file.read(CHUNK):
                checksum = zlib.crc32(piece, checksum)
        return [copy.stat().st_size, checksum]

    def copy(self, key: str) -> Path:
        return self.folder / hashlib.sha256(key.encode()).hexdigest()[:32]
