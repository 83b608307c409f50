"""Warnings: what accounts that left looked like before, beside those that stayed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from orchestration.insight.states import RANKS


@dataclass(frozen=True)
class Warned:
    """Of some accounts seen in the days before a day: how many were poor, or had got worse."""

    accounts: int
    poor: int
    poor_or_declined: int

    def share(self, count: int) -> float:
        return count / self.accounts if self.accounts else np.nan


@dataclass(frozen=True)
class Before:
    """Warnings within a horizon: before leaving, and before the last date for those that stayed."""

    leavers: Warned
    stayers: Warned
    warning_days: list[int]  # of leavers that were poor on their last date: since when

    @property
    def everyone(self) -> Warned:
        """Leavers and stayers together: poor leavers mean little where everybody is poor."""
        one, other = self.leavers, self.stayers
        return Warned(
            one.accounts + other.accounts,
            one.poor + other.poor,
            one.poor_or_declined + other.poor_or_declined,
        )

    @property
    def median_warning(self) -> float:
        return float(np.median(self.warning_days)) if self.warning_days else np.nan


def warnings_before(overall: pd.DataFrame, horizon: int, known_until: date) -> Before:
    """overall: rows of pillar `overall`, in the order of their dates."""
    leavers: list[list[str]] = []
    stayers: list[list[str]] = []
    days: list[int] = []
    for _, rows in overall.groupby("account_id", sort=True):
        left = rows["leaves_on"].dropna()
        left = left[left <= known_until]
        end = min(left) if len(left) else known_until
        window = (rows["health_date"] <= end) & (
            rows["health_date"] > end - timedelta(days=horizon)
        )
        states = [state for state in rows["state"][window] if state in RANKS]
        if not states:
            continue
        (leavers if len(left) else stayers).append(states)
        if len(left):
            known = rows[rows["health_date"] <= end]
            since = poor_since(zip(known["health_date"], known["state"], strict=True))
            days += [(end - since).days] if since else []
    return Before(count(leavers), count(stayers), days)


def poor_since(states: Iterable[tuple[date, str]]) -> date | None:
    """First date of the unbroken run of poor that the states end with; None when they do not."""
    since = None
    for day, state in states:
        since = (since or day) if state == "poor" else None
    return since


def count(accounts: list[list[str]]) -> Warned:
    poor = [("poor" in states) for states in accounts]
    declined = [has_declined(states) for states in accounts]
    either = sum(one or other for one, other in zip(poor, declined, strict=True))
    return Warned(len(accounts), sum(poor), either)


def has_declined(states: list[str]) -> bool:
    """Whether a state is worse than one before it."""
    ranks = [RANKS[state] for state in states]
    return any(later < earlier for n, later in enumerate(ranks) for earlier in ranks[:n])
