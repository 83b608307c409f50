"""Changes of state: accounts that two configurations see otherwise, and the rule behind each.

Both were calculated over the same dates on the same data; the tables compared are the published
ones of either side.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from orchestration.insight.conditions import Condition, condition_of
from orchestration.warehouse.configuration import Configuration, RowChange, differences
from orchestration.warehouse.duckdb_files import in_memory, literal

# A pillar that only one of the configurations has stands as not_configured on the other side.
COMPARED = """
    create temporary table compared as
    with previous as (
        select health_date, account_id, segment_id, 'overall' as pillar_id,
            overall_state as state, overall_score as score
        from previous.health.account_health_history
        union all
        select health_date, account_id, segment_id, pillar_id, state, score
        from previous.health.pillar_health_history
    ),
    proposed as (
        select health_date, account_id, segment_id, 'overall' as pillar_id,
            overall_state as state, overall_score as score
        from proposed.health.account_health_history
        union all
        select health_date, account_id, segment_id, pillar_id, state, score
        from proposed.health.pillar_health_history
    ),
    money as (
        select health_date, account_id, mrr, csm_email
        from previous.health.account_health_history
    )
    select
        health_date,
        account_id,
        pillar_id,
        previous.segment_id as previous_segment,
        proposed.segment_id as proposed_segment,
        coalesce(previous.state, 'not_configured') as previous_state,
        coalesce(proposed.state, 'not_configured') as proposed_state,
        round(previous.score, 6) as previous_score,
        round(proposed.score, 6) as proposed_score,
        money.mrr,
        money.csm_email
    from (select * from previous where health_date between $start and $end) as previous
    full outer join (select * from proposed where health_date between $start and $end) as proposed
        using (health_date, account_id, pillar_id)
    left join money using (health_date, account_id)
"""
# One row for each way an account's state changes; its last date stands for it.
STATE_CHANGES = """
    select
        account_id,
        pillar_id,
        previous_state,
        proposed_state,
        count(*) as dates,
        min(health_date) as first_date,
        max(health_date) as last_date,
        max_by(mrr, health_date) as mrr,
        max_by(csm_email, health_date) as csm_email,
        max_by(previous_segment, health_date) as previous_segment,
        max_by(proposed_segment, health_date) as proposed_segment,
        max_by(previous_score, health_date) as previous_score,
        max_by(proposed_score, health_date) as proposed_score
    from compared
    where previous_state <> proposed_state
    group by account_id, pillar_id, previous_state, proposed_state
    order by mrr desc nulls last, account_id, pillar_id, last_date desc, previous_state
"""
EXPLAINED = """
    select
        health_date, account_id,
        segment_id, pillar_id, rule_set, clause, signal_id, observed, operator, threshold,
        scaled_by, resolved_threshold, is_met, gap
    from {side}.health.health_explanations
    where (health_date, account_id) in (
        select distinct (max(health_date), account_id)
        from compared
        where previous_state <> proposed_state
        group by account_id, pillar_id, previous_state, proposed_state
    )
"""
# The one that the range was calculated with; none where no account was in scope.
CONFIGURATION = """
    select config_version, config
    from {side}.health.health_config_versions
    where config_version in (
        select config_version
        from {side}.health.account_health_history
        where health_date between ? and ?
    )
"""
NO_CONFIGURATION = Configuration("", {})
NAMES = """
    select account_id, account_name
    from proposed.health.account_churn
"""


@dataclass(frozen=True)
class StateChange:
    """One way in which an account's pillar, or overall, differs; values are of the last date."""

    account_id: str
    pillar_id: str
    previous_state: str
    proposed_state: str
    dates: int
    first_date: date
    last_date: date
    mrr: float | None
    csm_email: str | None
    previous_segment: str | None
    proposed_segment: str | None
    previous_score: float | None
    proposed_score: float | None

    @property
    def key(self) -> tuple[date, str]:
        return self.last_date, self.account_id


Explained = dict[tuple[date, str], list[Condition]]


