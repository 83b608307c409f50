"""What became of overrides (docs/published_tables.md, "Overrides and who left")."""

from collections.abc import Iterable
from datetime import date, timedelta

from .calculated import Calculated
from .row_rules import Record

OUTCOME_DAYS = timedelta(days=90)
COLUMNS = [
    "override_id",
    "account_id",
    "pillar_id",
    "state",
    "calculated_state_at_start",
    "calculated_state_at_end",
    "first_applied_on",
    "last_applied_on",
    "left_within_90_days",
    "reason",
    "author",
    "created_at",
    "expires_at",
]


def override_rows(
    history: list[Calculated], overrides: Iterable[Record], accounts: Iterable[Record]
) -> list[dict[str, object]]:
    """A row an override; `history` is in the order of dates."""
    churned = {account.account_id: account.churned_at for account in accounts}
    latest = history[-1].health_date if history else None
    applied: dict[str, list[tuple[date, str]]] = {}
    for one in history:
        for judgement in one.judgements:
            winner = _in_force(one, judgement.pillar_id)
            if winner is not None:
                seen = (one.health_date, judgement.calculated_state)
                applied.setdefault(winner.override_id, []).append(seen)
    rows = []
    for override in overrides:
        seen = applied.get(override.override_id)
        rows.append(
            {
                "override_id": override.override_id,
                "account_id": override.account_id,
                "pillar_id": override.pillar_id,
                "state": override.state,
                "calculated_state_at_start": seen[0][1] if seen else None,
                "calculated_state_at_end": seen[-1][1] if seen else None,
                "first_applied_on": seen[0][0] if seen else None,
                "last_applied_on": seen[-1][0] if seen else None,
                "left_within_90_days": _has_left(override, churned[override.account_id], latest),
                "reason": override.reason,
                "author": override.author,
                "created_at": override.created_at,
                "expires_at": override.expires_at,
            }
        )
    return rows


def _in_force(one: Calculated, pillar_id: str) -> Record | None:
    """The override that applies on the date: created before it, not expired before it, latest."""
    applying = [
        override
        for override in one.facts.records("health_overrides")
        if override.pillar_id == pillar_id
        and (override.expires_at is None or override.expires_at >= one.facts.day_start)
    ]
    return max(applying, key=lambda each: (each.created_at, each.override_id), default=None)


def _has_left(override: Record, churned_at: object, latest: date | None) -> bool | None:
    end = override.created_at.date() + OUTCOME_DAYS
    if latest is None or latest < end:
        return None
    if churned_at is None:
        return False
    if churned_at < override.created_at:
        return None
    return churned_at.date() < end
