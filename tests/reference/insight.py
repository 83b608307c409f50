"""The published tables that tell what changed and why, and the detail beside health.

The history is that of one run from an empty warehouse, so the configuration never changes in it.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from .calculated import Calculated
from .conditions import LIST_OPERATORS, Answer, evaluate
from .configuration import AlertRule, Configuration
from .facts import distinct
from .health import NOT_CALCULATED, Judgement
from .row_rules import Record
from .signals import signal_types
from .values import number_text, read_number, rounded

WINDOW_DAYS = 14
PERCENTILES = (10, 25, 50, 75, 90)
SHARES = (10, 25, 50)

COLUMNS: dict[str, list[str]] = {
    "health_changes": [
        "health_date",
        "account_id",
        "pillar_id",
        "from_state",
        "to_state",
        "days_in_from_state",
        "cause",
        "flipped_conditions",
        "mrr",
    ],
    "portfolio_health_history": [
        "health_date",
        "csm_email",
        "segment_id",
        "pillar_id",
        "state",
        "accounts",
        "mrr",
    ],
    "segment_health_history": [
        "health_date",
        "segment_id",
        "pillar_id",
        "state",
        "accounts",
        "mrr",
    ],
    "milestone_progress": [
        "account_id",
        "segment_id",
        "milestone_id",
        "milestone_name",
        "position",
        "is_reached",
        "reached_on",
        "observed",
        "resolved_threshold",
    ],
    "account_risk": [
        "health_date",
        "account_id",
        "risk_score",
        "risk_score_at",
        "risk_author",
        "risk_note",
        "risk_tags",
        "confidence_tags",
        "tag_notes",
    ],
    "user_adoption": [
        "health_date",
        "account_id",
        "user_id",
        "user_name",
        "email",
        "role",
        "last_active_at",
        "events_14d",
        "features_used_14d",
        "active_days_14d",
        "is_active_14d",
    ],
    "feature_adoption": [
        "health_date",
        "account_id",
        "module",
        "feature",
        "first_used_at",
        "last_used_at",
        "users_14d",
        "events_14d",
    ],
    "threshold_calibration": [
        "segment_id",
        "pillar_id",
        "rule_set",
        "clause",
        "signal_id",
        "operator",
        "threshold",
        "accounts",
        "missing",
        "matched_share",
        *(f"p{percent}" for percent in PERCENTILES),
        *(f"threshold_for_{share}_percent" for share in SHARES),
    ],
    "health_alerts": [
        "health_date",
        "alert_id",
        "account_id",
        "pillar_id",
        "from_state",
        "to_state",
        "severity",
        "playbook",
        "csm_email",
        "sent_at",
        "status",
    ],
}

PublishedRow = dict[str, object]


def insight_rows(
    history: list[Calculated], configuration: Configuration
) -> dict[str, list[PublishedRow]]:
    """The rows of all tables of COLUMNS; `history` is in the order of dates."""
    latest = [one for one in history if one.health_date == history[-1].health_date]
    changes = _changes(history, configuration)
    return {
        "health_changes": changes,
        "portfolio_health_history": _totals(
            COLUMNS["portfolio_health_history"][:-2],
            (
                (one, (one.health_date, one.signals["csm_email"], one.segment_id, j.pillar_id), j)
                for one in history
                for j in one.judgements
            ),
        ),
        "segment_health_history": _totals(
            COLUMNS["segment_health_history"][:-2],
            (
                (one, (one.health_date, segment_id, j.pillar_id), j)
                for one in history
                for segment_id, is_member in one.health.memberships.items()
                if is_member
                for j in one.judgements
            ),
        ),
        "milestone_progress": _milestones(history, latest, configuration),
        "account_risk": [_risk_row(one) for one in latest],
        "user_adoption": [row for one in latest for row in _user_rows(one)],
        "feature_adoption": [row for one in latest for row in _feature_rows(one)],
        "threshold_calibration": _calibration(latest, configuration),
        "health_alerts": _alerts(history, configuration, changes),
    }


# health_changes


def _changes(history: list[Calculated], configuration: Configuration) -> list[PublishedRow]:
    by_account: dict[str, list[Calculated]] = defaultdict(list)
    for one in history:
        by_account[one.account_id].append(one)
    return [
        row
        for days in by_account.values()
        for position in range(1, len(days))
        for row in _changes_of_day(days[: position + 1], configuration)
    ]


def _changes_of_day(days: list[Calculated], configuration: Configuration) -> list[PublishedRow]:
    """What changed on the last of an account's days."""
    before, now = days[-2:]
    rows = []
    for was, judgement in zip(before.judgements, now.judgements, strict=True):
        if was.state == judgement.state:
            continue
        rows.append(
            {
                "health_date": now.health_date,
                "account_id": now.account_id,
                "pillar_id": judgement.pillar_id,
                "from_state": was.state,
                "to_state": judgement.state,
                "days_in_from_state": (now.health_date - _since(days, judgement.pillar_id)).days,
                "cause": _cause(days, was, judgement, configuration),
                "flipped_conditions": json.dumps(_flipped(before, now, judgement.pillar_id)),
                "mrr": now.mrr,
            }
        )
    return rows


