"""Every measure of the contract as one function of the facts and the metric.

A measure gives a number, or None when it is missing. MEASURES names the tables each one needs.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from .configuration import Metric
from .facts import Facts, distinct, is_before
from .row_rules import Record

Number = float | int
Measure = Callable[[Facts, Metric], Number | None]


def measured(facts: Facts, metric: Metric) -> Number | None:
    """The metric's value; None when it is missing, or what it rests on was not handed over."""
    needed_tables, measure = MEASURES[metric.measure]
    if any(facts.is_absent(table_name) for table_name in needed_tables):
        return None
    needed = NEEDED_COLUMNS.get(metric.measure, ())
    if metric.dimension is not None:
        # A measure with a dimension counts the rows of the first table that it needs.
        needed = (*needed, ((needed_tables[0], metric.dimension),))
    for alternatives in needed:
        if not any(facts.has_column(*place) for place in alternatives):
            return None
    return measure(facts, metric)


def _kept(records: Sequence[Record], metric: Metric) -> list[Record]:
    """The records that the metric's dimension keeps; all of them without a dimension."""
    if metric.dimension is None:
        return list(records)
    return [
        record for record in records if getattr(record, metric.dimension) in metric.dimension_values
    ]


def _mean(numbers: Sequence[float]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None


def _hours(start: datetime, end: datetime) -> float:
    return (end - start) / timedelta(hours=1)


# product_adoption


def _events_in_window(facts: Facts, metric: Metric) -> list[Record]:
    return [
        event
        for event in _kept(facts.records("events"), metric)
        if facts.in_window(event.occurred_at, metric.window_days)
    ]


def _event_total(events: Sequence[Record]) -> float:
    return sum(1 if event.event_count is None else event.event_count for event in events)


def events(facts: Facts, metric: Metric) -> Number:
    return _event_total(_events_in_window(facts, metric))


def features_used(facts: Facts, metric: Metric) -> int:
    return len(distinct(event.feature for event in _events_in_window(facts, metric)))


def modules_used(facts: Facts, metric: Metric) -> int:
    return len(distinct(event.module for event in _events_in_window(facts, metric)))


def _users_with_event(facts: Facts, metric: Metric) -> set[str]:
    return distinct(event.user_id for event in _events_in_window(facts, metric))


def active_users(facts: Facts, metric: Metric) -> int:
    return len(_users_with_event(facts, metric))


def active_days(facts: Facts, metric: Metric) -> int:
    return len({event.occurred_at.date() for event in _events_in_window(facts, metric)})


def inactive_users(facts: Facts, metric: Metric) -> int:
    return len(facts.known_users() - _users_with_event(facts, metric))


def active_user_ratio(facts: Facts, metric: Metric) -> float | None:
    known = facts.known_users()
    if not known:
        return None
    return len(known & _users_with_event(facts, metric)) / len(known)


def license_utilization(facts: Facts, metric: Metric) -> float | None:
    seats_today = seats(facts, metric)
    if not seats_today:
        return None
    return active_users(facts, metric) / seats_today


def days_since_last_event(facts: Facts, metric: Metric) -> int:
    times = [event.occurred_at for event in _kept(facts.records("events"), metric)]
    return facts.whole_days_since(max(times, default=facts.account.created_at))


def event_change_ratio(facts: Facts, metric: Metric) -> float | None:
    later_start = facts.window_start(metric.window_days)
    earlier_start = facts.window_start(2 * metric.window_days)
    earlier = _event_total(
        [
            event
            for event in _kept(facts.records("events"), metric)
            if earlier_start <= event.occurred_at < later_start
        ]
    )
    if earlier == 0:
        return None
    return events(facts, metric) / earlier - 1


# financial


def _mrr_on(facts: Facts, day_start: datetime) -> float:
    return sum(subscription.mrr for subscription in facts.active_subscriptions(day_start))


def mrr(facts: Facts, metric: Metric | None = None) -> float:
    return _mrr_on(facts, facts.day_start)


def seats(facts: Facts, metric: Metric) -> Number | None:
    filled = [
        subscription.seats
        for subscription in facts.active_subscriptions(facts.day_start)
        if subscription.seats is not None
    ]
    return sum(filled) if filled else None


def _plan_rank_on(facts: Facts, day_start: datetime) -> Number | None:
    return max(
        (
            facts.plan_ranks[subscription.plan_id]
            for subscription in facts.active_subscriptions(day_start)
            if subscription.plan_id in facts.plan_ranks
        ),
        default=None,
    )


def plan_rank(facts: Facts, metric: Metric) -> Number | None:
    return _plan_rank_on(facts, facts.day_start)


def plan_rank_change(facts: Facts, metric: Metric) -> Number | None:
    today = _plan_rank_on(facts, facts.day_start)
    earlier = _plan_rank_on(facts, facts.window_start(metric.window_days))
    return None if today is None or earlier is None else today - earlier


def mrr_change_ratio(facts: Facts, metric: Metric) -> float | None:
    earlier = _mrr_on(facts, facts.window_start(metric.window_days))
    return None if earlier == 0 else mrr(facts) / earlier - 1


def days_to_renewal(facts: Facts, metric: Metric) -> int | None:
    renewals = [
        subscription.renews_at
        for subscription in facts.active_subscriptions(facts.day_start)
        if subscription.renews_at is not None and subscription.renews_at >= facts.day_start
    ]
    return (min(renewals).date() - facts.health_date).days if renewals else None


def open_invoices(facts: Facts, metric: Metric) -> int:
    return len(facts.unpaid_invoices())


def _overdue(facts: Facts) -> list[Record]:
    return [
        invoice for invoice in facts.unpaid_invoices() if is_before(invoice.due_at, facts.day_start)
    ]


def overdue_invoices(facts: Facts, metric: Metric) -> int:
    return len(_overdue(facts))


def overdue_amount(facts: Facts, metric: Metric) -> Number:
    return sum(invoice.amount for invoice in _overdue(facts))


def days_overdue(facts: Facts, metric: Metric) -> int:
    due = [invoice.due_at for invoice in _overdue(facts)]
    return facts.whole_days_since(min(due)) if due else 0


def invoices_due(facts: Facts, metric: Metric) -> int:
    due = [invoice.due_at for invoice in facts.unpaid_invoices()]
    return sum(facts.in_window(due_at, metric.window_days) for due_at in due)


def amount_paid(facts: Facts, metric: Metric) -> Number:
    """Credits count here."""
    return sum(
        invoice.amount
        for invoice in facts.records("invoices")
        if facts.in_window(invoice.paid_at, metric.window_days)
    )


def late_payment_ratio(facts: Facts, metric: Metric) -> float | None:
    due = [
        invoice
        for invoice in facts.records("invoices")
        if invoice.amount > 0
        and facts.in_window(invoice.due_at, metric.window_days)
        and not is_before(invoice.voided_at, facts.day_start)
    ]
    late = [
        invoice
        for invoice in due
        if not is_before(invoice.paid_at, facts.day_start)
        or invoice.paid_at.date() > invoice.due_at.date()
    ]
    return len(late) / len(due) if due else None


# service


def _tickets(facts: Facts, metric: Metric) -> list[Record]:
    return _kept(facts.records("tickets"), metric)


def _created_in_window(facts: Facts, metric: Metric) -> list[Record]:
    return [
        ticket
        for ticket in _tickets(facts, metric)
        if facts.in_window(ticket.created_at, metric.window_days)
    ]


def _solved_in_window(facts: Facts, metric: Metric) -> list[Record]:
    return [
        ticket
        for ticket in _tickets(facts, metric)
        if facts.in_window(ticket.solved_at, metric.window_days)
    ]


def _open_on_health_date(facts: Facts, metric: Metric) -> list[Record]:
    return [
        ticket
        for ticket in _tickets(facts, metric)
        if not is_before(ticket.solved_at, facts.day_start)
    ]


def open_tickets(facts: Facts, metric: Metric) -> int:
    if metric.window_days is None:
        return len(_open_on_health_date(facts, metric))
    window_start = facts.window_start(metric.window_days)
    return sum(not is_before(ticket.solved_at, window_start) for ticket in _tickets(facts, metric))


def tickets_created(facts: Facts, metric: Metric) -> int:
    return len(_created_in_window(facts, metric))


def tickets_solved(facts: Facts, metric: Metric) -> int:
    return len(_solved_in_window(facts, metric))


def open_ticket_age_days(facts: Facts, metric: Metric) -> int:
    created = [ticket.created_at for ticket in _open_on_health_date(facts, metric)]
    return facts.whole_days_since(min(created)) if created else 0


def first_reply_hours(facts: Facts, metric: Metric) -> float | None:
    return _mean(
        [
            _hours(ticket.created_at, ticket.first_replied_at)
            for ticket in _created_in_window(facts, metric)
            if is_before(ticket.first_replied_at, facts.day_start)
        ]
    )


def resolution_hours(facts: Facts, metric: Metric) -> float | None:
    return _mean(
        [_hours(ticket.created_at, ticket.solved_at) for ticket in _solved_in_window(facts, metric)]
    )


def reopens(facts: Facts, metric: Metric) -> Number:
    return sum(ticket.reopens or 0 for ticket in _created_in_window(facts, metric))


def _ratings(facts: Facts, metric: Metric) -> list[float]:
    return [
        ticket.csat_score
        for ticket in _tickets(facts, metric)
        if ticket.csat_score is not None
        and facts.in_window(
            ticket.solved_at if ticket.csat_at is None else ticket.csat_at, metric.window_days
        )
    ]


def csat_score(facts: Facts, metric: Metric) -> float | None:
    return _mean(_ratings(facts, metric))


def good_csat(facts: Facts, metric: Metric) -> int:
    return sum(rating >= 4 for rating in _ratings(facts, metric))


def bad_csat(facts: Facts, metric: Metric) -> int:
    return sum(rating <= 2 for rating in _ratings(facts, metric))


def tickets_per_active_user(facts: Facts, metric: Metric) -> float | None:
    users = active_users(facts, metric)
    return tickets_created(facts, metric) / users if users else None


# relationship


def _touchpoints_in_window(facts: Facts, metric: Metric) -> list[Record]:
    return [
        touchpoint
        for touchpoint in _kept(facts.records("touchpoints"), metric)
        if facts.in_window(touchpoint.occurred_at, metric.window_days)
    ]


def touchpoints(facts: Facts, metric: Metric) -> int:
    return len(_touchpoints_in_window(facts, metric))


def people_contacted(facts: Facts, metric: Metric) -> int:
    touched = _touchpoints_in_window(facts, metric)
    return len(distinct(touchpoint.user_id for touchpoint in touched))


def days_since_last_touchpoint(facts: Facts, metric: Metric) -> int:
    touched = _kept(facts.records("touchpoints"), metric)
    times = [touchpoint.occurred_at for touchpoint in touched]
    return facts.whole_days_since(max(times, default=facts.account.created_at))


def _responses(facts: Facts, metric: Metric, kind: str) -> list[Record]:
    return [
        response
        for response in facts.records("survey_responses")
        if response.kind == kind and facts.in_window(response.responded_at, metric.window_days)
    ]


def _answered_last(response: Record) -> tuple[datetime, str]:
    return (response.responded_at, response.response_id)


def _latest_score(responses: Sequence[Record]) -> float | None:
    latest = max(responses, key=_answered_last, default=None)
    return None if latest is None else latest.score


def nps(facts: Facts, metric: Metric) -> float | None:
    scores = [response.score for response in _responses(facts, metric, "nps")]
    if not scores:
        return None
    promoters = sum(score >= 9 for score in scores)
    detractors = sum(score <= 6 for score in scores)
    return 100 * (promoters - detractors) / len(scores)


def nps_latest(facts: Facts, metric: Metric) -> float | None:
    return _latest_score(_responses(facts, metric, "nps"))


# external


def _tags_of_kind(facts: Facts, metric: Metric, kind: str) -> set[str]:
    return {tag.tag for tag in _kept(facts.tags_on(), metric) if tag.kind == kind}


def risk_tags(facts: Facts, metric: Metric) -> int:
    return len(_tags_of_kind(facts, metric, "risk"))


def confidence_tags(facts: Facts, metric: Metric) -> int:
    return len(_tags_of_kind(facts, metric, "confidence"))


def _assessed_last(assessment: Record) -> tuple[datetime, str]:
    return (assessment.assessed_at, assessment.assessment_id)


def risk_score(facts: Facts, metric: Metric) -> float | None:
    assessments = [
        assessment
        for assessment in facts.records("risk_assessments")
        if facts.in_window(assessment.assessed_at, metric.window_days)
    ]
    latest = max(assessments, key=_assessed_last, default=None)
    return None if latest is None else latest.risk_score


def pulse(facts: Facts, metric: Metric) -> float | None:
    return _latest_score(_responses(facts, metric, "pulse"))


# The measures by their names, each with the tables without which it is missing.
MEASURES: dict[str, tuple[tuple[str, ...], Measure]] = {
    measure.__name__: (needed_tables, measure)
    for needed_tables, measures in [
        (
            ("events",),
            (
                events,
                features_used,
                modules_used,
                active_users,
                active_days,
                inactive_users,
                active_user_ratio,
                days_since_last_event,
                event_change_ratio,
            ),
        ),
        (("events", "subscriptions"), (license_utilization,)),
        (
            ("subscriptions",),
            (mrr, seats, plan_rank, plan_rank_change, mrr_change_ratio, days_to_renewal),
        ),
        (
            ("invoices",),
            (
                open_invoices,
                overdue_invoices,
                overdue_amount,
                days_overdue,
                invoices_due,
                amount_paid,
                late_payment_ratio,
            ),
        ),
        (
            ("tickets",),
            (
                open_tickets,
                tickets_created,
                tickets_solved,
                open_ticket_age_days,
                first_reply_hours,
                resolution_hours,
                reopens,
                csat_score,
                good_csat,
                bad_csat,
            ),
        ),
        (("tickets", "events"), (tickets_per_active_user,)),
        (("touchpoints",), (touchpoints, people_contacted, days_since_last_touchpoint)),
        (("survey_responses",), (nps, nps_latest, pulse)),
        (("account_tags",), (risk_tags, confidence_tags)),
        (("risk_assessments",), (risk_score,)),
    ]
    for measure in measures
}

# The columns without which a measure is missing: of each group one is enough.
Place = tuple[str, str]
NEEDED_COLUMNS: dict[str, tuple[tuple[Place, ...], ...]] = {
    **dict.fromkeys(
        ("active_users", "inactive_users", "active_user_ratio", "tickets_per_active_user"),
        ((("events", "user_id"),),),
    ),
    "license_utilization": ((("events", "user_id"),), (("subscriptions", "seats"),)),
    "people_contacted": ((("touchpoints", "user_id"),),),
    "modules_used": ((("events", "module"),),),
    "seats": ((("subscriptions", "seats"),),),
    "days_to_renewal": ((("subscriptions", "renews_at"),),),
    **dict.fromkeys(
        (
            "overdue_invoices",
            "overdue_amount",
            "days_overdue",
            "invoices_due",
            "late_payment_ratio",
        ),
        ((("invoices", "due_at"),), (("invoices", "paid_at"),)),
    ),
    **dict.fromkeys(("open_invoices", "amount_paid"), ((("invoices", "paid_at"),),)),
    **dict.fromkeys(
        ("open_tickets", "open_ticket_age_days", "tickets_solved", "resolution_hours"),
        ((("tickets", "solved_at"),),),
    ),
    "first_reply_hours": ((("tickets", "first_replied_at"),),),
    "reopens": ((("tickets", "reopens"),),),
    **dict.fromkeys(
        ("csat_score", "good_csat", "bad_csat"),
        (
            (("tickets", "csat_score"),),
            (("tickets", "csat_at"), ("tickets", "solved_at")),
        ),
    ),
}
