"""Processes of a warehouse, found where the kernel lists them."""

from pathlib import Path


def processes_of(warehouse: Path, name: str) -> list[int]:
    """Ids of the processes with the name in their command line that work on the warehouse."""
    return [
        int(folder.name)
        for folder in Path("/proc").glob("[0-9]*")
        if name in text_of(folder / "cmdline")
        and f"HEALTH_DB_PATH={warehouse}" in text_of(folder / "environ")
    ]


def text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode(errors="replace")
    except OSError:  # it has ended meanwhile
        return ""
