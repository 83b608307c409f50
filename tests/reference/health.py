"""How a state and a score come about, in the order of the contract's six steps.

`account_health` gives everything for one account in scope on one health date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .conditions import Answer, clauses_hold, evaluate
from .configuration import Configuration, PillarWeight, ScoreRule, Segment
from .facts import Facts, is_before
from .row_rules import Record
from .signals import SignalValue, signal_types
from .sources import SourceStatus, is_fit
from .values import rounded

NOT_CALCULATED = "not_calculated"
STATE_SCORES = {"good": 10.0, "average": 5.0, "poor": 0.0}


@dataclass
class Judgement:
    """A state of a pillar or of the overall, before and after overrides; scores are 0 to 10."""

    pillar_id: str
    calculated_state: str
    score: float | None
    reason: str | None
    state: str = ""
    is_overridden: bool = False
    score_low: float | None = None
    score_high: float | None = None
    is_certain: bool | None = None


@dataclass
class PillarHealth(Judgement):
    good_matched: bool | None = None
    poor_matched: bool | None = None
    unknown_conditions: int = 0


@dataclass
class AccountHealth:
    """memberships: True or None (unknown) by segment id; coverage: a share of 0 to 1."""

    memberships: dict[str, bool | None]
    chosen: Segment | None
    pillars: list[PillarHealth]
    overall: Judgement
    coverage: float
    answers: list[Answer]


@dataclass
class PillarRules:
    """What the chosen segment configures for one pillar, answered for the account."""

    good: list[Answer] = field(default_factory=list)
    poor: list[Answer] = field(default_factory=list)
    bands: list[tuple[ScoreRule, list[Answer]]] = field(default_factory=list)

    @property
    def has_health_rules(self) -> bool:
        return bool(self.good or self.poor)

    @property
    def has_score_rules(self) -> bool:
        return bool(self.bands)

    @property
    def score_answers(self) -> list[Answer]:
        return [answer for _, answers in self.bands for answer in answers]

    @property
    def answers(self) -> list[Answer]:
        return self.good + self.poor + self.score_answers

    @property
    def has_no_data(self) -> bool:
        """All conditions of its health rules, or where it has none its score rules, unknown."""
        deciding = self.good + self.poor if self.has_health_rules else self.score_answers
        return all(answer.is_met is None for answer in deciding)


def account_health(
    facts: Facts,
    values: Mapping[str, SignalValue],
    configuration: Configuration,
    statuses: Mapping[str, SourceStatus],
) -> AccountHealth:
    """Everything that the account's signals on D mean for its health."""
    types = signal_types(configuration)
    segment_answers = [evaluate(rule, values, types) for rule in configuration.segment_rules]
    memberships = _memberships(configuration, segment_answers)
    chosen = _chosen_segment(configuration, memberships)
    rules = {
        pillar.pillar_id: _pillar_rules(configuration, chosen, pillar.pillar_id, values)
        for pillar in configuration.pillars
    }
    pillars = [
        _pillar_health(facts, configuration, chosen, pillar_id, pillar_rules, statuses)
        for pillar_id, pillar_rules in rules.items()
    ]
    overall, coverage = _overall(facts, configuration, chosen, rules, pillars)
    if chosen is not None and not _is_created_today(facts):
        for pillar in pillars:
            _set_ends_of_pillar(pillar, chosen, rules[pillar.pillar_id])
        _set_ends_of_overall(
            overall, chosen, _weights(configuration, chosen, rules), rules, pillars
        )
    for judgement in (*pillars, overall):
        _apply_override(facts, judgement)
    pillar_answers = [answer for answered in rules.values() for answer in answered.answers]
    return AccountHealth(
        memberships, chosen, pillars, overall, coverage, segment_answers + pillar_answers
    )


# 1. Segment