def _judgement(one: Calculated, pillar_id: str) -> Judgement:
    return next(judgement for judgement in one.judgements if judgement.pillar_id == pillar_id)


def _since(days: list[Calculated], pillar_id: str) -> date:
    """The first day of the unbroken run of the state that the last day but one has."""
    states = [_judgement(one, pillar_id).state for one in days]
    position = len(days) - 2
    while position > 0 and states[position - 1] == states[position]:
        position -= 1
    return days[position].health_date


def _cause(
    days: list[Calculated], was: Judgement, judgement: Judgement, configuration: Configuration
) -> str:
    """The first that applies."""
    before, now = days[-2:]
    pillar_id = judgement.pillar_id
    was_calculated = any(
        _judgement(one, pillar_id).calculated_state != NOT_CALCULATED for one in days[:-1]
    )
    if (
        was.state == NOT_CALCULATED
        and judgement.calculated_state != NOT_CALCULATED
        and not was_calculated
    ):
        return "first_calculated"
    # An override that shows what is calculated anyway changes nothing.
    if any(each.state != each.calculated_state for each in (was, judgement)):
        return "override"
    if before.segment_id != now.segment_id:
        return "segment"
    pillars = [pillar_id] if pillar_id != "overall" else _weighed_pillars(now, configuration)
    flipped = _flipped(before, now, pillar_id)
    if any(_has_other_fitness(before, now, pillar) for pillar in pillars) or (
        flipped and all(None in (each["was_met"], each["is_met"]) for each in flipped)
    ):
        return "data"
    return "behaviour"


def _weighed_pillars(now: Calculated, configuration: Configuration) -> list[str]:
    named = [
        weight.pillar_id
        for weight in configuration.pillar_weights
        if weight.segment_id == now.segment_id
    ]
    return named or [pillar.pillar_id for pillar in configuration.pillars]


def _has_other_fitness(before: Calculated, now: Calculated, pillar_id: str) -> bool:
    """Whether a source of a pillar that the segment configures became fit or unfit."""
    if not any(answer.condition.pillar_id == pillar_id for answer in now.health.answers):
        return False
    return (pillar_id in before.fit_pillars) != (pillar_id in now.fit_pillars)


def _flipped(before: Calculated, now: Calculated, pillar_id: str) -> list[dict[str, object]]:
    """The conditions of the pillar, or for the overall of all, that are answered otherwise."""
    former = {
        answer.condition: answer for answer in before.health.answers if answer.condition.pillar_id
    }
    return [
        {
            "pillar_id": answer.condition.pillar_id,
            "rule_set": answer.condition.rule_set,
            "clause": answer.condition.clause,
            "signal_id": answer.condition.signal_id,
            "operator": answer.condition.operator,
            "threshold": answer.threshold,
            "observed_before": former[answer.condition].observed,
            "observed": answer.observed,
            "was_met": former[answer.condition].is_met,
            "is_met": answer.is_met,
        }
        for answer in now.health.answers
        if answer.condition in former
        and answer.is_met != former[answer.condition].is_met
        and pillar_id in ("overall", answer.condition.pillar_id)
    ]


# portfolio_health_history, segment_health_history


def _totals(
    columns: Sequence[str],
    placed: Iterable[tuple[Calculated, tuple[object, ...], Judgement]],
) -> list[PublishedRow]:
    """Accounts and MRR of every place and state that has any; MRR is null without subscriptions."""
    groups: dict[tuple[object, ...], list[Calculated]] = defaultdict(list)
    for one, place, judgement in placed:
        groups[(*place, judgement.state)].append(one)
    return [
        {
            **dict(zip(columns, place, strict=True)),
            "accounts": len(members),
            "mrr": None if members[0].mrr is None else sum(one.mrr or 0 for one in members),
        }
        for place, members in groups.items()
    ]


# milestone_progress


