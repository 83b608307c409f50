"""Trend: how many accounts, or how much MRR, were in which state, by month, week or day."""

from collections import Counter
from datetime import date
from typing import Any

from orchestration.insight.states_over_time import PANELS, StatesOverTime, last_of_periods
from orchestration.pages.accounts import choices
from orchestration.pages.filters import Chosen, chosen
from orchestration.pages.visit import Visit
from orchestration.pages.words import STATES, day
from orchestration.publishing.open_publication import Row

MOST = {"month": 24, "week": 53, "day": 60}  # bars of a chart
MEASURES = ("accounts", "mrr", "share")
MOST_PANELS = 24  # charts of a page
WIDTH, HEIGHT = 640, 160


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
                }
            )
    return drawn


def page(visit: Visit) -> dict[str, Any]:
    """What the template `trend` shows."""
    snapshot, query, names = visit.snapshot, visit.query, visit.names
    period, measure = query.one_of("by", MOST), query.one_of("measure", MEASURES)
    dates = last_of_periods(snapshot.dates, period)[-MOST[period] :]
    accounts = chosen(query, snapshot, visit.visible)
    states = states_of(visit, accounts)
    rows = states.by_date(dates)
    titles = names.segment_names if states.panel in ("segment", "analysis") else {}
    sizes: Counter[str] = Counter()
    for row in rows:
        sizes[row["panel"]] += row["accounts"]
    panels = []
    for name in sorted(name for name, _ in sizes.most_common(MOST_PANELS)):
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
    first = snapshot.date_up_to(query.day("from"), dates[-2] if len(dates) > 1 else dates[0])
    first, last = sorted((first, snapshot.date_up_to(query.day("to"), dates[-1])))
    return {
        "panels": panels,
        "left_out": len(sizes) - len(panels),
        "period": period,
        "measure": measure,
        "panel": states.panel,
        "pillar": states.pillar,
        "accounts": accounts,
        "first": first,
        "last": last,
        "flows": states.flows(first, last),
        "width": WIDTH,
        "height": HEIGHT,
        "choices": choices(snapshot, visit.visible),
    }


def states_of(visit: Visit, accounts: Chosen) -> StatesOverTime:
    pillar = visit.query.one_of("of", ["overall", *visit.names.pillar_names])
    panel = visit.query.one_of("panel", PANELS)
    return StatesOverTime(visit.snapshot.rows, pillar, panel, accounts.sql, accounts.values)


def listed(visit: Visit) -> dict[str, Any]:
    """The accounts of one bar: those of a date, a state and, if given, a panel."""
    snapshot, query = visit.snapshot, visit.query
    one = snapshot.date_up_to(query.day("date"), snapshot.last_date)
    state = query.get("bar_state", "poor")
    states = states_of(visit, chosen(query, snapshot, visit.visible))
    return {
        "rows": states.listed(one, state, query.get("bar_panel")),
        "state": state,
        "pillar_name": visit.names.pillar_names[states.pillar],
        "title": day(one),
    }