def _memberships(configuration: Configuration, answers: Sequence[Answer]) -> dict[str, bool | None]:
    """The segments that the account is a member of (True) or may be (None)."""
    memberships: dict[str, bool | None] = {}
    for segment in configuration.segments:
        # No rules: no clause holds, and so no members.
        holds = clauses_hold(
            answer for answer in answers if answer.condition.segment_id == segment.segment_id
        )
        if segment.is_default:
            holds = True
        if holds is not False:
            memberships[segment.segment_id] = holds
    return memberships


def _chosen_segment(
    configuration: Configuration, memberships: Mapping[str, bool | None]
) -> Segment | None:
    """Of the segments with a health configuration, the member's one of smallest priority."""
    configured = {rule.segment_id for rule in configuration.health_rules} | {
        rule.segment_id for rule in configuration.score_rules
    }
    candidates = [
        segment
        for segment in configuration.segments
        if memberships.get(segment.segment_id, False) is True and segment.segment_id in configured
    ]
    return min(candidates, key=lambda segment: segment.priority, default=None)


# 2. Not calculated


def _pillar_rules(
    configuration: Configuration,
    chosen: Segment | None,
    pillar_id: str,
    values: Mapping[str, SignalValue],
) -> PillarRules:
    types = signal_types(configuration)
    rules = PillarRules()
    if chosen is None:
        return rules
    place = (chosen.segment_id, pillar_id)
    for condition in configuration.health_rules:
        if (condition.segment_id, condition.pillar_id) == place:
            answers = rules.good if condition.rule_set == "good" else rules.poor
            answers.append(evaluate(condition, values, types))
    for rule in configuration.score_rules:
        if (rule.segment_id, rule.pillar_id) == place:
            answers = [evaluate(condition, values, types) for condition in rule.conditions]
            rules.bands.append((rule, answers))
    return rules


def _pillar_health(
    facts: Facts,
    configuration: Configuration,
    chosen: Segment | None,
    pillar_id: str,
    rules: PillarRules,
    statuses: Mapping[str, SourceStatus],
) -> PillarHealth:
    # A linear rule is one condition, told as two.
    unknown_conditions = sum(
        answer.is_met is None
        for answer in rules.answers
        if answer.condition.ends is None or answer.condition.rule_set == "healthy"
    )
    reason = _reason_not_calculated(facts, configuration, chosen, pillar_id, rules, statuses)
    if chosen is None or reason is not None:
        return PillarHealth(
            pillar_id, NOT_CALCULATED, None, reason, unknown_conditions=unknown_conditions
        )
    state, score = _state_and_score(chosen, rules)
    return PillarHealth(
        pillar_id,
        state,
        score,
        None,
        good_matched=clauses_hold(rules.good) if rules.has_health_rules else None,
        poor_matched=clauses_hold(rules.poor) if rules.has_health_rules else None,
        unknown_conditions=unknown_conditions,
    )


def _reason_not_calculated(
    facts: Facts,
    configuration: Configuration,
    chosen: Segment | None,
    pillar_id: str,
    rules: PillarRules,
    statuses: Mapping[str, SourceStatus],
) -> str | None:
    """The first reason that applies."""
    if _is_created_today(facts):
        return "created_today"
    if chosen is None:
        return "no_segment"
    if not (rules.has_health_rules or rules.has_score_rules):
        return "pillar_not_configured"
    if not is_fit(pillar_id, configuration, statuses):
        return "source_unavailable"
    when_no_data = next(
        pillar.when_no_data for pillar in configuration.pillars if pillar.pillar_id == pillar_id
    )
    if rules.has_no_data and when_no_data == NOT_CALCULATED:
        return "no_data"
    return None


def _is_created_today(facts: Facts) -> bool:
    return facts.account.created_at >= facts.day_start


# 3. Pillar state and 4. pillar score


def _state_and_score(segment: Segment, rules: PillarRules) -> tuple[str, float | None]:
    score = _weighted_score(rules.bands) if rules.has_score_rules else None
    if not rules.has_health_rules:
        return ("average" if score is None else _banded(score, segment), score)
    if clauses_hold(rules.poor) is True:
        state = "poor"
    elif clauses_hold(rules.good) is True:
        state = "good"
    else:
        state = "average"
    if not rules.has_score_rules and not rules.has_no_data:
        score = STATE_SCORES[state]
    return state, score


