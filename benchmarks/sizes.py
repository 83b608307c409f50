"""The sizes a benchmark can have."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Size:
    """How much data is made: accounts, events and the days over which they are spread."""

    name: str
    accounts: int
    events: int
    days: int
    health_dates: int = 1  # dates of history before the night that is measured

    @property
    def events_a_day(self) -> int:
        return self.events // self.days


SIZES = {
    size.name: size
    for size in (
        Size("XS", accounts=1_000, events=120_000, days=120),
        Size("S", accounts=10_000, events=6_000_000, days=120),
        Size("M", accounts=100_000, events=60_000_000, days=120),
        Size("L", accounts=200_000, events=300_000_000, days=365),
    )
}

NIGHT = date(2026, 11, 22)  # the health date that is measured; any will do, it is always the same


def first_day(days: int) -> date:
    """First day with events, when they go on for that many days up to the night."""
    return NIGHT - timedelta(days=days)
