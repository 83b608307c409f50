"""Trend: how many accounts, or how much MRR, were in which state, by month, week or day."""

from datetime import date
from typing import Any

from orchestration.pages.accounts import choices
from orchestration.pages.filters import Chosen, chosen
from orchestration.pages.visit import Visit
from orchestration.pages.words import STATES, day
from orchestration.publishing.open_publication import Row, Snapshot

MEASURES = ("accounts", "mrr", "share")
# Segments and managers are those of each day; analysis segments too, in which an account counts
# once for each that it is a member of.
PANELS = {
    "": "'All accounts'",
    "segment": "coalesce(history.segment_id, 'none')",
    "analysis": "memberships.segment_id",
    "manager": "coalesce(history.csm_email, 'nobody')",
}
MOST = {"month": 24, "week": 53, "day": 60}
WIDTH, HEIGHT = 640, 160
BESIDE = (
    " inner join health.{table} as {alias} on history.health_date = {alias}.health_date"
    " and history.account_id = {alias}.account_id"
)
FLOWS = """
    with earlier as ({of_date}), later as ({of_date}),
    causes as (
        select account_id, arg_max(cause, health_date) as cause
        from health.health_changes
        where pillar_id = ? and health_date > ? and health_date <= ?
        group by account_id
    ),
    states as (
        select
            account_id, coalesce(later.mrr, earlier.mrr) as mrr,
            coalesce(earlier.state, 'not there') as from_state,
            coalesce(later.state, 'not there') as to_state
        from earlier full outer join later using (account_id)
    ),
    flows as (
        select
            from_state, to_state, mrr,
            case
                when from_state = to_state then 'unchanged'
                when from_state = 'not there' then 'came'
                when to_state = 'not there' then 'left'
                else cause
            end as cause
        from states left join causes using (account_id)
    )
    select from_state, to_state, cause, count(*) as accounts, sum(mrr) as mrr
    from flows
    group by from_state, to_state, cause
    order by cause is not distinct from 'unchanged', accounts desc, from_state, to_state, cause
"""


def period_dates(snapshot: Snapshot, period: str) -> list[date]:
    """The last health date of each period, the latest ones."""
    last: dict[tuple[int, ...], date] = {}
    for one in snapshot.dates:
        key = {
            "month": (one.year, one.month),
            "week": one.isocalendar()[:2],
            "day": (one.toordinal(),),
        }[period]
        last[key] = one
    return sorted(last.values())[-MOST[period] :]


def history(pillar: str, panel: str) -> tuple[str, str, list[Any]]:
    """The history with the state of a pillar and what a panel asks for: its joins, the state, and
    the values of the joins."""
    joins, state = "health.account_health_history as history", "history.overall_state"
    values: list[Any] = []
    if pillar != "overall":
        state = "pillars.state"
        joins += BESIDE.format(table="pillar_health_history", alias="pillars")
        joins += " and pillars.pillar_id = ?"
        values.append(pillar)
    if panel == "analysis":
        joins += BESIDE.format(table="segment_membership", alias="memberships")
        joins += " and memberships.membership = 'member'"
    return joins, state, values


def of_accounts(accounts: Chosen) -> tuple[str, list[Any]]:
    """That a row is of the chosen accounts. Without a filter those that have left count on the
    dates on which they were there."""
    if accounts.sql == "true":
        return "true", []
    sql = f"select account_id from health.account_health as accounts where {accounts.sql}"
    return f"history.account_id in ({sql})", accounts.values


def states_by_date(
    snapshot: Snapshot, dates: list[date], accounts: Chosen, pillar: str, panel: str
) -> list[Row]:
    """Accounts and MRR by health date, panel and state."""
    joins, state, values = history(pillar, panel)
    where, more = of_accounts(accounts)
    listed = ", ".join(f"date '{one}'" for one in dates)
    return snapshot.rows(
        f"select history.health_date, {PANELS[panel]} as panel, {state} as state,"
        " count(*) as accounts, coalesce(sum(history.mrr), 0) as mrr"
        f" from {joins} where history.health_date in ({listed or 'null'}) and {where}"
        " group by all order by all",
        [*values, *more],
    )


