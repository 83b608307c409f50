"""The way to a better state and the nearest danger: right in words, and true when it is taken."""

from dataclasses import replace

import pytest

from orchestration.insight.conditions import COMPARE, Condition, change_to
from orchestration.insight.distance import Pillar, to_better, to_worse
from orchestration.insight.portfolio import because

BANDS = (6.66, 3.34)


def condition(
    rule_set: str, signal: str, observed: str | None, asked: str, clause: str = "1", **more: object
) -> Condition:
    operator, threshold = asked.split()
    gap = None if observed is None else float(observed) - float(threshold)
    is_met = None if observed is None else COMPARE[operator](float(observed), float(threshold))
    return Condition(
        "standard",
        "service",
        rule_set,
        clause,
        signal,
        observed,
        operator,
        threshold,
        None,
        threshold,
        is_met,
        gap,
        **{"unit": "users", "is_whole": True, **more},
    )


@pytest.mark.parametrize(
    ("observed", "asked", "words"),
    [
        ("10", ">= 12", "2 more users (signal now 10)"),
        ("11", ">= 11.25", "1 more user (signal now 11)"),
        ("10", "> 12", "3 more users (signal now 10)"),
        ("10", "<= 7", "3 fewer users (signal now 10)"),
        ("10", "< 7", "4 fewer users (signal now 10)"),
        ("2", "= 0", "2 fewer users (signal now 2)"),
        ("0", "!= 0", "1 more user (signal now 0)"),
    ],
)
def test_counts_change_by_whole_units(observed: str, asked: str, words: str) -> None:
    assert change_to(condition("good", "signal", observed, asked), True).text == words


def test_ratios_change_by_parts_of_them() -> None:
    ratio = condition("good", "use", "0.5", ">= 0.62", unit="ratio", is_whole=False)
    assert change_to(ratio, True).text == "use up by 0.12 to 0.62 (now 0.5 ratio)"
    edge = condition("poor", "use", "0.5", "<= 0.5", unit="ratio", is_whole=False)
    assert change_to(edge, False).text == "use up to more than 0.5 (now 0.5 ratio)"


def test_texts_and_unknown_values_are_named() -> None:
    tag = replace(
        condition("good", "signal", None, "= 1"),
        signal_id="plan_id",
        observed="starter",
        resolved_threshold="enterprise|business",
        operator="in",
        is_met=False,
    )
    assert change_to(tag, True).text == "plan_id, to be one of enterprise, business"
    unknown = condition("good", "risk", None, "<= 5")
    assert change_to(unknown, True).text == "risk, which is unknown, to be <= 5"


def pillar(state: str, *conditions: Condition, **weights: float) -> Pillar:
    return Pillar(state, conditions, weights, BANDS)


def test_average_reaches_good_by_the_clause_that_lacks_least() -> None:
    facts = pillar(
        "average",
        condition("good", "users", "10", ">= 12", "1"),
        condition("good", "features", "9", ">= 5", "1"),
        condition("good", "users", "10", ">= 40", "2"),
        condition("poor", "users", "10", "< 2", "1"),
    )
    better, worse = to_better(facts), to_worse(facts)
    assert better is not None and worse is not None
    assert better.text() == "2 more users (users now 10): good"
    assert worse.text() == "9 fewer users (users now 10): poor"


def test_poor_is_left_only_when_every_poor_clause_fails() -> None:
    facts = pillar(
        "poor",
        condition("poor", "tickets", "3", ">= 2", "1"),
        condition("poor", "days", "20", "> 14", "2"),
        condition("good", "tickets", "3", "= 0", "1"),
    )
    better = to_better(facts)
    assert better is not None
    assert (
        better.text() == "2 fewer users (tickets now 3), and 6 fewer users (days now 20): average"
    )
    assert to_worse(facts) is None


def test_poor_that_meets_good_as_well_becomes_good() -> None:
    facts = pillar(
        "poor",
        condition("poor", "tickets", "3", ">= 3"),
        condition("good", "users", "9", ">= 5"),
    )
    better = to_better(facts)
    assert better is not None and better.state == "good"


def test_good_is_lost_when_all_clauses_that_hold_fail() -> None:
    facts = pillar(
        "good",
        condition("good", "users", "10", ">= 10", "1"),
        condition("good", "features", "6", ">= 5", "2"),
        condition("poor", "users", "10", "< 1", "1"),
        condition("poor", "features", "6", "< 2", "1"),
    )
    worse = to_worse(facts)
    assert worse is not None
    assert worse.state == "average"
    assert [change.value for change in worse.changes] == [9, 4]


