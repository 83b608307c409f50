"""Whether the raw tables are fit to be calculated with on a health date."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .configuration import Configuration, Source
from .facts import midnight
from .row_rules import RuledTable
from .values import rounded

UNFIT = ("unreadable", "failed", "stale", "broken")


@dataclass(frozen=True)
class SourceStatus:
    """A raw table on a health date; rejected_ratio is a share of 0 to 1."""

    status: str
    rows_before_date: int
    latest_at: datetime | None
    rejected_ratio: float | None


def source_status(
    ruled: RuledTable,
    source: Source,
    health_date: date,
    late_arrival_days: int,
    failures: Collection[tuple[date, str]],
) -> SourceStatus:
    """The first of unreadable, absent, failed, stale and broken that applies, else ok."""
    if ruled.is_unreadable:
        return SourceStatus("unreadable", 0, None, None)
    if ruled.is_absent:
        return SourceStatus("absent", 0, None, None)
    day_start = midnight(health_date)
    times = [getattr(record, ruled.table.main_time) for record in ruled.records]
    before = [moment for moment in times if moment < day_start]
    latest_at = max(before, default=None)
    ratio = _rejected_ratio(ruled, day_start, late_arrival_days)
    if (health_date, ruled.table.name) in failures:
        status = "failed"
    elif _is_stale(latest_at, day_start, source.max_age_hours):
        status = "stale"
    elif (
        ratio is not None
        and source.max_rejected_ratio is not None
        and rounded(ratio) > rounded(source.max_rejected_ratio)
    ):
        status = "broken"
    else:
        status = "ok"
    return SourceStatus(status, len(before), latest_at, ratio)


def _is_stale(latest_at: datetime | None, day_start: datetime, max_age_hours: float | None) -> bool:
    if max_age_hours is None:
        return False
    return latest_at is None or day_start - latest_at > timedelta(hours=max_age_hours)


def _rejected_ratio(ruled: RuledTable, day_start: datetime, late_arrival_days: int) -> float | None:
    """Of the recent rows and those without a readable main time, the share that was rejected."""
    window_start = day_start - timedelta(days=late_arrival_days)
    looked_at = [
        row
        for row in ruled.rows
        if row.main_time is None or window_start <= row.main_time < day_start
    ]
    rejected = [row for row in looked_at if row.reason is not None]
    return len(rejected) / len(looked_at) if looked_at else None


def is_fit(
    pillar_id: str, configuration: Configuration, statuses: Mapping[str, SourceStatus]
) -> bool:
    """Whether the sources that the pillar needs allow it to be calculated."""
    needed = [
        statuses[table_name].status
        for needing_pillar_id, table_name in configuration.pillar_sources
        if needing_pillar_id == pillar_id
    ]
    if not needed:
        return True
    if any(status in UNFIT for status in needed):
        return False
    return any(status != "absent" for status in needed)
