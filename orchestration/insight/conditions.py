"""Conditions: what `health_explanations` says of one, and what would change its answer."""

import math
import operator as operators
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from orchestration.base.dbt_project import catalogue, variables
from orchestration.base.figures import counted, rounded
from orchestration.warehouse.configuration import Configuration

COMPARE = {
    "=": operators.eq,
    "!=": operators.ne,
    ">": operators.gt,
    ">=": operators.ge,
    "<": operators.lt,
    "<=": operators.le,
}
LINEAR = "linear"  # of a score rule's two ends, which no operator compares
UNKNOWN_EFFORT = 10.0  # makes any path over numbers that are known come first


@dataclass(frozen=True)
class Condition:
    """One row of `health_explanations`, its signal's unit beside it."""

    segment_id: str
    pillar_id: str | None
    rule_set: str
    clause: str | None
    signal_id: str
    observed: str | None
    operator: str
    threshold: str
    scaled_by: str | None
    resolved_threshold: str | None
    is_met: bool | None
    gap: float | None
    unit: str = ""
    is_whole: bool = False

    @property
    def is_number(self) -> bool:
        """Whether the observed value and the threshold are known numbers."""
        return self.gap is not None and self.operator in COMPARE

    def holds_at(self, value: float) -> bool:
        assert self.resolved_threshold is not None
        return COMPARE[self.operator](round(value, 6), float(self.resolved_threshold))

    @property
    def is_linear(self) -> bool:
        """Whether it is an end of a linear score rule."""
        return self.operator == LINEAR

    def asked(self) -> str:
        """What the condition asks for: `>= 7 (0.5 x seats)`; of a linear rule `10 points at 7`."""
        limit = self.resolved_threshold if self.resolved_threshold is not None else "?"
        scale = ""
        if self.scaled_by:
            limit = as_a_person(limit, self.observed)
            scale = f" ({self.threshold} x {self.scaled_by})"
        words = f"{10 if self.rule_set == 'healthy' else 0} points at"
        return f"{words if self.is_linear else self.operator} {limit}{scale}"

    def seen(self, observed: str | None = None) -> str:
        """What was observed, or something else that was, beside the threshold."""
        observed = self.observed if observed is None else observed
        if observed is None:
            return "unknown"
        if self.gap is not None or self.scaled_by:
            observed = as_a_person(observed, self.resolved_threshold)
        return counted(observed or "none", self.unit)

    def text(self) -> str:
        """The condition in one line: `active_users_14d 5 users >= 7 (0.5 x seats)`."""
        return f"{self.signal_id} {self.seen()}, asked {self.asked()}"


def as_a_person(number: str, beside: str | None) -> str:
    """A number as published, rounded; whole numbers, and what is none, stay as they are."""
    if "." not in number:
        return number
    try:
        return rounded(float(number), *([float(beside)] if beside is not None else []))
    except ValueError:
        return number


@dataclass(frozen=True)
class Change:
    """What would have to happen to a signal, and how far that is from where it is."""

    condition: Condition
    holds: bool  # what the condition would answer
    text: str
    effort: float
    value: float | None = None  # the number that the signal would have

    @property
    def signal_id(self) -> str:
        return self.condition.signal_id


@cache
def whole_measures() -> frozenset[str]:
    """Measures whose values are whole, because they count something."""
    return frozenset(row["measure"] for row in catalogue("measures") if row["is_whole"] == "true")


def condition_of(row: Iterable[Any], configuration: Configuration) -> Condition:
    """A row of `health_explanations`, its columns in the order of Condition."""
    shown = [field.name for field in fields(Condition)]
    columns: dict[str, Any] = dict(zip(shown, row, strict=False))
    signal = columns["signal_id"]
    metric = configuration.metrics.get(signal)
    is_count = metric is not None and metric["measure"] in whole_measures()
    columns["unit"] = configuration.units.get(signal, "")
    return Condition(**columns, is_whole=is_count or signal == "account_age_days")


def change_to(condition: Condition, should_hold: bool) -> Change:
    """The least that has to change for the condition to hold, or to fail."""
    operator = (
        condition.operator
        if should_hold
        else variables()["operators"][condition.operator]["opposite"]
    )
    if not condition.is_number:
        wish = variables()["operators"][operator]["wish"]
        known = "" if condition.observed is not None else ", which is unknown"
        value = str(condition.resolved_threshold or "?").replace("|", ", ")
        effort = UNKNOWN_EFFORT if condition.observed is None else 1.0
        text = f"{condition.signal_id}{known}, to be {wish}{value}"
        return Change(condition, should_hold, text, effort)
    assert condition.observed is not None and condition.resolved_threshold is not None
    observed, limit = float(condition.observed), float(condition.resolved_threshold)
    target, is_open = nearest_value(operator, observed, limit, condition.is_whole)
    is_up = target > observed or (target == observed and operator in (">", ">=", "!="))
    return change_in_number(condition, should_hold, target, is_up, is_open, limit)


def change_in_number(
    condition: Condition, should_hold: bool, target: float, is_up: bool, is_open: bool, limit: float
) -> Change:
    """The change of a signal to a value, or beyond it where that is open.

    limit: the threshold that the change is held against.
    """
    assert condition.observed is not None
    observed = float(condition.observed)
    step = abs(target - observed)
    effort = step / max(abs(limit), abs(observed), 1.0 if condition.is_whole else 0.1)
    # Beyond an open end: the limit itself is not enough.
    beyond = target + math.copysign(1e-6, 1 if is_up else -1) if is_open else target
    if condition.is_whole:
        amount = counted(rounded(step), condition.unit, "more" if is_up else "fewer")
        text = f"{amount} ({condition.signal_id} now {as_a_person(condition.observed, None)})"
        return Change(condition, should_hold, text, effort, beyond)
    limits = f"{'more' if is_up else 'less'} than " if is_open else ""
    amount = (
        f"{rounded(step)} to {limits}{rounded(target, observed)}"
        if step
        else f"to {limits}{rounded(limit)}"
    )
    words = f"{'up' if is_up else 'down'} {'by ' if step else ''}{amount}"
    text = f"{condition.signal_id} {words} (now {condition.seen()})"
    return Change(condition, should_hold, text, effort, beyond)


def nearest_value(operator: str, observed: float, limit: float, whole: bool) -> tuple[float, bool]:
    """The value nearest to the observed one that answers yes; True where it must go beyond it."""
    if COMPARE[operator](observed, limit):
        return observed, False
    if not whole:
        return limit, operator in (">", "<", "!=")
    nearest = {
        ">=": math.ceil(limit),
        ">": math.floor(limit) + 1,
        "<=": math.floor(limit),
        "<": math.ceil(limit) - 1,
        "!=": limit + 1,
        "=": limit,
    }[operator]
    return float(nearest), False
