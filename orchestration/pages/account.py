"""Account: one account on one health date, with a tab for each pillar."""

import json
from datetime import date, timedelta
from typing import Any

from orchestration.insight import distance
from orchestration.insight.conditions import Condition
from orchestration.insight.explanation import DAYS, Explanation, explanation_of, states_of
from orchestration.insight.wording import by_clause
from orchestration.pages.filters import ALL
from orchestration.pages.visit import Visit
from orchestration.pages.words import STATES, asked, flips, spaced
from orchestration.publishing.open_publication import Row, Snapshot

RULE_SETS = {
    "poor": "Poor when all of these hold",
    "good": "Good when all of these hold",
    "healthy": "Gives 10 points",
    "poor_band": "Gives no points",
}
# What an account has, asked with its id alone: of the latest date.
LATEST = {
    "health": "select * from health.account_health where account_id = ?",
    "risk": "select * from health.account_risk where account_id = ?",
    "properties": """
        select * from health.account_properties
        where account_id = ? and not starts_with(property_id, 'tag:')
        order by property_id
    """,
}
ADOPTION = {
    "users": """
        select * from health.user_adoption
        where account_id = ?
        order by is_active_14d, last_active_at nulls first, user_id
        limit 200
    """,
    "features": """
        select * from health.feature_adoption
        where account_id = ?
        order by module nulls last, events_14d desc, feature
        limit 200
    """,
}
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
ON_DAY = "select 1 from health.account_health_history where account_id = ? and health_date = ?"
NEAREST_DAY = """
    select coalesce(max(health_date) filter (health_date <= ?), min(health_date))
    from health.account_health_history
    where account_id = ?
"""
STRIPS = """
    select 'overall' as pillar_id, last_60_days
    from health.account_health
    where account_id = ?
    union all
    select pillar_id, last_60_days
    from health.pillar_health
    where account_id = ?
"""
# The name outlives the account.
NAME = "select account_name from health.account_churn where account_id = ?"


def page(visit: Visit, account: str, tab: str) -> dict[str, Any] | None:
    """What the template `account` shows; None where the history does not know the account."""
    snapshot, visible = visit.snapshot, visit.visible
    asked = visit.query.day("date") or snapshot.last_date
    day = day_there(snapshot, account, asked)
    if day is None or not visit.may_see(account):
        return None
    explanation = explanation_of(snapshot.connection.cursor(), account, day, is_whole=False)
    configuration = explanation.configuration
    is_latest = snapshot.is_latest and day == snapshot.last_date
    latest = {name: snapshot.rows(sql, [account]) for name, sql in LATEST.items()}
    named = [*latest["health"], *snapshot.rows(NAME, [account]), {"account_name": None}]
    tabs = [(pillar, configuration.pillar_names[pillar]) for pillar in explanation.pillars_in_order]
    tabs = [("overview", "Overview"), *tabs, ("risk", "Risk and notes")]
    tab = tab if tab in dict(tabs) else "overview"
    # What is no live page has all of them one below the other.
    parts_shown = [tab] if visit.is_live else [*dict(tabs)]
    adoption = ADOPTION if is_latest and "product_adoption" in parts_shown else {}
    return {
        "account_id": account,
        "name": named[0]["account_name"] or account,
        "day": day,
        "is_latest": is_latest,
        "tab": tab,
        "tabs": tabs,
        "parts_shown": parts_shown,
        "explanation": explanation,
        "configuration": configuration,
        "latest": latest["health"][0] if latest["health"] and is_latest else None,
        "strips": strips(snapshot, explanation, is_latest),
        "pillars": {pillar: pillar_of(explanation, pillar) for pillar in explanation.pillars},
        "changes": [
            dict(
                zip(("day", "pillar", "from", "to", "days", "cause"), row[:6], strict=True),
                flips=flips(configuration, row[6]),
            )
            for row in explanation.changes or []
        ],
        "segment": segment(explanation),
        "properties": latest["properties"],
        **{name: snapshot.rows(sql, [account]) for name, sql in adoption.items()},
        "alerts": snapshot.rows(ALERTS, [account, day, day]),
        # Sums say something of every account in them.
        "rollup": snapshot.rows(ROLLUP, [account, day]) if visible == ALL else [],
        "children": snapshot.rows(
            CHILDREN.format(where=visible.sql), [account, account, *visible.values]
        ),
        "risk": risk_of(latest["risk"][0]) if latest["risk"] else None,
    }


