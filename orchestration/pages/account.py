"""Account: one account on one health date, with a tab for each pillar."""

import json
from typing import Any

from orchestration.insight import distance
from orchestration.insight.account_days import day_there, letters_of_days
from orchestration.insight.conditions import Condition
from orchestration.insight.explanation import Explanation, explanation_of
from orchestration.insight.wording import by_clause
from orchestration.pages.filters import ALL
from orchestration.pages.visit import Visit
from orchestration.pages.words import asked, flips, spaced
from orchestration.publishing.open_publication import Row

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
    "tags": """
        select substr(property_id, 5) as tag from health.account_properties
        where account_id = ? and starts_with(property_id, 'tag:')
        order by tag
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
    letters = letters_of_days(snapshot, account, day)
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
        "strips": [
            (configuration.pillar_names[one], letters[one])
            for one in ("overall", *explanation.pillars_in_order)
        ],
        "pillars": {pillar: pillar_of(explanation, pillar) for pillar in explanation.pillars},
        "changes": [
            dict(
                zip(("day", "pillar", "from", "to", "days", "cause"), row[:6], strict=True),
                flips=flips(configuration, row[6]),
            )
            for row in explanation.changes or []
        ],
        "segment": segment(explanation),
        "tags": [row["tag"] for row in latest["tags"]],
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


def to_take_back(page: dict[str, Any], pending: list[Row]) -> dict[str, list[tuple[str, str]]]:
    """Tags and overrides that count or are pending, as the forms name them that end one."""
    tags, names = list(page["tags"]), page["configuration"].pillar_names
    overrides = [
        (one.override_id, one.pillar_id, one.state, one.reason)
        for one in page["explanation"].overrides
    ]
    for row in pending:
        entry, pillar, state, note = map(row.get, ("entry_id", "pillar_id", "state", "note"))
        if row.get("kind") == "tag_on":
            tags.append(row.get("tag"))
        elif row.get("kind") == "override":
            overrides.append((f"entry:{entry}", pillar, state, note))
    return {
        "tags": [(tag, spaced(tag)) for tag in dict.fromkeys(tags)],
        "overrides": [
            (one, f"{names.get(pillar, pillar)} {state}: {reason}")
            for one, pillar, state, reason in overrides
        ],
    }


def risk_of(row: Row) -> Row:
    """Tags and their notes as lists and a mapping."""
    return row | {
        name: json.loads(row[name] or empty)
        for name, empty in (("risk_tags", "[]"), ("confidence_tags", "[]"), ("tag_notes", "{}"))
    }


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
            "gap": condition.gap,
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
