"""Why a state is what it is, in words (docs/published_tables.md, "The main reason")."""

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from .calculated import Calculated
from .conditions import LIST_OPERATORS, Answer
from .configuration import Configuration, list_values
from .facts import is_before
from .health import Judgement, PillarHealth
from .signals import signal_types
from .sources import SourceStatus
from .values import number_text, read_number, rounded

NOT_CALCULATED_BECAUSE = {
    "created_today": "The account is new on this date",
    "no_segment": "No segment applies",
    "pillar_not_configured": "The segment has no rules for it",
    "no_data": "Nothing is known that its rules ask for",
    "no_pillar_calculated": "No pillar has a score",
}
COMPARISONS = {
    ">": "more than ",
    ">=": "at least ",
    "<": "less than ",
    "<=": "at most ",
    "!=": "other than ",
    "in": "one of ",
    "not_in": "none of ",
}

Statuses = Mapping[str, SourceStatus]


def main_reason(
    one: Calculated, judgement: Judgement, configuration: Configuration, reporting_currency: str
) -> str:
    """What `main_reason` says of a pillar or of the overall."""
    if judgement.is_overridden:
        words = f"Override to {judgement.state.replace('_', ' ')}"
        reason = _override_reason(one, judgement.pillar_id)
        return words if reason is None else f"{words}: {reason}"
    teller = _Teller(one, configuration, reporting_currency)
    if isinstance(judgement, PillarHealth):
        return teller.of_pillar(judgement)
    return teller.of_overall(judgement)


def _override_reason(one: Calculated, pillar_id: str) -> str | None:
    in_force = [
        override
        for override in one.facts.records("health_overrides")
        if override.pillar_id == pillar_id
        and not is_before(override.expires_at, one.facts.day_start)
    ]
    return max(in_force, key=lambda each: (each.created_at, each.override_id)).reason