def bars(rows: list[Row], dates: list[date], measure: str) -> list[Row]:
    """Stacked bars, one a date: where each part begins and how high it is, from the worst up."""
    amount = {(row["health_date"], row["state"]): row for row in rows}
    name = "mrr" if measure == "mrr" else "accounts"
    totals = {
        one: sum(amount[one, state][name] for state in STATES if (one, state) in amount)
        for one in dates
    }
    greatest = max(totals.values(), default=0) or 1
    step = WIDTH / max(len(dates), 8)
    drawn = []
    for position, one in enumerate(dates):
        whole = (totals[one] or 1) if measure == "share" else greatest
        y = float(HEIGHT)
        for state in STATES:
            row = amount.get((one, state))
            if not row or not row[name]:
                continue
            height = HEIGHT * row[name] / whole
            y -= height
            drawn.append(
                {
                    **row,
                    "x": round(position * step + step * 0.1, 2),
                    "y": round(y, 2),
                    "width": round(step * 0.8, 2),
                    "height": round(height, 2),
                    "share": row[name] / (totals[one] or 1),
                }
            )
    return drawn


def flows(snapshot: Snapshot, first: date, last: date, accounts: Chosen, pillar: str) -> list[Row]:
    """From which state to which between two dates, with the cause of the latest change between."""
    joins, state, values = history(pillar, "")
    where, more = of_accounts(accounts)
    of_date = (
        f"select history.account_id, {state} as state, history.mrr from {joins}"
        f" where history.health_date = ? and {where}"
    )
    return snapshot.rows(
        FLOWS.format(of_date=of_date),
        [*values, first, *more, *values, last, *more, pillar, first, last],
    )


def page(visit: Visit) -> dict[str, Any]:
    """What the template `trend` shows."""
    snapshot, query, names = visit.snapshot, visit.query, visit.names
    period, measure = query.one_of("by", MOST), query.one_of("measure", MEASURES)
    pillar, panel = pillar_and_panel(visit)
    dates = period_dates(snapshot, period)
    accounts = chosen(query, snapshot, visit.visible)
    rows = states_by_date(snapshot, dates, accounts, pillar, panel)
    titles = names.segment_names if panel in ("segment", "analysis") else {}
    panels = []
    for name in sorted({row["panel"] for row in rows}):
        own = [row for row in rows if row["panel"] == name]
        table = [
            (one, {row["state"]: row for row in own if row["health_date"] == one}) for one in dates
        ]
        panels.append(
            {
                "name": name,
                "title": titles.get(name, name),
                "bars": bars(own, dates, measure),
                "table": table,
            }
        )
    first = dated(snapshot, query.day("from"), dates[-2] if len(dates) > 1 else dates[0])
    first, last = sorted((first, dated(snapshot, query.day("to"), dates[-1])))
    return {
        "panels": panels,
        "dates": dates,
        "period": period,
        "measure": measure,
        "panel": panel,
        "pillar": pillar,
        "accounts": accounts,
        "first": first,
        "last": last,
        "flows": flows(snapshot, first, last, accounts, pillar),
        "width": WIDTH,
        "height": HEIGHT,
        "choices": choices(snapshot, visit.visible),
    }


def pillar_and_panel(visit: Visit) -> tuple[str, str]:
    pillar = visit.query.one_of("of", ["overall", *visit.names.pillar_names])
    return pillar, visit.query.one_of("panel", PANELS)


def listed(visit: Visit) -> dict[str, Any]:
    """The accounts of one bar: those of a date, a state and, if given, a panel."""
    snapshot, query = visit.snapshot, visit.query
    one, state = (
        dated(snapshot, query.day("date"), snapshot.last_date),
        query.get("bar_state", "poor"),
    )
    pillar, panel = pillar_and_panel(visit)
    joins, state_of, values = history(pillar, panel)
    where, more = of_accounts(chosen(query, snapshot, visit.visible))
    conditions = f"history.health_date = ? and {state_of} = ? and {where}"
    values += [one, state, *more]
    if name := query.get("bar_panel"):
        conditions += f" and {PANELS[panel]} = ?"
        values.append(name)
    rows = snapshot.rows(
        f"select history.*, churned.account_name from {joins}"
        " left join health.account_churn as churned on history.account_id = churned.account_id"
        f" where {conditions} order by history.mrr desc nulls last, history.account_id limit 1000",
        values,
    )
    return {
        "rows": rows,
        "date": one,
        "state": state,
        "pillar_name": visit.names.pillar_names[pillar],
        "title": day(one),
    }


def dated(snapshot: Snapshot, asked: date | None, otherwise: date) -> date:
    """The date of the history that is asked for, or the last one before it."""
    if asked is None:
        return otherwise
    return max((one for one in snapshot.dates if one <= asked), default=snapshot.dates[0])