def risk_of(row: Row) -> Row:
    """Tags and their notes as lists and a mapping."""
    return row | {
        name: json.loads(row[name] or empty)
        for name, empty in (("risk_tags", "[]"), ("confidence_tags", "[]"), ("tag_notes", "{}"))
    }


def day_there(snapshot: Snapshot, account: str, asked: date) -> date | None:
    """The day asked for, or the last one before it with the account, or its first; None: none."""
    # One day is found at once; for the nearest one all of the history is looked through.
    if snapshot.rows(ON_DAY, [account, asked]):
        return asked
    return snapshot.value(NEAREST_DAY, [asked, account])


def strips(snapshot: Snapshot, explanation: Explanation, is_latest: bool) -> list[tuple[str, str]]:
    """The 60 days of overall and each pillar, as the letters of last_60_days."""
    account, day = explanation.account_id, explanation.health_date
    if is_latest:
        rows = snapshot.rows(STRIPS, [account, account])
        letters = {row["pillar_id"]: row["last_60_days"] for row in rows}
    else:
        days = [day - timedelta(days=age) for age in range(DAYS - 1, -1, -1)]
        letters = {
            pillar: "".join(STATES[states[one]][2] if one in states else "." for one in days)
            for pillar, states in states_of(snapshot.connection.cursor(), account, day).items()
        }
    names = explanation.configuration.pillar_names
    return [(names[one], letters[one]) for one in ("overall", *explanation.pillars_in_order)]


def pillar_of(explanation: Explanation, pillar: str) -> dict[str, Any]:
    """A pillar with its conditions by clause, and what is nearest up and down."""
    facts = explanation.pillar_facts(pillar)
    better, worse = distance.to_better(facts), distance.to_worse(facts)
    return {
        "health": explanation.pillars[pillar],
        "name": explanation.configuration.pillar_names[pillar],
        "better": named(explanation, better.text()) if better else None,
        "worse": named(explanation, worse.text()) if worse else None,
        "clauses": [
            {
                "title": f"{RULE_SETS[rule_set]}" + (f" (clause {clause})" if clause else ""),
                "holds": together(group) if rule_set in ("good", "poor") else "",
                "rows": conditions(explanation, group),
            }
            for rule_set, clause, group in by_clause(facts.conditions)
        ],
    }


def named(explanation: Explanation, text: str) -> str:
    """The same words with display names for the ids of signals, the longest ids first."""
    signals = {condition.signal_id for condition in explanation.conditions}
    for signal in sorted(signals, key=len, reverse=True):
        text = text.replace(signal, explanation.configuration.signal_name(signal))
    return text


def together(conditions: list[Condition]) -> bool | None:
    """Whether all of them hold; None where that is unknown."""
    answers = {condition.is_met for condition in conditions}
    return False if False in answers else None if None in answers else True


def conditions(explanation: Explanation, found: list[Condition]) -> list[dict[str, Any]]:
    """Conditions as rows of a table."""
    configuration = explanation.configuration
    return [
        {
            "name": configuration.signal_name(condition.signal_id),
            "observed": condition.seen(),
            "asked": asked(configuration, condition),
            "is_met": condition.is_met,
        }
        for condition in found
    ]


def segment(explanation: Explanation) -> dict[str, Any]:
    """The chosen segment, by which conditions, and the others that the account is in or may be."""
    names = explanation.configuration.segment_names
    chosen = explanation.overall.segment_id
    return {
        "name": names.get(chosen or "", chosen or "None"),
        "conditions": conditions(explanation, explanation.conditions_of(None)),
        "others": [
            (names.get(name, name), spaced(kind))
            for name, _, kind, is_chosen in explanation.memberships
            if not is_chosen
        ],
    }
