"""The clock, asked in this one place, so that a test can set it.

It may be wrong, and be set right between two runs: what is kept from run to run must not rely on
time having gone forwards.
"""

from datetime import UTC, date, datetime


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    """The date in UTC, by which health dates are meant."""
    return now().date()


def timestamp() -> datetime:
    """The time in UTC without a zone, as DuckDB's timestamps are read."""
    return now().replace(tzinfo=None)
