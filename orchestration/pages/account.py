"""Account: one account on one health date, with a tab for each pillar."""

import json
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from orchestration.insight import distance
from orchestration.insight.conditions import Condition
from orchestration.insight.explanation import DAYS, Explanation, explanation_of
from orchestration.pages.filters import Clause
from orchestration.pages.snapshot import Row, Snapshot
from orchestration.pages.words import STATES, asked, flips, signal_name, spaced

RULE_SETS = {
    "poor": "Poor when all of these hold",
    "good": "Good when all of these hold",
    "healthy": "Gives 10 points",
    "poor_band": "Gives no points",
}
USERS = """
    select user_name, user_id, email, role, last_active_at, events_14d, features_used_14d,
        active_days_14d, is_active_14d
    from health.user_adoption
    where account_id = ?
    order by is_active_14d, last_active_at nulls first, user_id
    limit 200
"""
FEATURES = """
    select module, feature, users_14d, events_14d, first_used_at, last_used_at
    from health.feature_adoption
    where account_id = ?
    order by module nulls last, events_14d desc, feature
    limit 200
"""
ALERTS = """
    select health_date, alert_id, pillar_id, from_state, to_state, severity, playbook, status
    from health.health_alerts
    where account_id = ? and health_date <= ? and health_date > ? - 60
    order by health_date desc, alert_id, pillar_id
    limit 50
"""
ROLLUP = """
    select *
    from health.account_rollup_history
    where parent_account_id = ? and health_date = ?
    order by pillar_id <> 'overall', pillar_id
"""
CHILDREN = """
    select accounts.account_id, accounts.account_name, accounts.overall_state, accounts.mrr
    from health.account_properties as parents
    inner join health.account_health as accounts on parents.account_id = accounts.account_id
    where
        parents.property_id = 'parent_account_id'
        and parents.value_text = ?
        and accounts.account_id <> ?
        and {where}
    order by accounts.mrr desc nulls last, accounts.account_id
    limit 100
"""
# The name outlives the account; its other columns are of the latest date.
NAMED = """
    select churned.account_name, churned.churned_at, accounts.account_name as present_name
    from health.account_churn as churned
    left join health.account_health as accounts on churned.account_id = accounts.account_id
    where churned.account_id = ?
"""
NEIGHBOURS = """
    select min(health_date) as first_date, max(health_date) as last_date
    from health.account_health_history
    where account_id = ?
"""


def page(
    snapshot: Snapshot, account: str, day: date, tab: str, visible: Clause | None
) -> dict[str, Any] | None:
    """What the template `account` shows; None where the history does not know the account."""
    [dates] = snapshot.rows(NEIGHBOURS, [account])
    if dates["first_date"] is None:
        return None
    names = snapshot.rows(NAMED, [account])
    name = names[0]["present_name"] or names[0]["account_name"] if names else account
    day = min(max(day, dates["first_date"]), dates["last_date"])
    there = snapshot.rows(
        "select max(health_date) as day from health.account_health_history"
        " where account_id = ? and health_date <= ?",
        [account, day],
    )
    day = there[0]["day"]
    explanation = explanation_of(snapshot.connection.cursor(), account, day)
    configuration = explanation.configuration
    is_latest = day == snapshot.last_date
    tabs = [(pillar, configuration.pillar_names[pillar]) for pillar in explanation.pillars_in_order]
    tab = tab if tab in (*explanation.pillars, "risk") else "overview"
    latest = snapshot.rows("select * from health.account_health where account_id = ?", [account])
    risk = snapshot.rows("select * from health.account_risk where account_id = ?", [account])
    return {
        "account_id": account,
        "name": name,
        "day": day,
        "dates": dates,
        "is_latest": is_latest,
        "tab": tab,
        "tabs": tabs,
        "explanation": explanation,
        "configuration": configuration,
        "latest": latest[0] if latest and is_latest else None,
        "strips": strips(explanation, day),
        "pillars": {pillar: pillar_of(explanation, pillar) for pillar in explanation.pillars},
        "changes": [
            dict(
                zip(("day", "pillar", "from", "to", "days", "cause"), row[:6], strict=True),
                flips=flips(configuration, row[6]),
            )
            for row in explanation.changes or []
        ],
        "segment": segment(explanation),
        "users": snapshot.rows(USERS, [account]),
        "features": snapshot.rows(FEATURES, [account]),
        "alerts": snapshot.rows(ALERTS, [account, day, day]),
        # Sums say something of every account in them.
        "rollup": snapshot.rows(ROLLUP, [account, day]) if visible is None else [],
        "children": snapshot.rows(
            CHILDREN.format(where=visible.sql if visible else "true"),
            [account, account, *(visible.values if visible else [])],
        ),
        "properties": [
            {**row, "name": signal_name(configuration, row["property_id"])}
            for row in snapshot.rows(
                "select * from health.account_properties where account_id = ? order by property_id",
                [account],
            )
            if not row["property_id"].startswith("tag:")
        ],
        "risk": risk_of(risk[0]) if risk else None,
    }