def test_score_rules_take_the_rule_that_is_enough() -> None:
    facts = pillar(
        "average",
        condition("healthy", "nps", "20", ">= 40", ""),
        condition("poor_band", "nps", "20", "< 0", ""),
        condition("healthy", "people", "2", ">= 3", ""),
        nps=2,
        people=1,
    )
    better = to_better(facts)
    assert better is not None
    # People alone would give (2 x 5 + 10) / 3 = 6.67, which is good from 6.66 on.
    assert better.text() == "1 more user (people now 2): good"
    worse = to_worse(facts)
    assert worse is not None and worse.text() == "21 fewer users (nps now 20): poor"


def test_score_rules_add_up_where_none_is_enough() -> None:
    facts = pillar(
        "poor",
        *(condition("healthy", name, "0", ">= 9", "") for name in "abcd"),
        *(condition("poor_band", name, "0", "< 1", "") for name in "abcd"),
    )
    better = to_better(facts)
    assert better is not None and better.state == "average"
    # Two of the four rules at 10 points, or all at 5: 5 on average.
    assert len(better.changes) in (2, 4)


def test_a_way_counts_all_conditions_of_its_signals() -> None:
    """One ticket fewer ends poor, and is what good asks for as well."""
    facts = pillar(
        "poor",
        condition("poor", "tickets", "2", ">= 2"),
        condition("good", "tickets", "2", "<= 1"),
    )
    better = to_better(facts)
    assert better is not None
    assert better.text() == "1 fewer user (tickets now 2): good"


def linear(signal: str, observed: str | None, poor: str, healthy: str, **more: object) -> list:
    """The two conditions of a linear score rule."""
    ends = {"poor_band": float(poor), "healthy": float(healthy)}
    share = None
    if observed is not None:
        share = (float(observed) - ends["poor_band"]) / (ends["healthy"] - ends["poor_band"])
    is_met = {
        "poor_band": None if share is None else share <= 0,
        "healthy": None if share is None else share >= 1,
    }
    return [
        replace(
            condition(rule_set, signal, observed, f"= {ends[rule_set]:g}", "", **more),
            operator="linear",
            is_met=is_met[rule_set],
        )
        for rule_set in ("healthy", "poor_band")
    ]


def test_a_linear_rule_goes_as_far_as_the_next_state() -> None:
    # 15 of 7 to 30 gives 3.48: 6.66 is at 22.318, 3.34 at 14.682.
    facts = pillar("average", *linear("users", "15", "7", "30"))
    better, worse = to_better(facts), to_worse(facts)
    assert better is not None and worse is not None
    assert better.text() == "8 more users (users now 15): good"
    assert worse.text() == "1 fewer user (users now 15): poor"


def test_a_linear_rule_may_ask_for_less() -> None:
    # From 30 (poor) down to 10 (healthy): 15 gives 7.5, good is lost at more than 16.68.
    facts = pillar("good", *linear("days", "15", "30", "10", unit="ratio", is_whole=False))
    assert to_better(facts) is None
    worse = to_worse(facts)
    assert worse is not None
    assert worse.text() == "days up by 1.68 to 16.7 (now 15 ratio): average"
    [change] = worse.changes
    assert change.value == pytest.approx(16.680002)


def test_a_linear_rule_counts_beside_bands() -> None:
    facts = pillar(
        "average",
        *linear("users", "20", "0", "40"),
        condition("healthy", "people", "2", ">= 3", ""),
        *linear("missing", None, "0", "40"),
        users=1,
        people=1,
    )
    better = to_better(facts)
    assert better is not None
    # 5 and 5: one person more makes 7.5; users alone would need 8.32 points, 34 of them.
    assert better.text() == "1 more user (people now 2): good"
    worse = to_worse(facts)
    assert worse is not None and worse.text() == "14 fewer users (users now 20): poor"


def test_a_linear_rule_says_what_is_at_its_ends() -> None:
    healthy, poor = linear("users", "15", "7", "30")
    assert healthy.asked() == "10 points at 30"
    assert poor.asked() == "0 points at 7"


def test_a_linear_rule_is_a_reason_where_it_gives_what_a_poor_pillar_has() -> None:
    facts = pillar(
        "poor",
        *linear("users", "10", "7", "30"),
        *linear("days", "25", "7", "30"),
        condition("poor_band", "people", "1", "< 2", ""),
    )
    assert because(facts, list(facts.conditions)) == (
        "people 1 user, asked < 2; users 10 users, asked 10 points at 30"
    )


def test_what_is_not_calculated_has_no_way() -> None:
    facts = pillar("not_calculated", condition("good", "users", None, ">= 1"))
    assert to_better(facts) is None
    assert to_worse(facts) is None
