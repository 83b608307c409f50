"""Distance: the nearest way to a better state of a pillar, and the nearest danger.

Pure functions over conditions; where those come from is none of its business. "Nearest" is the
fewest changes, and among as many the smallest in relation to their thresholds. Where a way leads is
worked out from all conditions, as docs/health.md has it, because a signal stands in several
of them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from orchestration.insight.conditions import Change, Condition, change_in_number, change_to
from orchestration.insight.states import RANKS


@dataclass(frozen=True)
class Path:
    """Changes that together lead to another state."""

    state: str
    changes: tuple[Change, ...]

    @property
    def effort(self) -> tuple[int, float]:
        return len(self.changes), sum(change.effort for change in self.changes)

    def text(self) -> str:
        return f"{', and '.join(change.text for change in self.changes)}: {self.state}"


@dataclass(frozen=True)
class Pillar:
    """A pillar as it is: the state calculated for it, its conditions, and how points become one."""

    state: str
    conditions: tuple[Condition, ...]
    weights: dict[str, float]  # of score rules, by signal
    bands: tuple[float, float]  # good from, poor below

    def clauses(self, rule_set: str) -> list[list[Condition]]:
        found: dict[str | None, list[Condition]] = {}
        for condition in self.conditions:
            if condition.rule_set == rule_set:
                found.setdefault(condition.clause, []).append(condition)
        return list(found.values())

    @property
    def rules(self) -> dict[str, dict[str, Condition]]:
        """Score rules by signal: their healthy and their poor condition."""
        found: dict[str, dict[str, Condition]] = {}
        for condition in self.conditions:
            if condition.rule_set in ("healthy", "poor_band"):
                found.setdefault(condition.signal_id, {})[condition.rule_set] = condition
        return found

    @property
    def has_health_rules(self) -> bool:
        return any(condition.rule_set in ("good", "poor") for condition in self.conditions)


def to_better(pillar: Pillar) -> Path | None:
    """The nearest way to a better state; None where there is none."""
    if pillar.state not in ("average", "poor"):
        return None
    if not pillar.has_health_rules:
        ways = score_ways(pillar, upwards=True)
    elif pillar.state == "poor":
        # Poor is left when none of the clauses that hold holds any longer.
        ways = [[breaking(clause) for clause in pillar.clauses("poor") if holds(clause)]]
    else:
        ways = [fulfilling(clause) for clause in pillar.clauses("good")]
    return nearest(path for path in paths(pillar, ways) if RANKS[path.state] > RANKS[pillar.state])


def to_worse(pillar: Pillar) -> Path | None:
    """The nearest way to a worse state; None where there is none."""
    if pillar.state not in ("good", "average"):
        return None
    if not pillar.has_health_rules:
        ways = score_ways(pillar, upwards=False)
    else:
        ways = [fulfilling(clause) for clause in pillar.clauses("poor")]
        ways.append([breaking(clause) for clause in pillar.clauses("good") if holds(clause)])
    return nearest(path for path in paths(pillar, ways) if RANKS[path.state] < RANKS[pillar.state])


def holds(clause: list[Condition]) -> bool:
    return all(condition.is_met for condition in clause)


def breaking(clause: list[Condition]) -> Change:
    """The least change that makes a clause fail: one of its conditions is enough."""
    return min((change_to(c, False) for c in clause), key=lambda change: change.effort)


def fulfilling(clause: list[Condition]) -> list[Change]:
    """The changes that make a clause hold: all conditions that do not."""
    return [change_to(condition, True) for condition in clause if not condition.is_met]


def nearest(candidates: Iterable[Path]) -> Path | None:
    return min(candidates, key=lambda path: path.effort, default=None)


def paths(pillar: Pillar, ways: Iterable[Iterable[Change]]) -> Iterable[Path]:
    """The ways with the states that they lead to."""
    for way in ways:
        changes = merged(way)
        yield Path(state_after(pillar, changes), changes)


def merged(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Of several changes of one signal the greatest brings the others with it."""
    greatest: dict[str, Change] = {}
    for change in changes:
        known = greatest.get(change.signal_id)
        if known is None or change.effort > known.effort:
            greatest[change.signal_id] = change
    return tuple(greatest.values())


def state_after(pillar: Pillar, changes: Iterable[Change]) -> str:
    """The pillar's state once the changes have come about (docs/health.md, "Pillar state" and
    "Pillar score")."""
    by_signal = {change.signal_id: change for change in changes}

    def is_met(condition: Condition) -> bool | None:
        change = by_signal.get(condition.signal_id)
        if change is None:
            return condition.is_met
        if change.value is not None and condition.is_number:
            return condition.holds_at(change.value)
        return change.holds if condition is change.condition else condition.is_met

    if pillar.has_health_rules:
        for state in ("poor", "good"):
            if any(all(is_met(c) for c in clause) for clause in pillar.clauses(state)):
                return state
        return "average"
    points: dict[str, float | None] = {}
    for signal, rule in pillar.rules.items():
        if is_linear(rule):
            change = by_signal.get(signal)
            points[signal] = linear_points(rule, change.value if change else None)
        else:
            points[signal] = points_of({name: is_met(one) for name, one in rule.items()})
    score = score_of(pillar, points)
    return "average" if score is None else state_of(score, pillar.bands)