def _weighted_score(bands: Sequence[tuple[ScoreRule, list[Answer]]]) -> float | None:
    given = [(rule.weight, _points(rule, answers)) for rule, answers in bands]
    return _weighted_mean([(weight, points) for weight, points in given if points is not None])


def _points(rule: ScoreRule, answers: Sequence[Answer]) -> float | None:
    """10 for healthy, 0 for poor, 5 for neither, nothing when all is unknown."""
    met = {answer.condition.rule_set: answer.is_met for answer in answers}
    if all(is_met is None for is_met in met.values()):
        return None
    if rule.is_linear:
        return answers[0].points
    if met.get("healthy") is True:
        return 10.0
    return 0.0 if met.get("poor_band") is True else 5.0


def _weighted_mean(weighted: Sequence[tuple[float, float]]) -> float | None:
    """The mean of the second numbers weighted by the first ones; None without any."""
    if not weighted:
        return None
    return sum(weight * score for weight, score in weighted) / sum(weight for weight, _ in weighted)


def _banded(score: float, segment: Segment) -> str:
    if rounded(score) >= rounded(segment.good_from):
        return "good"
    return "poor" if rounded(score) < rounded(segment.poor_below) else "average"


# 5. Overall score


def _overall(
    facts: Facts,
    configuration: Configuration,
    chosen: Segment | None,
    rules: Mapping[str, PillarRules],
    pillars: Sequence[PillarHealth],
) -> tuple[Judgement, float]:
    """The overall judgement and its coverage."""
    if _is_created_today(facts):
        return Judgement("overall", NOT_CALCULATED, None, "created_today"), 0.0
    if chosen is None:
        return Judgement("overall", NOT_CALCULATED, None, "no_segment"), 0.0
    weights = _weights(configuration, chosen, rules)
    by_id = {pillar.pillar_id: pillar for pillar in pillars}
    scored = [
        (weight.weight, by_id[weight.pillar_id].score)
        for weight in weights
        if by_id[weight.pillar_id].score is not None
    ]
    score = _weighted_mean(scored)
    if score is None:
        return Judgement("overall", NOT_CALCULATED, None, "no_pillar_calculated"), 0.0
    caps = [
        weight.cap_when_poor
        for weight in weights
        if weight.cap_when_poor is not None and by_id[weight.pillar_id].calculated_state == "poor"
    ]
    score = min([score, *caps])
    coverage = sum(weight for weight, _ in scored) / sum(weight.weight for weight in weights)
    return Judgement("overall", _banded(score, chosen), score, None), coverage


def _weights(
    configuration: Configuration, chosen: Segment, rules: Mapping[str, PillarRules]
) -> list[PillarWeight]:
    """The segment's own weights, or the same weight for each pillar that it configures."""
    own = [
        weight for weight in configuration.pillar_weights if weight.segment_id == chosen.segment_id
    ]
    return own or [
        PillarWeight(chosen.segment_id, pillar_id, 1.0, None)
        for pillar_id, pillar_rules in rules.items()
        if pillar_rules.has_health_rules or pillar_rules.has_score_rules
    ]


# 7. What is not known


def _set_ends_of_pillar(pillar: PillarHealth, segment: Segment, rules: PillarRules) -> None:
    """The scores that what is unknown could still lead to, and whether the state is certain."""
    if not (rules.has_health_rules or rules.has_score_rules):
        return
    if pillar.reason is not None or pillar.score is None:
        pillar.score_low, pillar.score_high = 0.0, 10.0
    elif rules.has_score_rules:
        ends = [(rule.weight, _ends_of_rule(rule, answers)) for rule, answers in rules.bands]
        pillar.score_low = _weighted_mean([(weight, low) for weight, (low, _) in ends])
        pillar.score_high = _weighted_mean([(weight, high) for weight, (_, high) in ends])
    else:
        pillar.score_low, pillar.score_high = _ends_of_health_rules(rules)
    if pillar.reason is not None:
        pillar.is_certain = False
    elif rules.has_health_rules:
        good, poor = clauses_hold(rules.good), clauses_hold(rules.poor)
        pillar.is_certain = poor is True or None not in (good, poor)
    else:
        pillar.is_certain = _is_in_band(pillar, segment)


