"""Distance: the nearest way to a better state of a pillar, and the nearest danger.

Pure functions over conditions; where those come from is none of its business. "Nearest" is the
fewest changes, and among as many the smallest in relation to their thresholds.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestration.insight.conditions import Change, Condition, change_to

RANK = {"poor": 0, "average": 1, "good": 2}


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
    def has_health_rules(self) -> bool:
        return any(condition.rule_set in ("good", "poor") for condition in self.conditions)


def to_better(pillar: Pillar) -> Path | None:
    """The nearest way to a better state; None where there is none."""
    if pillar.state not in ("average", "poor"):
        return None
    if not pillar.has_health_rules:
        return by_score(pillar, upwards=True)
    leaving = [breaking(clause) for clause in pillar.clauses("poor") if holds(clause)]
    reaching = nearest(fulfilling(clause) for clause in pillar.clauses("good"))
    if pillar.state == "poor":
        is_good = reaching is not None and not reaching.changes
        return Path("good" if is_good else "average", tuple(leaving))
    return reaching


def to_worse(pillar: Pillar) -> Path | None:
    """The nearest way to a worse state; None where there is none."""
    if pillar.state not in ("good", "average"):
        return None
    if not pillar.has_health_rules:
        return by_score(pillar, upwards=False)
    poor = [fulfilling(clause, "poor") for clause in pillar.clauses("poor")]
    losing = []
    if pillar.state == "good":
        # Good is lost when none of the clauses that hold holds any longer.
        changes = tuple(breaking(clause) for clause in pillar.clauses("good") if holds(clause))
        losing = [Path("average", changes)]
    return nearest([*poor, *losing])


def holds(clause: list[Condition]) -> bool:
    return all(condition.is_met for condition in clause)


def breaking(clause: list[Condition]) -> Change:
    """The least change that makes a clause fail: one of its conditions is enough."""
    return min((change_to(c, False) for c in clause), key=lambda change: change.effort)


def fulfilling(clause: list[Condition], state: str = "good") -> Path:
    """The changes that make a clause hold: all conditions that do not."""
    return Path(state, tuple(change_to(c, True) for c in clause if not c.is_met))


def nearest(paths: Iterable[Path]) -> Path | None:
    return min(paths, key=lambda path: path.effort, default=None)


def state_of(score: float, bands: tuple[float, float]) -> str:
    good_from, poor_below = bands
    if round(score, 6) >= round(good_from, 6):
        return "good"
    return "poor" if round(score, 6) < round(poor_below, 6) else "average"


def by_score(pillar: Pillar, *, upwards: bool) -> Path | None:
    """The way over score rules: one that is enough, or the nearest ones together."""
    rules: dict[str, dict[str, Condition]] = {}
    for condition in pillar.conditions:
        rules.setdefault(condition.signal_id, {})[condition.rule_set] = condition
    points = {signal: points_of(rule) for signal, rule in rules.items()}
    steps = [
        (signal, reached, change)
        for signal, rule in rules.items()
        if points[signal] is not None
        for reached, change in next_steps(rule, points[signal] or 0, upwards=upwards)
    ]

    def state_with(changed: dict[str, float]) -> str:
        known = {signal: value for signal, value in points.items() if value is not None} | changed
        total = sum(pillar.weights.get(signal, 1) for signal in known)
        mean = sum(pillar.weights.get(s, 1) * value for s, value in known.items()) / total
        return state_of(mean, pillar.bands)

    def is_reached(state: str) -> bool:
        gain = RANK[state] - RANK[pillar.state]
        return gain > 0 if upwards else gain < 0

    paths = [
        Path(state, (change,))
        for signal, reached, change in steps
        if is_reached(state := state_with({signal: reached}))
    ]
    if paths:
        return nearest(paths)
    taken: dict[str, tuple[float, Change]] = {}
    for signal, reached, change in sorted(steps, key=lambda step: step[2].effort):
        taken[signal] = (reached, change)
        state = state_with({name: value for name, (value, _) in taken.items()})
        if is_reached(state):
            return Path(state, tuple(change for _, change in taken.values()))
    return None


def points_of(rule: dict[str, Condition]) -> float | None:
    """What a score rule gives (contract: health.md, 4)."""
    if all(condition.is_met is None for condition in rule.values()):
        return None
    if "healthy" in rule and rule["healthy"].is_met:
        return 10
    return 0 if "poor_band" in rule and rule["poor_band"].is_met else 5


def next_steps(
    rule: dict[str, Condition], points: float, *, upwards: bool
) -> list[tuple[float, Change]]:
    """The points that a score rule can give next, and the change of its signal that does it."""
    healthy, poor = rule.get("healthy"), rule.get("poor_band")
    changes = []
    if upwards and healthy is not None and points < 10:
        changes.append(change_to(healthy, True))
    if upwards and poor is not None and points == 0:
        changes.append(change_to(poor, False))
    if not upwards and healthy is not None and points == 10:
        changes.append(change_to(healthy, False))
    if not upwards and poor is not None and points > 0:
        changes.append(change_to(poor, True))
    return [
        (points_at(rule, change.value), change) for change in changes if change.value is not None
    ]


def points_at(rule: dict[str, Condition], value: float) -> float:
    if "healthy" in rule and rule["healthy"].holds_at(value):
        return 10
    return 0 if "poor_band" in rule and rule["poor_band"].holds_at(value) else 5