def _milestones(
    history: list[Calculated], latest: list[Calculated], configuration: Configuration
) -> list[PublishedRow]:
    types = signal_types(configuration)
    reached: dict[tuple[str, str, str], date] = {}
    rows = []
    for one in history:
        for milestone in configuration.milestones:
            if milestone.condition.segment_id != one.segment_id:
                continue
            place = (one.account_id, one.segment_id, milestone.milestone_id)
            answer = evaluate(milestone.condition, one.signals, types)
            if answer.is_met:
                reached.setdefault(place, one.health_date)
            if one in latest:
                rows.append(
                    {
                        "account_id": one.account_id,
                        "segment_id": one.segment_id,
                        "milestone_id": milestone.milestone_id,
                        "milestone_name": milestone.milestone_name,
                        "position": milestone.position,
                        "is_reached": place in reached,
                        "reached_on": reached.get(place),
                        "observed": answer.observed,
                        "resolved_threshold": answer.resolved_threshold,
                    }
                )
    return rows


# account_risk, user_adoption, feature_adoption


def _risk_row(one: Calculated) -> PublishedRow:
    def order(assessment: Record) -> tuple[object, str]:
        return (assessment.assessed_at, assessment.assessment_id)

    assessment = max(one.facts.records("risk_assessments"), key=order, default=None)
    is_absent = one.facts.is_absent("account_tags")
    return {
        "health_date": one.health_date,
        "account_id": one.account_id,
        "risk_score": None if assessment is None else assessment.risk_score,
        "risk_score_at": None if assessment is None else assessment.assessed_at,
        "risk_author": None if assessment is None else assessment.author,
        "risk_note": None if assessment is None else assessment.note,
        "risk_tags": None if is_absent else _tags_of_kind(one, "risk"),
        "confidence_tags": None if is_absent else _tags_of_kind(one, "confidence"),
        "tag_notes": None if is_absent else _tag_notes(one),
    }


def _tags_of_kind(one: Calculated, kind: str) -> str:
    return json.dumps(sorted({tag.tag for tag in one.facts.tags_on() if tag.kind == kind}))


def _tag_notes(one: Calculated) -> str:
    """Of several notes of a tag the one added last, then the greatest text."""
    noted = [tag for tag in one.facts.tags_on() if tag.note is not None]
    return json.dumps(
        {tag.tag: tag.note for tag in sorted(noted, key=lambda tag: (tag.added_at, tag.note))}
    )


def _user_rows(one: Calculated) -> list[PublishedRow]:
    users = {user.user_id: user for user in one.facts.records("users")}
    is_absent = not one.facts.has_column("events", "user_id")
    rows = []
    for user_id in one.facts.known_users():
        events = [event for event in one.facts.records("events") if event.user_id == user_id]
        recent = [e for e in events if one.facts.in_window(e.occurred_at, WINDOW_DAYS)]
        rows.append(
            {
                "health_date": one.health_date,
                "account_id": one.account_id,
                "user_id": user_id,
                "user_name": getattr(users.get(user_id), "user_name", None),
                "email": getattr(users.get(user_id), "email", None),
                "role": getattr(users.get(user_id), "role", None),
                "last_active_at": max((event.occurred_at for event in events), default=None),
                "events_14d": None if is_absent else _event_count(recent),
                "features_used_14d": None if is_absent else len({e.feature for e in recent}),
                "active_days_14d": None
                if is_absent
                else len({event.occurred_at.date() for event in recent}),
                "is_active_14d": None if is_absent else bool(recent),
            }
        )
    return rows


def _feature_rows(one: Calculated) -> list[PublishedRow]:
    """Every feature ever used before D, in the module it was used in."""
    used: dict[tuple[str | None, str], list[Record]] = defaultdict(list)
    for event in one.facts.records("events"):
        used[event.module, event.feature].append(event)
    rows = []
    has_users = one.facts.has_column("events", "user_id")
    for (module, feature), events in used.items():
        recent = [e for e in events if one.facts.in_window(e.occurred_at, WINDOW_DAYS)]
        users = distinct(event.user_id for event in recent)
        rows.append(
            {
                "health_date": one.health_date,
                "account_id": one.account_id,
                "module": module,
                "feature": feature,
                "first_used_at": min(event.occurred_at for event in events),
                "last_used_at": max(event.occurred_at for event in events),
                "users_14d": len(users) if has_users else None,
                "events_14d": _event_count(recent),
            }
        )
    return rows


def _event_count(events: Iterable[Record]) -> float:
    return float(sum(1 if e.event_count is None else e.event_count for e in events))


# threshold_calibration


