"""Daily levels: how well each account does each day in each channel, which all records follow."""

import numpy as np
import pandas as pd

# How often a decline shows in a channel at all.
CHANNEL_SHOWS = {"usage": 0.94, "billing": 0.6, "support": 0.65, "survey": 0.75, "manager": 0.75}


def draw_levels(
    generator: np.random.Generator, accounts: pd.DataFrame, end: int
) -> dict[str, np.ndarray]:
    """How well each account does in each channel, account by day; 0 before and after its life."""
    column = {name: accounts[name].to_numpy()[:, None] for name in accounts}
    count = len(accounts)
    day = np.arange(end)[None, :]
    fall = np.clip((day - column["fall_start"]) / column["fall_days"], 0, 1)
    rise = np.clip((day - column["rise_start"]) / 25, 0, 1)
    decline = 0.96 * fall * (1 - rise)
    age = day - column["created"]
    ramp = np.clip(0.2 + 0.8 * age / column["ramp_days"], 0.2, 1)
    season = 0.55 - 0.45 * np.cos(2 * np.pi * (day - column["quiet_season"]) / 180)
    disappointment = np.clip(1 - age / 120, 0.2, 1)
    own_course = {
        "usage": ramp * np.where(column["scenario"] == "seasonal", season, 1),
        "manager": np.where(column["scenario"] == "never_launched", disappointment, 1),
    }
    is_alive = (day >= np.ceil(column["created"])) & ~(day >= np.floor(column["churned"]))
    levels = {}
    for channel, share in CHANNEL_SHOWS.items():
        weekly = generator.normal(1, 0.06, (count, end // 7 + 1))
        noise = np.repeat(weekly, 7, axis=1)[:, :end]
        shows = generator.random((count, 1)) < share
        level = column["usual"] * (1 - decline * shows) * noise * own_course.get(channel, 1)
        levels[channel] = (np.clip(level, 0, 1.1) * is_alive).astype(np.float32)
    return levels
