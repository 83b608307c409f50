"""Conditions and their three answers: True, False, or None for unknown."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .configuration import Condition, list_values
from .signals import SignalValue
from .values import number_text, read_boolean, read_number, rounded

LIST_OPERATORS = ("in", "not_in")


@dataclass(frozen=True)
class Answer:
    """What a condition says of an account on a health date.

    gap: observed value minus resolved threshold, in the signal's unit; None when there is no such
    number.
    points: what a linear score rule gives; None when it gives nothing, and for other conditions.
    """

    condition: Condition
    is_met: bool | None
    observed: str | None
    threshold: str
    resolved_threshold: str | None
    gap: float | None = None
    points: float | None = None


def evaluate(
    condition: Condition, values: Mapping[str, SignalValue], types: Mapping[str, str]
) -> Answer:
    """Compare the condition's signal with its threshold."""
    value = values[condition.signal_id]
    if condition.ends is not None:
        return _end_of_line(condition, value, values)
    if types[condition.signal_id] == "number":
        if condition.operator in LIST_OPERATORS:
            return _number_in_list(condition, value)
        return _number_with_number(condition, value, values)
    if types[condition.signal_id] == "boolean":
        return _boolean(condition, value)
    if types[condition.signal_id] == "tags":
        return _tags(condition, value)
    return _text(condition, value)


def _number_with_number(
    condition: Condition, value: float | None, values: Mapping[str, SignalValue]
) -> Answer:
    threshold = read_number(condition.threshold)
    resolved: float | None = threshold
    if condition.scaled_by is not None:
        scale = values[condition.scaled_by]
        resolved = None if scale is None else threshold * scale
    is_met = gap = None
    if value is not None and resolved is not None:
        left, right = rounded(value), rounded(resolved)
        is_met = {
            "=": left == right,
            "!=": left != right,
            ">": left > right,
            ">=": left >= right,
            "<": left < right,
            "<=": left <= right,
        }[condition.operator]
        gap = rounded(left - right)
    return Answer(
        condition,
        is_met,
        observed=None if value is None else number_text(value),
        threshold=number_text(threshold),
        resolved_threshold=None if resolved is None else number_text(resolved),
        gap=gap,
    )


def _end_of_line(
    condition: Condition, value: float | None, values: Mapping[str, SignalValue]
) -> Answer:
    """One of the two conditions of a linear rule: met where the rule gives 10, or 0."""
    scale = 1.0 if condition.scaled_by is None else values[condition.scaled_by]

    def resolved(threshold: str) -> float | None:
        return None if scale is None else rounded(read_number(threshold) * scale)

    poor, healthy = (resolved(end) for end in condition.ends)
    own = resolved(condition.threshold)
    points = None
    if value is not None and poor is not None and healthy is not None and poor != healthy:
        share = (rounded(value) - poor) / (healthy - poor)
        points = 10 * min(max(share, 0.0), 1.0)
    asked = 10 if condition.rule_set == "healthy" else 0
    return Answer(
        condition,
        is_met=None if points is None else points == asked,
        observed=None if value is None else number_text(value),
        threshold=number_text(read_number(condition.threshold)),
        resolved_threshold=None if own is None else number_text(own),
        gap=None if points is None else rounded(rounded(value) - own),
        points=points,
    )


def _number_in_list(condition: Condition, value: float | None) -> Answer:
    listed = [rounded(read_number(text)) for text in list_values(condition.threshold)]
    is_listed = None if value is None else rounded(value) in listed
    observed = None if value is None else number_text(value)
    return _answer(condition, is_listed, observed)


def _boolean(condition: Condition, value: bool | None) -> Answer:
    is_same = None if value is None else value == read_boolean(condition.threshold)
    observed = None if value is None else str(value).lower()
    return _answer(condition, is_same, observed)


def _text(condition: Condition, value: str | None) -> Answer:
    is_listed = None if value is None else value in _compared_texts(condition)
    return _answer(condition, is_listed, value)


def _tags(condition: Condition, value: frozenset[str] | None) -> Answer:
    any_matches = None if value is None else not value.isdisjoint(_compared_texts(condition))
    observed = None if value is None else "|".join(sorted(value))
    return _answer(condition, any_matches, observed)


def _compared_texts(condition: Condition) -> list[str]:
    if condition.operator in LIST_OPERATORS:
        return list_values(condition.threshold)
    return [condition.threshold]


def _answer(condition: Condition, is_match: bool | None, observed: str | None) -> Answer:
    """An answer where `=` and `in` ask for a match, `!=` and `not_in` for none."""
    asks_for_match = condition.operator in ("=", "in")
    return Answer(
        condition,
        is_met=None if is_match is None else is_match == asks_for_match,
        observed=observed,
        threshold=condition.threshold,
        resolved_threshold=condition.threshold,
    )


def all_hold(answers: Iterable[bool | None]) -> bool | None:
    """Holds when all hold, fails when one fails, and is unknown otherwise."""
    known = list(answers)
    if False in known:
        return False
    return None if None in known else True


def any_holds(answers: Iterable[bool | None]) -> bool | None:
    """Holds when one holds, fails when all fail, and is unknown otherwise."""
    known = list(answers)
    if True in known:
        return True
    return None if None in known else False


def clause_answers(answers: Iterable[Answer]) -> list[bool | None]:
    """For each answer that of its clause: of all conditions that must hold together with it."""
    listed = list(answers)
    clauses: dict[tuple[object, ...], list[bool | None]] = defaultdict(list)
    for place, answer in enumerate(listed):
        clauses[_clause(place, answer.condition)].append(answer.is_met)
    return [
        all_hold(clauses[_clause(place, answer.condition)]) for place, answer in enumerate(listed)
    ]


def _clause(place: int, condition: Condition) -> tuple[object, ...]:
    # A condition of a score rule stands alone.
    alone = place if condition.rule_set in ("healthy", "poor_band") else None
    where = (condition.segment_id, condition.pillar_id, condition.rule_set)
    return (*where, condition.clause, alone)


def clauses_hold(answers: Iterable[Answer]) -> bool | None:
    """The answer of conditions together: all of a clause must hold, and one clause is enough."""
    clauses: dict[str | None, list[bool | None]] = defaultdict(list)
    for answer in answers:
        clauses[answer.condition.clause].append(answer.is_met)
    return any_holds(all_hold(clause) for clause in clauses.values())
