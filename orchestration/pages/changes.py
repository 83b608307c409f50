"""What changed since a date: the accounts whose state is another one now, by cause and MRR."""

from datetime import date, timedelta
from typing import Any

from orchestration.pages.filters import Clause, Query, chosen
from orchestration.pages.snapshot import Snapshot
from orchestration.pages.trend import dated
from orchestration.pages.words import CAUSES, flips

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


def page(
    snapshot: Snapshot, query: Query, visible: Clause | None, looked: date | None
) -> dict[str, Any]:
    """What the template `changes` shows. looked: the health date that was looked at last."""
    names = snapshot.configuration
    pillar = query.get("of", "overall")
    pillar = pillar if pillar in names.pillar_names else "overall"
    week = snapshot.last_date - timedelta(days=7)
    since = dated(snapshot, query.get("since"), looked or week)
    accounts = chosen(query, snapshot, visible)
    rows = snapshot.rows(
        CHANGES.format(where=accounts.sql, most=MOST), [since, pillar, *accounts.values]
    )
    groups: dict[str, list[dict[str, Any]]] = {cause: [] for cause in CAUSES}
    for row in rows:
        row["flips"] = flips(names, row["flipped_conditions"])
        groups.setdefault(row["cause"], []).append(row)
    return {
        "since": since,
        "looked": looked,
        "pillar": pillar,
        "groups": {cause: found for cause, found in groups.items() if found},
        "is_cut": len(rows) == MOST,
        "most": MOST,
        "accounts": accounts,
        "choices_of": [
            ("overall", "Overall"),
            *((p, names.pillar_names[p]) for p in names.pillars),
        ],
    }
