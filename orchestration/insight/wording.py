"""Wording: what published tables say by keys, in words; the same on a terminal and on the pages."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from orchestration.base.figures import counted
from orchestration.insight.conditions import Condition, as_a_person
from orchestration.warehouse.configuration import Configuration

REASONS = {
    "created_today": "the account was created on that day",
    "no_segment": "no segment with a health configuration was chosen",
    "pillar_not_configured": "its segment has no rules for it",
    "source_unavailable": "a raw table it needs is missing, stale, broken or failed a check",
    "no_data": "nothing that its rules ask for is known",
    "no_pillar_calculated": "no pillar has a score",
}
CAUSES = {
    "behaviour": "the customer's behaviour",
    "configuration": "the configuration was changed",
    "segment": "the account came into another segment",
    "data": "data became available or went missing",
    "override": "an override began or ended",
    "first_calculated": "calculated for the first time",
}
FLIPPED = {True: "now holds", False: "no longer holds", None: "became unknown"}
# In which the conditions of a pillar are shown.
RULE_SETS = ("poor", "good", "healthy", "poor_band")


def flipped_text(
    flip: Mapping[str, Any], name: str, condition: Condition | None = None, unit: str = ""
) -> str:
    """`inactive users 12 users, was 8 users; >= 10.2 (0.3 x seats) now holds`.

    flip: of `flipped_conditions`. condition: the explanation of that date, where it is there.
    """
    observed, before = (
        "unknown"
        if flip[key] is None
        else condition.seen(flip[key])
        if condition
        else counted(as_a_person(flip[key], flip["threshold"]), unit)
        for key in ("observed", "observed_before")
    )
    asked = condition.asked() if condition else f"{flip['operator']} {flip['threshold']}"
    return f"{name} {observed}, was {before}; {asked} {FLIPPED[flip['is_met']]}"


def by_clause(
    conditions: Iterable[Condition],
) -> list[tuple[str, str | None, list[Condition]]]:
    """Rule set, clause and conditions of each clause of a pillar, in the order to be shown."""
    ordered = sorted(
        conditions, key=lambda c: (RULE_SETS.index(c.rule_set), c.clause or "", c.signal_id)
    )
    return [
        (rule_set, clause, list(group))
        for (rule_set, clause), group in groupby(ordered, key=lambda c: (c.rule_set, c.clause))
    ]


def way_up(names: Configuration, row: Mapping[str, Any]) -> str:
    """A row of `nearest_flips`: `Service good: open tickets <= 1 ticket, now 3`."""
    signal, needed = row["signal_id"], as_a_person(row["needed"], row["observed"])
    return (
        f"{names.pillar_names.get(row['pillar_id'], row['pillar_id'])}"
        f" {row['to_state'].replace('_', ' ')}: {names.signal_name(signal)}"
        f" {row['needed_operator']} {counted(needed, names.units.get(signal, ''))},"
        f" now {as_a_person(row['observed'], row['needed'])}"
    )
