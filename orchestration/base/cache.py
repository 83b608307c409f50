"""Cached values: what was found out once and can be found out again, with a checksum before it.

A file that is not as it was written (damaged, cut off, of another version) reads as absent.
"""

import json
import os
import zlib
from pathlib import Path
from typing import Any


def read_cached(file: Path) -> Any | None:
    """The value in a file; None where there is none that holds."""
    try:
        checksum, _, content = file.read_bytes().partition(b"\n")
        return json.loads(content) if checksum == checksum_of(content) else None
    except (OSError, ValueError):
        return None


def write_cached(file: Path, value: Any) -> None:
    """Write a value as JSON, in one step."""
    content = json.dumps(value).encode()
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(checksum_of(content) + b"\n" + content)
    unfinished.replace(file)


def checksum_of(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)
