"""What a back-test measured, in one object, and its headline."""

from dataclasses import dataclass, field
from datetime import date

from orchestration.insight.prediction import (
    Estimate,
)
from orchestration.insight.undated_columns import UndatedRule
from orchestration.insight.warning_signs import Before
from orchestration.warehouse.configuration import Configuration

HORIZONS = (30, 60, 90)  # days ahead
RIVALS = {
    "days_since_event": "days since the last event",
    "low_mrr": "low MRR",
    "youth": "young account",
}
LIKE_AGE = "overall, at like age"
AGE_GROUPS = 5
DAYS = tuple(f"{horizon} days" for horizon in HORIZONS)

Cell = tuple[str, str, int]  # segment or "all", pillar or "overall", horizon


@dataclass(frozen=True)
class Rival:
    """Health and a rival on the same observations, and health's advantage."""

    health: Estimate
    rival: Estimate
    advantage: Estimate


@dataclass
class Results:
    """What a back-test measured. Cells with too few churned accounts hold their number instead."""

    dates: list[date]
    known_until: date
    labels: str
    accounts: int
    churned: dict[int, int]
    configurations: list[Configuration]
    aucs: dict[Cell, Estimate | int] = field(default_factory=dict)
    rivals: dict[tuple[str, int], Rival] = field(default_factory=dict)
    base_rates: dict[int, float] = field(default_factory=dict)
    lifts: dict[tuple[str, int], Estimate | None] = field(default_factory=dict)
    warnings: dict[int, Before] = field(default_factory=dict)
    calibration: list[tuple[float, float, int, list[float]]] = field(default_factory=list)
    undated: list[UndatedRule] = field(default_factory=list)
    without_undated: dict[Cell, Estimate | int] | None = None

    @property
    def verdict(self) -> str:
        """One sentence: at which horizons overall health tells more than chance."""
        found = {
            horizon: estimate
            for horizon in HORIZONS
            if isinstance(estimate := self.aucs.get(("all", "overall", horizon)), Estimate)
        }
        above = [horizon for horizon, estimate in found.items() if estimate.is_above_chance]
        if not above:
            return "Overall health foretold nothing: it tells churn no better than chance."
        at_like_age = [self.aucs.get(("all", LIKE_AGE, horizon)) for horizon in above]
        days = joined([str(horizon) for horizon in above])
        if any(isinstance(cell, Estimate) and cell.is_above_chance for cell in at_like_age):
            return f"Overall health foretold churn {days} days ahead."
        return (
            f"Overall health foretold churn {days} days ahead, but among accounts of like age no"
            " better than chance: age explains it."
        )


def joined(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1])] * (len(words) > 1) + words[-1:])
