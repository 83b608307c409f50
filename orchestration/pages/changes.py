"""What changed since a date: the accounts whose state is another one now, by cause and MRR."""

from datetime import date, timedelta
from typing import Any

from orchestration.insight.wording import CAUSES
from orchestration.pages.accounts import choices
from orchestration.pages.filters import chosen
from orchestration.pages.visit import Visit
from orchestration.pages.words import flips

MOST = 500  # rows of a page; the filters narrow it

CHANGES = """
    select
        changes.account_id, accounts.account_name, accounts.csm_email, accounts.mrr,
        changes.pillar_id, changes.health_date, changes.from_state, changes.to_state,
        changes.days_in_from_state, changes.cause, changes.flipped_conditions
    from health.health_changes as changes
    inner join health.account_health as accounts on changes.account_id = accounts.account_id
    where changes.health_date > ? and changes.pillar_id = ? and {where}
    order by accounts.mrr desc nulls last, changes.account_id, changes.health_date desc
    limit {most}
"""


def page(visit: Visit, looked: date | None = None) -> dict[str, Any]:
    """What the template `changes` shows. looked: the health date that was looked at last."""
    snapshot, query = visit.snapshot, visit.query
    pillar = query.one_of("of", ["overall", *visit.names.pillar_names])
    week = snapshot.last_date - timedelta(days=7)
    since = snapshot.date_up_to(query.day("since"), looked or week)
    accounts = chosen(query, snapshot, visit.visible)
    rows = snapshot.rows(
        CHANGES.format(where=accounts.sql, most=MOST), [since, pillar, *accounts.values]
    )
    groups: dict[str, list[dict[str, Any]]] = {cause: [] for cause in CAUSES}
    for row in rows:
        row["flips"] = flips(visit.names, row["flipped_conditions"])
        groups.setdefault(row["cause"], []).append(row)
    return {
        "since": since,
        "looked": looked,
        "pillar": pillar,
        "groups": {cause: found for cause, found in groups.items() if found},
        "is_cut": len(rows) == MOST,
        "most": MOST,
        "accounts": accounts,
        "choices": choices(snapshot, visit.visible),
    }
