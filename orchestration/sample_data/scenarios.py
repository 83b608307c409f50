"""Scenarios: how many accounts have each scenario, how well those do, and who churns when.

How a scenario plays out day by day is in `levels`.
"""

import numpy as np

from orchestration.sample_data.event_times import LEAD_DAYS

# Share of the accounts by scenario; the rest is healthy. Of those that fade, the last quarter has
# not churned by the end. Together 16 percent churn: fading, never_launched and churned_suddenly.
SCENARIO_SHARES = {
    "churned_suddenly": 0.035,
    "never_launched": 0.02,
    "fading": 0.14,
    "recovered": 0.04,
    "struggling": 0.09,
    "lukewarm": 0.14,
    "seasonal": 0.05,
    "growing": 0.08,
    "new": 0.08,
}
FADING_CHURNED_SHARE = 0.75

# How well an account of a scenario does at its usual, 1 at best: lowest and highest level.
USUAL_LEVELS = {
    "healthy": (0.62, 1.0),
    "churned_suddenly": (0.75, 0.95),
    "never_launched": (0.5, 0.7),
    "fading": (0.65, 0.95),
    "recovered": (0.7, 0.95),
    "struggling": (0.25, 0.43),
    "lukewarm": (0.4, 0.58),
    "seasonal": (0.6, 0.95),
    "growing": (0.8, 1.0),
    "new": (0.6, 1.0),
}


def draw_scenarios(count: int) -> np.ndarray:
    """The scenarios in fixed shares, so that a small company has them all too, as far as it can."""
    bounds = np.round(np.cumsum(list(SCENARIO_SHARES.values())) * count).astype(int)
    sizes = np.diff(bounds, prepend=0)
    scenarios = np.repeat(list(SCENARIO_SHARES), sizes)
    return np.concatenate([scenarios, np.repeat("healthy", count - len(scenarios))]).astype(object)


def draw_churn(generator: np.random.Generator, scenario: np.ndarray, days: int) -> np.ndarray:
    """When each account churns: spread evenly over the days that have events, NaN for never."""
    churned = np.full(len(scenario), np.nan)
    fading = np.flatnonzero(scenario == "fading")
    leavers = np.concatenate(
        [
            fading[: int(np.ceil(len(fading) * FADING_CHURNED_SHARE))],
            np.flatnonzero(np.isin(scenario, ["never_launched", "churned_suddenly"])),
        ]
    )
    slots = (np.arange(len(leavers)) + generator.random(len(leavers))) / max(1, len(leavers))
    moments = LEAD_DAYS + days * (0.08 + 0.9 * slots)
    churned[leavers] = np.floor(generator.permutation(moments)) + 17 / 24
    return churned
