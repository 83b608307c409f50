"""Event times: how time is counted here, and how it becomes timestamps.

A moment is a number of days since `Company.origin` (00:00 UTC); NaN is never.
"""

import numpy as np
import pandas as pd

LEAD_DAYS = 200  # days before the first event that invoices, tickets, touchpoints ... reach back


def timestamps(origin: np.datetime64, moment: np.ndarray) -> pd.Series:
    missing = np.isnan(moment)
    seconds = np.floor(np.where(missing, 0, moment) * 86_400).astype("timedelta64[s]")
    times = np.where(missing, np.datetime64("NaT", "s"), origin + seconds)
    return pd.Series(times.astype("datetime64[us]")).dt.tz_localize("UTC")
