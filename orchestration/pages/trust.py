"""Can I trust it: what the numbers rest on, and where they rest on little."""

from typing import Any

from orchestration.insight.trust import trust
from orchestration.pages.visit import Visit


def page(visit: Visit) -> dict[str, Any]:
    """What the template `trust` shows."""
    return trust(visit.snapshot, visit.visible.sql, visit.visible.values)