def _ends_of_rule(rule: ScoreRule, answers: Sequence[Answer]) -> tuple[float, float]:
    """The least and the greatest points that a score rule could give."""
    points = _points(rule, answers)
    if points is None:
        return 0.0, 10.0
    if rule.is_linear:
        return points, points
    met = {answer.condition.rule_set: answer.is_met for answer in answers}
    healthy, poor = met.get("healthy", False), met.get("poor_band", False)
    possible = []
    if healthy is not False:
        possible.append(10.0)
    if poor is not False and healthy is not True:
        possible.append(0.0)
    if healthy is not True and poor is not True:
        possible.append(5.0)
    return min(possible), max(possible)


def _ends_of_health_rules(rules: PillarRules) -> tuple[float, float]:
    good, poor = clauses_hold(rules.good), clauses_hold(rules.poor)
    low = 0.0 if poor is not False else 10.0 if good is True else 5.0
    high = 0.0 if poor is True else 10.0 if good is not False else 5.0
    return low, high


def _is_in_band(judgement: Judgement, segment: Segment) -> bool:
    """Whether both ends lie in the band of the calculated state."""
    bands = {_banded(judgement.score_low, segment), _banded(judgement.score_high, segment)}
    return bands == {judgement.calculated_state}


def _set_ends_of_overall(
    overall: Judgement,
    segment: Segment,
    weights: Sequence[PillarWeight],
    rules: Mapping[str, PillarRules],
    pillars: Sequence[PillarHealth],
) -> None:
    """The weighted means of the pillars' ends, capped by what may be poor and what surely is."""
    by_id = {pillar.pillar_id: pillar for pillar in pillars}
    configured = [
        (weight, by_id[weight.pillar_id])
        for weight in weights
        if by_id[weight.pillar_id].score_low is not None
    ]
    if not configured:
        return
    low = _weighted_mean([(weight.weight, pillar.score_low) for weight, pillar in configured])
    high = _weighted_mean([(weight.weight, pillar.score_high) for weight, pillar in configured])
    capping = [(weight.cap_when_poor, pillar) for weight, pillar in configured]
    caps = [(cap, pillar, rules[pillar.pillar_id]) for cap, pillar in capping if cap is not None]
    overall.score_low = min([low, *(c for c, *one in caps if _could_be_poor(*one, segment))])
    overall.score_high = min([high, *(c for c, *one in caps if _is_surely_poor(*one, segment))])
    is_calculated = overall.calculated_state != NOT_CALCULATED
    overall.is_certain = is_calculated and _is_in_band(overall, segment)


def _could_be_poor(pillar: PillarHealth, rules: PillarRules, segment: Segment) -> bool:
    if pillar.reason is not None:
        return True
    if rules.has_health_rules:
        return clauses_hold(rules.poor) is not False
    return rounded(pillar.score_low) < rounded(segment.poor_below)


def _is_surely_poor(pillar: PillarHealth, rules: PillarRules, segment: Segment) -> bool:
    if pillar.reason is not None:
        return False
    if rules.has_health_rules:
        return clauses_hold(rules.poor) is True
    return rounded(pillar.score_high) < rounded(segment.poor_below)


# 6. Override


def _apply_override(facts: Facts, judgement: Judgement) -> None:
    """Replace the state by the latest override that is in force on D."""

    def order(override: Record) -> tuple[object, str]:
        return (override.created_at, override.override_id)

    in_force = [
        override
        for override in facts.records("health_overrides")
        if override.pillar_id == judgement.pillar_id
        and not is_before(override.expires_at, facts.day_start)
    ]
    latest = max(in_force, key=order, default=None)
    judgement.is_overridden = latest is not None
    judgement.state = judgement.calculated_state if latest is None else latest.state
