"""Health dates as Dagster's partitions, and as the tags of its runs."""

from collections.abc import Mapping
from datetime import date

import click
import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from orchestration.base import escaping
from orchestration.base.clock import today
from orchestration.warehouse.health_dates import FIRST_HEALTH_DATE, Range, in_words

TIME_ZONE = "Etc/GMT"
# end_offset: the day that has just begun is a partition, because it is its midnight that counts.
HEALTH_DATES = dg.DailyPartitionsDefinition(
    start_date=FIRST_HEALTH_DATE.isoformat(), timezone=TIME_ZONE, end_offset=1
)


def tags_of(first: date, last: date) -> dict[str, str]:
    """The tags that make a Dagster run one over the range."""
    if first == last:
        return {PARTITION_NAME_TAG: first.isoformat()}
    return {
        ASSET_PARTITION_RANGE_START_TAG: first.isoformat(),
        ASSET_PARTITION_RANGE_END_TAG: last.isoformat(),
    }


def range_of(tags: Mapping[str, str], else_date: date | None = None) -> Range:
    """The health dates that a run with these tags is asked for.

    Where it has no partition: the date that is given, or today. Raises click.UsageError for a tag
    that is no date.
    """
    one = tags.get(PARTITION_NAME_TAG)
    no_partition = (else_date or today()).isoformat()
    first = tags.get(ASSET_PARTITION_RANGE_START_TAG) or one or no_partition
    last = tags.get(ASSET_PARTITION_RANGE_END_TAG) or one or first
    return date_of(first), date_of(last)


def dates_in_words(tags: Mapping[str, str]) -> str:
    """The health dates of a run; the tags themselves where they are no dates."""
    try:
        return in_words(*range_of(tags))
    except click.UsageError:
        names = (PARTITION_NAME_TAG, ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG)
        return " to ".join(escaping.line(tags[name]) for name in names if name in tags)


def date_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise click.UsageError(f"{text!r} is no health date; write it as 2026-11-22.") from problem