def risk_of(row: Row) -> Row:
    """Tags and their notes as lists and a mapping."""
    return {
        **row,
        "risk_tags": json.loads(row["risk_tags"] or "[]"),
        "confidence_tags": json.loads(row["confidence_tags"] or "[]"),
        "tag_notes": json.loads(row["tag_notes"] or "{}"),
    }


def strips(explanation: Explanation, day: date) -> list[tuple[str, str]]:
    """The 60 days of overall and each pillar, as the letters of last_60_days."""
    configuration = explanation.configuration
    days = [day - timedelta(days=age) for age in range(DAYS - 1, -1, -1)]
    found = []
    for pillar in ("overall", *explanation.pillars_in_order):
        states = explanation.states.get(pillar, {})
        letters = (STATES[states[one]][2] if one in states else "." for one in days)
        found.append((configuration.pillar_names[pillar], "".join(letters)))
    return found


def pillar_of(explanation: Explanation, pillar: str) -> dict[str, Any]:
    """A pillar with its conditions by clause, and what is nearest up and down."""
    configuration = explanation.configuration
    chosen = explanation.overall.segment_id or ""
    conditions = [
        condition
        for condition in explanation.conditions
        if condition.pillar_id == pillar and condition.segment_id == chosen
    ]
    facts = distance.Pillar(
        state=explanation.pillars[pillar].calculated_state,
        conditions=tuple(conditions),
        weights=configuration.score_weights(chosen, pillar),
        bands=configuration.bands(chosen),
    )
    better, worse = distance.to_better(facts), distance.to_worse(facts)
    return {
        "health": explanation.pillars[pillar],
        "name": configuration.pillar_names[pillar],
        "better": named(explanation, better.text()) if better else None,
        "worse": named(explanation, worse.text()) if worse else None,
        "clauses": clauses(explanation, conditions),
    }


def named(explanation: Explanation, text: str) -> str:
    """The same words with display names for the ids of signals, the longest ids first."""
    signals = {condition.signal_id for condition in explanation.conditions}
    for signal in sorted(signals, key=len, reverse=True):
        text = text.replace(signal, signal_name(explanation.configuration, signal))
    return text


def clauses(explanation: Explanation, conditions: list[Condition]) -> list[dict[str, Any]]:
    """Conditions under their clause: the poor ones first, then the good, then those of scores."""
    order = list(RULE_SETS)
    ordered = sorted(
        conditions, key=lambda c: (order.index(c.rule_set), c.clause or "", c.signal_id)
    )
    found = []
    for (rule_set, clause), group in groupby(ordered, key=lambda c: (c.rule_set, c.clause)):
        members = list(group)
        answers = [condition.is_met for condition in members]
        holds = False if False in answers else None if None in answers else True
        found.append(
            {
                "title": f"{RULE_SETS[rule_set]}" + (f" (clause {clause})" if clause else ""),
                "holds": holds if rule_set in ("good", "poor") else "",
                "rows": [
                    {
                        "name": signal_name(explanation.configuration, condition.signal_id),
                        "observed": condition.seen(),
                        "asked": asked(explanation.configuration, condition),
                        "gap": condition.gap,
                        "is_met": condition.is_met,
                    }
                    for condition in members
                ],
            }
        )
    return found


def segment(explanation: Explanation) -> dict[str, Any]:
    """The chosen segment, by which conditions, and the others that the account is in or may be."""
    configuration = explanation.configuration
    chosen = explanation.overall.segment_id
    return {
        "name": configuration.segment_names.get(chosen or "", chosen or "None"),
        "conditions": [
            {
                "name": signal_name(configuration, condition.signal_id),
                "observed": condition.seen(),
                "asked": asked(configuration, condition),
                "is_met": condition.is_met,
            }
            for condition in explanation.conditions
            if condition.rule_set == "segment" and condition.segment_id == chosen
        ],
        "others": [
            (configuration.segment_names.get(name, name), spaced(kind))
            for name, _, kind, is_chosen in explanation.memberships
            if not is_chosen
        ],
    }
