"""Sample data in which some accounts turn poor today, so that there are alerts to send."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd

from orchestration.sample_data import write_sample

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)


def write_turning_poor(raw: Path, *, on: date = TODAY, accounts: int = 15, days: int = 40) -> None:
    """Sample data up to today, whose accounts are overridden the day before a date."""
    write_sample(raw, accounts=accounts, days=days, end_date=TODAY)
    overrides = pd.DataFrame(
        {
            "override_id": f"override_{number}",
            "account_id": f"acc_{number:05}",
            "pillar_id": "overall",
            "state": "poor" if number % 3 else "good",
            "reason": "told on the phone",
            "author": "kim",
            "created_at": f"{on - timedelta(days=1)}T09:00",
        }
        for number in range(1, accounts + 1)
    )
    overrides.to_parquet(raw / "health_overrides.parquet")
