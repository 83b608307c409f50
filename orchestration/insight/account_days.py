"""The days of an account: which there are, and its states on the last of them as letters."""

from datetime import date, timedelta

from orchestration.insight.explanation import DAYS, states_of
from orchestration.insight.states import LETTERS
from orchestration.publishing.open_publication import Snapshot

ON_DAY = "select 1 from health.account_health_history where account_id = ? and health_date = ?"
NEAREST_DAY = """
    select coalesce(max(health_date) filter (health_date <= ?), min(health_date))
    from health.account_health_history
    where account_id = ?
"""
STRIPS = """
    select 'overall' as pillar_id, last_60_days
    from health.account_health
    where account_id = ?
    union all
    select pillar_id, last_60_days
    from health.pillar_health
    where account_id = ?
"""


def day_there(snapshot: Snapshot, account: str, asked: date) -> date | None:
    """The day asked for, or the last one before it with the account, or its first; None: none."""
    # One day is found at once; for the nearest one all of the history is looked through.
    if snapshot.rows(ON_DAY, [account, asked]):
        return asked
    return snapshot.value(NEAREST_DAY, [asked, account])


def letters_of_days(snapshot: Snapshot, account: str, day: date) -> dict[str, str]:
    """The 60 days up to one, overall and of each pillar, as `last_60_days` has them."""
    if snapshot.is_latest and day == snapshot.last_date:
        rows = snapshot.rows(STRIPS, [account, account])
        return {row["pillar_id"]: row["last_60_days"] for row in rows}
    days = [day - timedelta(days=age) for age in range(DAYS - 1, -1, -1)]
    return {
        pillar: "".join(LETTERS.get(states.get(one, ""), ".") for one in days)
        for pillar, states in states_of(snapshot.connection.cursor(), account, day).items()
    }