def score_of(pillar: Pillar, points: dict[str, float | None]) -> float | None:
    """The weighted mean of what the score rules give; None where none gives anything."""
    known = {signal: value for signal, value in points.items() if value is not None}
    if not known:
        return None
    weight = sum(pillar.weights.get(signal, 1) for signal in known)
    return sum(pillar.weights.get(signal, 1) * value for signal, value in known.items()) / weight


def is_linear(rule: dict[str, Condition]) -> bool:
    return any(condition.is_linear for condition in rule.values())


def ends_of(rule: dict[str, Condition]) -> tuple[float, float]:
    """Where a linear rule gives 0 and where 10."""
    poor, healthy = rule["poor_band"].resolved_threshold, rule["healthy"].resolved_threshold
    assert poor is not None and healthy is not None
    return float(poor), float(healthy)


def linear_points(rule: dict[str, Condition], value: float | None = None) -> float | None:
    """What a linear rule gives for the value observed, or for another one."""
    healthy = rule["healthy"]
    if healthy.is_met is None or healthy.observed is None:
        return None
    poor, good = ends_of(rule)
    observed = float(healthy.observed) if value is None else round(value, 6)
    return 10 * min(max((observed - poor) / (good - poor), 0), 1)


def points_of(answers: dict[str, bool | None]) -> float | None:
    """What a score rule gives when its conditions answer so."""
    if all(answer is None for answer in answers.values()):
        return None
    if answers.get("healthy"):
        return 10
    return 0 if answers.get("poor_band") else 5


def state_of(score: float, bands: tuple[float, float]) -> str:
    good_from, poor_below = bands
    if round(score, 6) >= round(good_from, 6):
        return "good"
    return "poor" if round(score, 6) < round(poor_below, 6) else "average"


def score_ways(pillar: Pillar, *, upwards: bool) -> list[list[Change]]:
    """Each step of one score rule alone, then the nearest ones together, one more at a time."""
    steps = sorted(
        (
            change
            for rule in pillar.rules.values()
            for change in next_steps(pillar, rule, upwards=upwards)
            if change.value is not None
        ),
        key=lambda change: change.effort,
    )
    return [[step] for step in steps] + [steps[:count] for count in range(2, len(steps) + 1)]


def next_steps(pillar: Pillar, rule: dict[str, Condition], *, upwards: bool) -> list[Change]:
    """The changes of a score rule's signal that give it more, or fewer, points."""
    if is_linear(rule):
        return linear_steps(pillar, rule, upwards=upwards)
    points = points_of({name: condition.is_met for name, condition in rule.items()})
    healthy, poor = rule.get("healthy"), rule.get("poor_band")
    if points is None:
        return []
    changes = []
    if upwards and healthy is not None and points < 10:
        changes.append(change_to(healthy, True))
    if upwards and poor is not None and points == 0:
        changes.append(change_to(poor, False))
    if not upwards and healthy is not None and points == 10:
        changes.append(change_to(healthy, False))
    if not upwards and poor is not None and points > 0:
        changes.append(change_to(poor, True))
    return changes


def linear_steps(pillar: Pillar, rule: dict[str, Condition], *, upwards: bool) -> list[Change]:
    """The change of a linear rule's signal that alone leads to the next state, or to the rule's end
    where none does."""
    points = linear_points(rule)
    if points is None or points == (10 if upwards else 0):
        return []
    now = {
        signal: linear_points(other)
        if is_linear(other)
        else points_of({name: condition.is_met for name, condition in other.items()})
        for signal, other in pillar.rules.items()
    }
    score = score_of(pillar, now)
    assert score is not None
    healthy = rule["healthy"]
    good_from, poor_below = pillar.bands
    goal = poor_below if pillar.state == ("poor" if upwards else "average") else good_from
    if not upwards:
        goal -= 1e-6  # The next score that is below: scores are compared so.
    weight = sum(
        pillar.weights.get(signal, 1) for signal, given in now.items() if given is not None
    )
    wanted = points + (goal - score) * weight / pillar.weights.get(healthy.signal_id, 1)
    poor, good = ends_of(rule)
    target = poor + min(max(wanted, 0), 10) / 10 * (good - poor)
    is_up = upwards == (good > poor)
    # Not short of it: by whole units, or by the decimals that are compared.
    units, noise = (1, 9) if healthy.is_whole else (10**6, 3)
    counted = round(target * units, noise)
    target = (math.ceil(counted) if is_up else math.floor(counted)) / units
    return [change_in_number(healthy, upwards, target, is_up, False, target)]
