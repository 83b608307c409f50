"""Plans: what can be bought, and which accounts change their contract when.

What an account pays at a moment is worked out in `billing_tables`.
"""

import numpy as np

from orchestration.sample_data.event_times import LEAD_DAYS

PLANS = ("starter", "team", "business", "enterprise")
PLAN_SEATS = (6, 40, 180)  # from more seats than this, the next plan
SEAT_PRICES = np.array([19.0, 29.0, 42.0, 55.0])


def draw_plan_changes(
    generator: np.random.Generator,
    is_kind: dict[str, np.ndarray],
    created: np.ndarray,
    leaving: np.ndarray,
    fall_start: np.ndarray,
    fall_days: np.ndarray,
    plan: np.ndarray,
    days: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At most one change of contract an account: its moment, its step in plans, its seat factor."""
    count = len(plan)
    moment = LEAD_DAYS + days * generator.uniform(0.1, 0.95, count)
    chance = generator.random(count)
    upgrades = (is_kind["growing"] & (chance < 0.8)) | (is_kind["healthy"] & (chance < 0.08))
    downgrades = (is_kind["fading"] & (chance < 0.4)) | (is_kind["struggling"] & (chance < 0.35))
    moment = np.where(is_kind["fading"], fall_start + fall_days * 0.6, moment)
    step = np.where(upgrades, (chance < 0.55).astype(int), np.where(downgrades, -1, 0))
    step = np.clip(plan + step, 0, len(PLANS) - 1) - plan
    factor = np.where(upgrades, generator.uniform(1.15, 1.5, count), 1.0)
    factor = np.where(downgrades, generator.uniform(0.6, 0.85, count), factor)
    applies = (upgrades | downgrades) & (moment > created + 45) & (moment < leaving - 5)
    return np.where(applies, np.floor(moment) + 0.5, np.inf), step, factor
