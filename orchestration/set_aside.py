"""Setting aside: what does not hold gets another name beside its place, and is never deleted."""

from datetime import UTC, datetime
from pathlib import Path


def set_aside(path: Path) -> Path:
    """Rename a file or folder, so that another can take its place; what it is called now."""
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    aside = path.with_name(f"{path.name}.set-aside-{moment}")
    path.rename(aside)
    return aside
