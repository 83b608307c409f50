"""Trend: how many accounts, or how much MRR, were in which state, by month, week or day."""

from datetime import date
from typing import Any

from orchestration.pages.filters import Chosen, Clause, Query, chosen
from orchestration.pages.snapshot import Row, Snapshot
from orchestration.pages.words import STATES, day

PERIODS = {"month": "month", "week": "week", "day": "day"}
MEASURES = {"accounts": "accounts", "mrr": "MRR", "share": "share of accounts"}
# Segments and managers are those of each day; analysis segments too, in which an account counts
# once for each that it is a member of.
PANELS = {
    "": ("one", "'All accounts'"),
    "segment": ("segment", "coalesce(history.segment_id, 'none')"),
    "analysis": ("analysis segment", "memberships.segment_id"),
    "manager": ("manager", "coalesce(history.csm_email, 'nobody')"),
}
MOST = {"month": 24, "week": 53, "day": 60}
WIDTH, HEIGHT = 640, 160


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


def states_by_date(
    snapshot: Snapshot, dates: list[date], accounts: Chosen, pillar: str, panel: str
) -> list[Row]:
    """Accounts and MRR by health date, panel and state."""
    of_pillar = pillar != "overall"
    state = "pillars.state" if of_pillar else "history.overall_state"
    joins = ""
    values: list[Any] = []
    if of_pillar:
        joins += (
            " inner join health.pillar_health_history as pillars"
            " on history.health_date = pillars.health_date"
            " and history.account_id = pillars.account_id and pillars.pillar_id = ?"
        )
        values.append(pillar)
    if panel == "analysis":
        joins += (
            " inner join health.segment_membership as memberships"
            " on history.health_date = memberships.health_date"
            " and history.account_id = memberships.account_id"
            " and memberships.membership = 'member'"
        )
    # Without a filter those that have left count on the dates on which they were there.
    where = (
        " and history.account_id in (select account_id from health.account_health as accounts"
        f" where {accounts.sql})"
        if accounts.sql != "true"
        else ""
    )
    listed = ", ".join(f"date '{one}'" for one in dates)
    return snapshot.rows(
        f"select history.health_date, {PANELS[panel][1]} as panel, {state} as state,"
        " count(*) as accounts, coalesce(sum(history.mrr), 0) as mrr"
        f" from health.account_health_history as history{joins}"
        f" where history.health_date in ({listed or 'null'}){where}"
        " group by all order by all",
        [*values, *(accounts.values if where else [])],
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
    step = WIDTH / max(len(dates), 1)
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
    state_of = (
        "select account_id, overall_state as state, mrr from health.account_health_history"
        " where health_date = ?"
        if pillar == "overall"
        else "select pillars.account_id, pillars.state, history.mrr"
        " from health.pillar_health_history as pillars"
        " inner join health.account_health_history as history"
        " on pillars.health_date = history.health_date and pillars.account_id = history.account_id"
        " where pillars.health_date = ? and pillars.pillar_id = ?"
    )
    values: list[Any] = [first] + ([] if pillar == "overall" else [pillar])
    later: list[Any] = [last] + ([] if pillar == "overall" else [pillar])
    where = (
        "where account_id in (select account_id from health.account_health as accounts"
        f" where {accounts.sql})"
        if accounts.sql != "true"
        else ""
    )
    return snapshot.rows(
        f"with earlier as ({state_of}), later as ({state_of}),"
        " causes as (select account_id, arg_max(cause, health_date) as cause"
        " from health.health_changes where pillar_id = ? and health_date > ? and health_date <= ?"
        " group by account_id),"
        " states as (select account_id, coalesce(earlier.state, 'not there') as from_state,"
        " coalesce(later.state, 'not there') as to_state,"
        " coalesce(later.mrr, earlier.mrr) as mrr"
        " from earlier full outer join later using (account_id))"
        " select from_state, to_state, case when from_state <> to_state then"
        " coalesce(cause, case when from_state = 'not there' then 'came' when to_state ="
        " 'not there' then 'left' end) end as cause, count(*) as accounts, sum(mrr) as mrr"
        f" from states left join causes using (account_id) {where}"
        " group by all order by from_state = to_state, accounts desc, from_state, to_state, cause",
        [*values, *later, pillar, first, last, *(accounts.values if where else [])],
    )


def page(snapshot: Snapshot, query: Query, visible: Clause | None) -> dict[str, Any]:
    """What the template `trend` shows."""
    period = query.get("by") if query.get("by") in PERIODS else "month"
    measure = query.get("measure") if query.get("measure") in MEASURES else "accounts"
    panel = query.get("panel") if query.get("panel") in PANELS else ""
    names = snapshot.configuration
    pillar = query.get("of", "overall")
    pillar = pillar if pillar in names.pillar_names else "overall"
    dates = period_dates(snapshot, period)
    accounts = chosen(query, snapshot, visible)
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
    first = dated(snapshot, query.get("from"), dates[-2] if len(dates) > 1 else dates[0])
    last = dated(snapshot, query.get("to"), dates[-1])
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
        "choices_of": [
            ("overall", "Overall"),
            *((p, names.pillar_names[p]) for p in names.pillars),
        ],
    }


def listed(snapshot: Snapshot, query: Query, visible: Clause | None) -> dict[str, Any]:
    """The accounts of one bar: those of a date, a state and, if given, a panel."""
    one = dated(snapshot, query.get("date"), snapshot.last_date)
    names = snapshot.configuration
    pillar = query.get("of", "overall")
    pillar = pillar if pillar in names.pillar_names else "overall"
    panel = query.get("panel") if query.get("panel") in PANELS else ""
    accounts = chosen(query, snapshot, visible)
    joins = ""
    values: list[Any] = []
    state = "history.overall_state"
    if pillar != "overall":
        state = "pillars.state"
        joins = (
            " inner join health.pillar_health_history as pillars"
            " on history.health_date = pillars.health_date"
            " and history.account_id = pillars.account_id and pillars.pillar_id = ?"
        )
        values.append(pillar)
    if panel == "analysis":
        joins += (
            " inner join health.segment_membership as memberships"
            " on history.health_date = memberships.health_date"
            " and history.account_id = memberships.account_id"
            " and memberships.membership = 'member'"
        )
    conditions = ["history.health_date = ?", f"{state} = ?"]
    values += [one, query.get("bar_state", "poor")]
    if name := query.get("bar_panel"):
        conditions.append(f"{PANELS[panel][1]} = ?")
        values.append(name)
    if accounts.sql != "true":
        conditions.append(
            "history.account_id in (select account_id from health.account_health as accounts"
            f" where {accounts.sql})"
        )
        values += accounts.values
    rows = snapshot.rows(
        "select history.*, churned.account_name from health.account_health_history as history"
        f"{joins} left join health.account_churn as churned"
        " on history.account_id = churned.account_id"
        f" where {' and '.join(conditions)} order by history.mrr desc nulls last,"
        " history.account_id limit 1000",
        values,
    )
    return {
        "rows": rows,
        "date": one,
        "state": query.get("bar_state", "poor"),
        "pillar_name": names.pillar_names[pillar],
        "title": day(one),
    }


def dated(snapshot: Snapshot, text: str, otherwise: date) -> date:
    """The date of the history that is asked for, or the last one before it."""
    try:
        asked = date.fromisoformat(text)
    except ValueError:
        return otherwise
    return max((one for one in snapshot.dates if one <= asked), default=snapshot.dates[0])
