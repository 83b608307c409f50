"""What accounts come to together with all that belong to them (docs/health.md, "Roll-up")."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from .calculated import Calculated
from .health import NOT_CALCULATED

COLUMNS = [
    "health_date",
    "parent_account_id",
    "pillar_id",
    "accounts",
    "good",
    "average",
    "poor",
    "not_calculated",
    "mrr",
    "mean_score",
    "mrr_weighted_score",
    "worst_state",
]
WORST_FIRST = ("poor", "average", "good", NOT_CALCULATED)

PublishedRow = dict[str, object]


def rollup_rows(day: Sequence[Calculated]) -> Iterator[PublishedRow]:
    """The rows of one health date; `day` has all accounts in scope on it."""
    accounts = {one.account_id: one for one in day}
    members: dict[str, set[str]] = defaultdict(set)
    for account_id in accounts:
        for parent_id in _parents(account_id, accounts):
            members[parent_id] |= {account_id, parent_id}
    for parent_id, ids in members.items():
        family = [accounts[account_id] for account_id in ids]
        for place in range(len(family[0].judgements)):
            yield _row(parent_id, family, place)


def _parents(account_id: str, accounts: dict[str, Calculated]) -> list[str]:
    """Its parent, the parent's parent and so on, without itself."""
    found: list[str] = []
    parent_id = _parent(account_id, accounts)
    while parent_id is not None and parent_id != account_id and parent_id not in found:
        found.append(parent_id)
        parent_id = _parent(parent_id, accounts)
    return found


def _parent(account_id: str, accounts: dict[str, Calculated]) -> str | None:
    parent_id = accounts[account_id].signals["parent_account_id"]
    return parent_id if parent_id in accounts and parent_id != account_id else None


def _row(parent_id: str, family: Sequence[Calculated], place: int) -> PublishedRow:
    judged = [(one, one.judgements[place]) for one in family]
    states = [judgement.state for _, judgement in judged]
    scores = [judgement.score for _, judgement in judged if judgement.score is not None]
    weighted = [
        (one.mrr, judgement.score)
        for one, judgement in judged
        if judgement.score is not None and (one.mrr or 0) > 0
    ]
    return {
        "health_date": family[0].health_date,
        "parent_account_id": parent_id,
        "pillar_id": judged[0][1].pillar_id,
        "accounts": len(family),
        **{state: states.count(state) for state in WORST_FIRST},
        "mrr": None if family[0].mrr is None else sum(one.mrr or 0 for one in family),
        "mean_score": sum(scores) / len(scores) if scores else None,
        "mrr_weighted_score": sum(mrr * score for mrr, score in weighted)
        / sum(mrr for mrr, _ in weighted)
        if weighted
        else None,
        "worst_state": next(state for state in WORST_FIRST if state in states),
    }