@dataclass(frozen=True)
class Comparison:
    """Two calculated sides in one connection (table `compared`), and what their rows differ in."""

    connection: duckdb.DuckDBPyConnection
    previous: Configuration
    proposed: Configuration
    changed_rows: list[RowChange]

    def query(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def names(self) -> dict[str, str]:
        return dict(self.query(NAMES))

    def state_changes(self) -> list[StateChange]:
        return [StateChange(*row) for row in self.query(STATE_CHANGES)]

    def explained(self, side: str) -> Explained:
        configuration = self.previous if side == "previous" else self.proposed
        found: Explained = defaultdict(list)
        for health_date, account, *row in self.query(EXPLAINED.format(side=side)):
            found[health_date, account].append(condition_of(tuple(row), configuration))
        return found


def compare(previous: Path, proposed: Path, start: date, end: date) -> Comparison:
    """Put both warehouses side by side; nothing is written to either."""
    connection = in_memory()
    configurations: dict[str, Configuration] = {}
    for name, file in (("previous", previous), ("proposed", proposed)):
        connection.execute(f"attach {literal(file)} as {name} (read_only)")
        rows = connection.execute(CONFIGURATION.format(side=name), [start, end]).fetchall()
        configurations[name] = Configuration.of_content(*rows[0]) if rows else NO_CONFIGURATION
    connection.execute(COMPARED, {"start": start, "end": end})
    before, after = configurations["previous"], configurations["proposed"]
    return Comparison(connection, before, after, differences(before, after))


def rules_behind(
    comparison: Comparison, state_changes: Iterable[StateChange]
) -> dict[StateChange, list[str]]:
    """For each change the rules that make it, in words."""
    previous, proposed = comparison.explained("previous"), comparison.explained("proposed")
    return {
        state_change: rules_of(
            state_change,
            previous.get(state_change.key, []),
            proposed.get(state_change.key, []),
            comparison.changed_rows,
        )
        or ["a change of its data's or its pillars' rows that no condition shows"]
        for state_change in state_changes
    }


def rules_of(
    state_change: StateChange,
    previous: list[Condition],
    proposed: list[Condition],
    changed_rows: list[RowChange],
) -> list[str]:
    if state_change.previous_segment != state_change.proposed_segment:
        segments = {state_change.previous_segment, state_change.proposed_segment}
        words = f"segment {state_change.previous_segment} becomes {state_change.proposed_segment}"
        found = changed_conditions(segment_rules(previous), segment_rules(proposed)) + [
            change.text()
            for change in changed_rows
            if change.file == "segments" and change.row["segment_id"] in segments
        ]
        return [f"{words}: {text}" for text in found] or [words]
    pillars = sorted({c.pillar_id for c in (*previous, *proposed) if c.pillar_id})
    if state_change.pillar_id != "overall":
        pillars = [state_change.pillar_id]
    found = [
        text
        for pillar in pillars
        for text in changed_conditions(of_pillar(previous, pillar), of_pillar(proposed, pillar))
    ]
    signals = {name for c in (*previous, *proposed) for name in (c.signal_id, c.scaled_by)}
    found += [change.text() for change in changed_rows if weighs(change, state_change)]
    found += [change.text() for change in changed_rows if measures(change, signals)]
    # What feeds a pillar and what it is without data shows in no condition.
    feeding = ("pillars", "pillar_sources", "sources", "plans")
    return found or [change.text() for change in changed_rows if change.file in feeding]


def segment_rules(conditions: list[Condition]) -> list[Condition]:
    return [condition for condition in conditions if condition.rule_set == "segment"]


def of_pillar(conditions: list[Condition], pillar: str) -> list[Condition]:
    return [condition for condition in conditions if condition.pillar_id == pillar]


def changed_conditions(previous: list[Condition], proposed: list[Condition]) -> list[str]:
    """Conditions that answer differently, and those that only one of the configurations has."""
    before = {condition_key(condition): condition for condition in previous}
    after = {condition_key(condition): condition for condition in proposed}
    found = [
        f"{place(was)}: {was.signal_id} {was.asked()}: {answer(was)}, now {answer(after[key])}"
        f" ({was.seen()}, now {after[key].seen()})"
        for key, was in before.items()
        if key in after and was.is_met is not after[key].is_met
    ]
    gone = [condition for key, condition in before.items() if key not in after]
    new = [condition for key, condition in after.items() if key not in before]
    for condition in gone:
        replacement = next((other for other in new if is_same_rule(condition, other)), None)
        if replacement is None:
            found.append(f"{place(condition)}: {condition.signal_id} {condition.asked()} is gone")
            continue
        new.remove(replacement)
        # A threshold that answers as before has moved nobody.
        if condition.is_met is not replacement.is_met:
            found.append(
                f"{place(condition)}: {condition.signal_id} {rule(condition)}"
                f" becomes {rule(replacement)}"
            )
    found += [f"{place(c)}: {c.signal_id} {rule(c)} is added" for c in new]
    return sorted(found)


def condition_key(condition: Condition) -> tuple:
    return (
        condition.segment_id,
        condition.pillar_id,
        condition.rule_set,
        condition.clause,
        condition.signal_id,
        condition.operator,
        condition.threshold,
        condition.scaled_by,
    )


def is_same_rule(one: Condition, other: Condition) -> bool:
    """Whether one is the other with another threshold, operator or scale."""
    return condition_key(one)[:5] == condition_key(other)[:5]


def place(condition: Condition) -> str:
    words = (condition.pillar_id or condition.segment_id, condition.rule_set, condition.clause)
    return " ".join(word for word in words if word)


def rule(condition: Condition) -> str:
    """What the configuration asks, without the account's own numbers, so that changes add up."""
    scale = f" x {condition.scaled_by}" if condition.scaled_by else ""
    return f"{condition.operator} {condition.threshold}{scale}"


def answer(condition: Condition) -> str:
    return {True: "met", False: "not met", None: "unknown"}[condition.is_met]


def weighs(change: RowChange, state_change: StateChange) -> bool:
    """Whether a changed weight, cap or band can have made the change."""
    if change.row.get("segment_id") != state_change.proposed_segment:
        return False
    if change.file == "pillar_weights":
        return state_change.pillar_id == "overall"
    if change.file == "segments":
        return bool({"good_from", "poor_below"} & set(change.changed()))
    is_pillar = state_change.pillar_id in ("overall", change.row.get("pillar_id"))
    is_weight = None not in (change.previous, change.proposed) and "weight" in change.changed()
    return change.file == "score_rules" and is_pillar and is_weight


def measures(change: RowChange, signals: set[str | None]) -> bool:
    """Whether the change is to what a signal of the conditions measures."""
    name = {"metrics": "metric_id", "attributes": "attribute_id"}.get(change.file)
    said = {"measure", "window_days", "dimension", "dimension_values", "value_type"}
    return name is not None and change.row[name] in signals and bool(said & set(change.changed()))