class _Teller:
    """Says in words what was calculated, whatever overrides say."""

    def __init__(
        self, one: Calculated, configuration: Configuration, reporting_currency: str
    ) -> None:
        self._one = one
        self._configuration = configuration
        self._currency = reporting_currency
        self._types = signal_types(configuration)

    # The overall

    def of_overall(self, overall: Judgement) -> str:
        if overall.reason is not None:
            return NOT_CALCULATED_BECAUSE[overall.reason]
        weights = {
            weight.pillar_id: weight
            for weight in self._configuration.pillar_weights
            if weight.segment_id == self._one.segment_id
        }
        pillars = [
            pillar
            for pillar in self._one.health.pillars
            if (pillar.pillar_id in weights if weights else self._answers(pillar.pillar_id))
        ]
        scored = [pillar for pillar in pillars if pillar.score is not None]
        weight = {id_: each.weight for id_, each in weights.items()}
        total = sum(weight.get(pillar.pillar_id, 1.0) for pillar in scored)
        uncapped = (
            sum(weight.get(pillar.pillar_id, 1.0) * pillar.score for pillar in scored) / total
        )
        caps = {
            pillar.pillar_id: weights[pillar.pillar_id].cap_when_poor
            for pillar in pillars
            if pillar.pillar_id in weights
            and pillar.calculated_state == "poor"
            and weights[pillar.pillar_id].cap_when_poor is not None
            and rounded(weights[pillar.pillar_id].cap_when_poor) < rounded(uncapped)
        }

        def cost(pillar: PillarHealth) -> float:
            return rounded((10 - pillar.score) * weight.get(pillar.pillar_id, 1.0))

        def place(pillar: PillarHealth) -> tuple[float, str]:
            order = {each.pillar_id: each.display_order for each in self._configuration.pillars}
            return (order[pillar.pillar_id], pillar.pillar_id)

        def cost_if_known(pillar: PillarHealth) -> float:
            return float("inf") if pillar.score is None else -cost(pillar)

        if caps:
            capping = min(
                (pillar for pillar in pillars if pillar.pillar_id in caps),
                key=lambda each: (caps[each.pillar_id], cost_if_known(each), *place(each)),
            )
            cap = _short(caps[capping.pillar_id])
            return (
                f"{self._pillar_name(capping.pillar_id)} is poor, which caps the score at {cap}: "
                f"{self.of_pillar(capping)}"
            )
        costly = min(scored, key=lambda each: (-cost(each), *place(each)))
        if cost(costly) <= 0:
            return "No pillar costs points"
        return (
            f"{self._pillar_name(costly.pillar_id)} is {costly.calculated_state} with "
            f"{_short(costly.score)} of 10 points: {self.of_pillar(costly)}"
        )

    def _pillar_name(self, pillar_id: str) -> str:
        return self._configuration.pillar_names[pillar_id]

    # A pillar

    def of_pillar(self, pillar: PillarHealth) -> str:
        if pillar.reason == "source_unavailable":
            return self._sources(pillar.pillar_id)
        if pillar.reason is not None:
            return NOT_CALCULATED_BECAUSE[pillar.reason]
        answers = self._answers(pillar.pillar_id)
        if any(answer.condition.rule_set in ("good", "poor") for answer in answers):
            return self._clause(pillar, answers)
        return self._rule(answers)

    def _answers(self, pillar_id: str) -> list[Answer]:
        return [
            answer for answer in self._one.health.answers if answer.condition.pillar_id == pillar_id
        ]

    def _sources(self, pillar_id: str) -> str:
        needed = {
            table for pillar, table in self._configuration.pillar_sources if pillar == pillar_id
        }
        unusable = [
            f"{table} ({self._one.statuses[table].status})"
            for table in sorted(needed)
            if self._one.statuses[table].status != "ok"
        ]
        return f"Sources that cannot be used: {', '.join(unusable)}"

    # Clauses

    def _clause(self, pillar: PillarHealth, answers: Sequence[Answer]) -> str:
        rule_set = "poor" if pillar.calculated_state == "poor" else "good"
        clauses: dict[str, list[Answer]] = {}
        for answer in answers:
            if answer.condition.rule_set == rule_set:
                clauses.setdefault(answer.condition.clause or "", []).append(answer)
        if not clauses:
            known = (
                "It is not poor" if pillar.poor_matched is False else "It is not known to be poor"
            )
            return f"{known}, and no rule says what is good"
        clause = min(clauses, key=lambda name: (*self._distance(clauses[name]), name))
        told = sorted(
            {answer.condition: answer for answer in clauses[clause]}.values(),
            key=lambda answer: (
                answer.is_met is True,
                answer.condition.signal_id,
                answer.condition.operator,
                answer.threshold,
                answer.condition.scaled_by or "",
            ),
        )
        return "; ".join(self._condition(answer) for answer in told)

    def _distance(self, clause: Sequence[Answer]) -> tuple[int, int, float]:
        lacking = {answer.condition: answer for answer in clause if answer.is_met is not True}
        unknown = sum(answer.is_met is None for answer in lacking.values())
        return (
            len(lacking),
            unknown,
            max((self._relative_gap(answer) for answer in lacking.values()), default=0.0),
        )

    def _relative_gap(self, answer: Answer) -> float:
        if answer.gap is None:
            return 1.0
        threshold = abs(read_number(answer.resolved_threshold))
        return rounded(abs(answer.gap) / (threshold or 1.0))

    def _condition(self, answer: Answer) -> str:
        words = f"{self._name(answer.condition.signal_id)}: {self._observed(answer)}"
        asked = self._asked(answer)
        if answer.is_met is not True:
            return f"{words} (good needs {asked})"
        repeats = answer.condition.operator == "=" and self._type(answer) != "tags"
        return words if repeats else f"{words} ({asked})"

    # Score rules

    def _rule(self, answers: Sequence[Answer]) -> str:
        rules: dict[str, list[Answer]] = {}
        for answer in answers:
            rules.setdefault(answer.condition.signal_id, []).append(answer)
        weights = {
            rule.conditions[0].signal_id: rule.weight
            for rule in self._configuration.score_rules
            if (rule.segment_id, rule.pillar_id)
            == (answers[0].condition.segment_id, answers[0].condition.pillar_id)
        }
        points = {signal_id: self._points(rule) for signal_id, rule in rules.items()}
        if all(given is None for given in points.values()):
            return "Nothing is known that its rules ask for"
        costs = {
            signal_id: rounded((10 - given) * weights[signal_id])
            for signal_id, given in points.items()
            if given is not None and rounded(given) < 10
        }
        if not costs:
            return "No rule costs points"
        costly = min(costs, key=lambda signal_id: (-costs[signal_id], signal_id))
        return self._points_in_words(costly, points[costly], rules[costly])

    def _points(self, rule: Sequence[Answer]) -> float | None:
        by_band = {answer.condition.rule_set: answer for answer in rule}
        if all(answer.is_met is None for answer in rule):
            return None
        if rule[0].condition.operator == "linear":
            value = rounded(float(self._one.signals[rule[0].condition.signal_id]))
            healthy, poor = (
                read_number(by_band[band].resolved_threshold) for band in ("healthy", "poor_band")
            )
            return min(10.0, max(0.0, 10 * (value - poor) / (healthy - poor)))
        if "healthy" in by_band and by_band["healthy"].is_met:
            return 10.0
        return 0.0 if "poor_band" in by_band and by_band["poor_band"].is_met else 5.0

    def _points_in_words(self, signal_id: str, points: float, rule: Sequence[Answer]) -> str:
        by_band = {
            answer.condition.rule_set.removesuffix("_band"): answer
            for answer in sorted(rule, key=lambda answer: answer.condition.rule_set)
        }
        if rule[0].condition.operator == "linear":
            told = ["healthy", "poor"]
        else:
            told = [name for name in (["poor"] if points == 0 else ["healthy"]) if name in by_band]
        order = ("poor", "healthy") if points == 0 else ("healthy", "poor")
        nearest = next(by_band[band] for band in order if band in by_band)
        given = f"gives {_short(points)} of 10 points"
        words = f"{self._name(signal_id)}: {self._observed(nearest)} {given}"
        bands = ", ".join(f"{name}: {self._asked(by_band[name])}" for name in told)
        return f"{words} ({bands})" if bands else words

    # Words of a condition

    def _type(self, answer: Answer) -> str:
        return self._types[answer.condition.signal_id]

    def _name(self, signal_id: str) -> str:
        return self._configuration.signal_names.get(signal_id) or signal_id.replace("_", " ")

    def _unit(self, answer: Answer) -> str | None:
        return self._configuration.signal_units.get(answer.condition.signal_id)

    def _figures(self, answer: Answer) -> tuple[str | None, str | None]:
        """The observed number and the threshold, which keep all decimals where they read alike."""
        unit = self._unit(answer)
        value = self._one.signals[answer.condition.signal_id]
        numbers = [
            None if value is None else rounded(float(value)),
            None
            if answer.resolved_threshold is None or answer.condition.operator in LIST_OPERATORS
            else read_number(answer.resolved_threshold),
        ]
        short = [None if number is None else _figure(number, unit, False) for number in numbers]
        if short[0] != short[1]:
            return short[0], short[1]
        observed, threshold = (
            None if number is None else _figure(number, unit, True) for number in numbers
        )
        return observed, threshold

    def _observed(self, answer: Answer) -> str:
        if answer.observed is None:
            return "unknown"
        if self._type(answer) != "number":
            return answer.observed.replace("|", ", ") or "none"
        figure, _ = self._figures(answer)
        return f"{figure} {self._spoken_unit(figure, self._unit(answer))}".strip()

    def _spoken_unit(self, figure: str | None, unit: str | None) -> str:
        if unit is None or unit == "ratio" or unit.startswith("score"):
            return ""
        unit = unit.replace("currency", self._currency).strip()
        return re.sub(r"^(\S*[^\ssiu])s( |$)", r"\1\2", unit) if figure in ("1", "-1") else unit

    def _asked(self, answer: Answer) -> str:
        operator = answer.condition.operator
        if self._type(answer) == "tags":
            operator = {"=": "in", "!=": "not_in"}.get(operator, operator)
        return COMPARISONS.get(operator, "") + self._threshold(answer)

    def _threshold(self, answer: Answer) -> str:
        condition = answer.condition
        if condition.operator in LIST_OPERATORS:
            return ", ".join(sorted(set(list_values(condition.threshold))))
        if self._type(answer) != "number":
            return condition.threshold.replace("|", ", ")
        if answer.resolved_threshold is None:
            return f"{answer.threshold} times {self._name(condition.scaled_by)}, which is unknown"
        _, threshold = self._figures(answer)
        return threshold


def _short(number: float) -> str:
    """With two decimals."""
    return _figure(rounded(number), None, False)


def _figure(number: float, unit: str | None, is_exact: bool) -> str:
    """A number that has six decimals, with two; a ratio as a percentage, with one."""
    exact = Decimal(number_text(number))
    if not is_exact:
        steps = Decimal("0.001") if unit == "ratio" else Decimal("0.01")
        exact = exact.quantize(steps, rounding=ROUND_HALF_UP)
    if unit == "ratio":
        return f"{number_text(float(exact * 100))}%"
    return number_text(float(exact))
