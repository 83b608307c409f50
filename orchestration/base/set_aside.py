"""Setting aside: what does not hold gets another name beside its place, and is never deleted."""

from pathlib import Path

from orchestration.base import clock


def set_aside(path: Path) -> Path:
    """Rename a file or folder, so that another can take its place; what it is called now."""
    return path.rename(name_aside(path))


def link_aside(file: Path) -> Path:
    """Give a file that is about to be replaced a second name, so that its place is never empty."""
    aside = name_aside(file)
    try:
        aside.hardlink_to(file)
    except OSError:  # a file system without hard links
        file.rename(aside)
    return aside


def name_aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.set-aside-{clock.now():%Y%m%dT%H%M%S.%f}")