def _calibration(latest: list[Calculated], configuration: Configuration) -> list[PublishedRow]:
    """Every health and score condition on a number, over the accounts of its segment."""
    types = signal_types(configuration)
    conditions = [
        *configuration.health_rules,
        *(condition for rule in configuration.score_rules for condition in rule.conditions),
    ]
    rows = []
    for condition in conditions:
        if types[condition.signal_id] != "number":
            continue
        members = [one for one in latest if one.segment_id == condition.segment_id]
        answered = [(one, evaluate(condition, one.signals, types)) for one in members]
        known = [(one, answer) for one, answer in answered if answer.is_met is not None]
        values = [float(one.signals[condition.signal_id]) for one, _ in known]
        scales = [
            1.0 if condition.scaled_by is None else float(one.signals[condition.scaled_by])
            for one, _ in known
        ]
        # What the cell would have to hold: no threshold follows from a scale of 0.
        cells = [v / scale for v, scale in zip(values, scales, strict=True) if scale > 0]
        rows.append(
            {
                "segment_id": condition.segment_id,
                "pillar_id": condition.pillar_id,
                "rule_set": condition.rule_set,
                "clause": condition.clause,
                "signal_id": condition.signal_id,
                "operator": condition.operator,
                "threshold": _written(condition.threshold, condition.operator),
                "accounts": len(members),
                "missing": len(members) - len(known),
                "matched_share": _share_met([answer for _, answer in known]),
                **{f"p{percent}": _percentile(values, percent) for percent in PERCENTILES},
                **{
                    f"threshold_for_{share}_percent": _threshold_for(
                        cells, condition.operator, share
                    )
                    for share in SHARES
                },
            }
        )
    return rows


def _written(threshold: str, operator: str) -> str:
    return threshold if operator in LIST_OPERATORS else number_text(read_number(threshold))


def _share_met(answers: Sequence[Answer]) -> float | None:
    return sum(answer.is_met is True for answer in answers) / len(answers) if answers else None


def _threshold_for(cells: Sequence[float], operator: str, share: int) -> float | None:
    if operator in (">", ">="):
        return _percentile(cells, 100 - share)
    return _percentile(cells, share) if operator in ("<", "<=") else None


def _percentile(values: Sequence[float], percent: int) -> float | None:
    """Between the two nearest values, by how far it lies between them."""
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


# health_alerts


def _alerts(
    history: list[Calculated], configuration: Configuration, changes: list[PublishedRow]
) -> list[PublishedRow]:
    days = {(one.health_date, one.account_id): one for one in history}
    changed = {(row["health_date"], row["account_id"], row["pillar_id"]) for row in changes}
    rows = []
    for one in history:
        before = days.get((one.health_date - timedelta(days=1), one.account_id))
        for rule in configuration.alert_rules:
            state = _judgement(one, rule.pillar_id).state
            state_before = None if before is None else _judgement(before, rule.pillar_id).state
            asks_for_score = rule.score_below is not None or rule.score_drop_7d is not None
            if rule.from_state or rule.to_state or not asks_for_score:
                # A state that is not given is any state.
                place = (one.health_date, one.account_id, rule.pillar_id)
                is_told = (
                    place in changed
                    and rule.from_state in (None, state_before)
                    and rule.to_state in (None, state)
                    and _holds(rule, one, days)
                )
            else:
                # Scores alone: told once, when it begins to hold.
                is_told = _holds(rule, one, days) and not _holds(rule, before, days)
            if is_told:
                rows.append(
                    {
                        "health_date": one.health_date,
                        "alert_id": rule.alert_id,
                        "account_id": one.account_id,
                        "pillar_id": rule.pillar_id,
                        "from_state": state_before,
                        "to_state": state,
                        "severity": rule.severity,
                        "playbook": rule.playbook,
                        "csm_email": one.signals["csm_email"],
                        "sent_at": None,
                        "status": "pending",
                    }
                )
    return rows


def _holds(
    rule: AlertRule, one: Calculated | None, days: Mapping[tuple[date, str], Calculated]
) -> bool:
    """Whether the account is in the rule's segment and its score is as the rule asks."""
    if one is None or rule.segment_id not in (None, one.segment_id):
        return False
    score = _judgement(one, rule.pillar_id).score
    if rule.score_below is not None and (
        score is None or rounded(score) >= rounded(rule.score_below)
    ):
        return False
    if rule.score_drop_7d is None:
        return True
    earlier = days.get((one.health_date - timedelta(days=7), one.account_id))
    score_before = None if earlier is None else _judgement(earlier, rule.pillar_id).score
    if score is None or score_before is None:
        return False
    return rounded(score_before - score) >= rounded(rule.score_drop_7d)
