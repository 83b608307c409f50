"""What a run saw of the raw tables: rows, latest record, fresh and clean enough or not."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

import dagster as dg

from orchestration.base.settings import Settings
from orchestration.warehouse.duckdb_files import opened

SOURCE_STATUS = """
    select table_name, status, rows_before_date, latest_at, rejected_ratio
    from health.source_status
    where health_date = ?
"""


def source_observations(settings: Settings, health_date: date) -> Iterator[dg.AssetObservation]:
    """An observation of each raw table as of a health date, by what was calculated."""
    with opened(settings.warehouse) as warehouse:
        rows = warehouse.execute(SOURCE_STATUS, [health_date]).fetchall()
    midnight = datetime.combine(health_date, time(), UTC)
    for table, status, count, latest_at, rejected_ratio in rows:
        metadata: dict[str, Any] = {
            "health date": str(health_date),
            "status": status,
            "dagster/row_count": count,
        }
        if latest_at:
            latest = latest_at if latest_at.tzinfo else latest_at.replace(tzinfo=UTC)
            metadata["dagster/last_updated_timestamp"] = dg.MetadataValue.timestamp(latest)
            age = (midnight - latest).total_seconds() / 3600
            metadata["hours from the latest record to the health date"] = round(age, 1)
        if rejected_ratio is not None:
            metadata["rejected share"] = float(rejected_ratio)
        yield dg.AssetObservation(dg.AssetKey(["raw", table]), metadata=metadata)
