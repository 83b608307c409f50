"""Flapping rules: conditions that made states go back and forth, and thresholds that fewer cross.

From the conditions that flipped with each change (`health_changes.flipped_conditions`): one is
behind a flap when it flipped as the state was left, and flipped back as the state was back.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestration.base.figures import plural, rounded
from orchestration.insight.conditions import COMPARE

MANY = 5  # flaps of a condition from which on a threshold is named
MOST = 0.8  # share of them that it has to avoid
BESIDE = 1e-6
NAMED_BY = ("pillar_id", "rule_set", "clause", "signal_id", "operator", "threshold")

Place = tuple[str, str]  # account, pillar or "overall"
Flipped = dict[str, str | bool | None]


@dataclass
class FlappingRule:
    """A condition of a segment, with whose flaps it made, and what was observed.

    extremes: of each flap the least and the greatest value on the dates before and on both changes.
    """

    segment_id: str | None
    pillar_id: str
    rule_set: str
    clause: str | None
    signal_id: str
    operator: str
    threshold: str
    flaps: Counter[Place] = field(default_factory=Counter)
    extremes: list[tuple[float, float]] = field(default_factory=list)

    @property
    def text(self) -> str:
        place = " ".join(word for word in (self.pillar_id, self.rule_set, self.clause) if word)
        return f"{place}: {self.signal_id} {self.operator} {self.threshold}"

    @property
    def overall_flaps(self) -> int:
        return sum(count for (_, pillar), count in self.flaps.items() if pillar == "overall")

    @property
    def pillar_flaps(self) -> int:
        return self.flaps.total() - self.overall_flaps

    @property
    def accounts(self) -> set[str]:
        return {account for account, _ in self.flaps}

    def flaps_at(self, place: Place) -> int:
        return self.flaps[place]

    @property
    def hint(self) -> str:
        """The nearest threshold that most of these flaps would not have crossed, if any."""
        if len(self.extremes) < MANY or self.operator not in (">", ">=", "<", "<="):
            return ""
        enough = math.ceil(MOST * len(self.extremes))
        least = sorted((low for low, _ in self.extremes), reverse=True)[enough - 1]
        greatest = sorted(high for _, high in self.extremes)[enough - 1]
        # On the value itself where the operator keeps it on its side, else just beside it.
        below = (least, least if self.operator in (">=", "<") else least - BESIDE)
        above = (greatest, greatest if self.operator in (">", "<=") else greatest + BESIDE)
        value, threshold = min(below, above, key=lambda one: abs(one[0] - float(self.threshold)))
        holds = COMPARE[self.operator]
        crossed = sum(
            holds(low, threshold) is not holds(high, threshold) for low, high in self.extremes
        )
        beside = {threshold < value: "below ", threshold > value: "above "}.get(True, "")
        return f"{beside}{rounded(value)}: {crossed} of {plural(len(self.extremes), 'flap')}"


def flapping_rules(
    flaps: Iterable[tuple[str, str, str | None, str, str]],
) -> list[FlappingRule]:
    """The rules behind flaps: account, pillar, segment, JSON of what flipped there, and back."""
    found: dict[tuple, FlappingRule] = {}
    for account, pillar, segment, there, back in flaps:
        flipped_back = {named(one): one for one in json.loads(back)}
        for one in json.loads(there):
            key = named(one)
            other = flipped_back.get(key)
            if other is None or (one["was_met"], one["is_met"]) != (
                other["is_met"],
                other["was_met"],
            ):
                continue
            rule = found.setdefault((segment, *key), FlappingRule(segment, *key))
            rule.flaps[account, pillar] += 1
            values = observed_values(rule, (one, other))
            # The overall goes with its pillars: the same values would count twice.
            if values and pillar != "overall":
                rule.extremes.append((min(values), max(values)))
    return sorted(found.values(), key=lambda rule: (-rule.flaps.total(), rule.text))


def named(flipped: Flipped) -> tuple:
    return tuple(flipped[name] for name in NAMED_BY)


def observed_values(rule: FlappingRule, flips: Iterable[Flipped]) -> list[float]:
    """The numbers observed before and on both flips.

    None where they do not answer to the threshold as it stands: it is scaled, or one is missing.
    """
    values: list[float] = []
    for flip in flips:
        for observed, met in (("observed_before", "was_met"), ("observed", "is_met")):
            try:
                value, threshold = float(str(flip[observed])), float(rule.threshold)
            except ValueError:
                return []
            holds = COMPARE.get(rule.operator)
            if holds is None or holds(round(value, 6), threshold) is not flip[met]:
                return []
            values.append(value)
    return values
