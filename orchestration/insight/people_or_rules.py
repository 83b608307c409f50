"""People or rules: whether overrides or the states that they replaced foretold who left."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from orchestration.insight.accounts import Connection, has_table
from orchestration.insight.observations import Labels
from orchestration.insight.prediction import CHURNED_NEEDED
from orchestration.insight.states import RANKS

OUTCOME_DAYS = 90
OVERRIDES = """
    select account_id, state, calculated_state_at_start, cast(created_at as date)
    from health.override_outcomes
    where calculated_state_at_start is not null
"""


@dataclass(frozen=True)
class PeopleOrRules:
    """Overrides that set a worse or a better state than was calculated, and who was right.

    Who sets worse says that the account leaves within 90 days of the override, who sets better that
    it stays; the rules say the opposite.
    """

    worse: int
    worse_left: int
    better: int
    better_stayed: int

    @property
    def count(self) -> int:
        return self.worse + self.better

    @property
    def people_right(self) -> int:
        return self.worse_left + self.better_stayed

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the share of overrides in which people were right."""
        share, count, z = self.people_right / self.count, self.count, 1.96
        middle = share + z**2 / (2 * count)
        spread = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
        whole = 1 + z**2 / count
        return float((middle - spread) / whole), float((middle + spread) / whole)

    @property
    def verdict(self) -> str:
        counts = (
            f"of {self.worse} that were set worse than calculated {self.worse_left} left within"
            f" {OUTCOME_DAYS} days, of {self.better} that were set better {self.better_stayed}"
            " stayed"
        )
        if self.count < CHURNED_NEEDED:
            return (
                f"Overrides: too few to say whether people or rules were right more often"
                f" ({self.count} of {CHURNED_NEEDED} whose {OUTCOME_DAYS} days are over: {counts})."
            )
        low, high = self.interval
        who = (
            "people were right more often than the rules"
            if low > 0.5
            else "the rules were right more often than people"
            if high < 0.5
            else "neither people nor rules were right clearly more often"
        )
        return (
            f"Overrides: {who}. People were right {self.people_right} of {self.count} times"
            f" ({low:.0%} to {high:.0%}): {counts}."
        )


def people_or_rules(
    connection: Connection, labels: Labels, known_until: date
) -> PeopleOrRules | None:
    """None where nobody has ever set a state, or the publication does not tell."""
    if not has_table(connection, "override_outcomes"):
        return None
    counts = {"worse": [0, 0], "better": [0, 0]}
    rows = connection.execute(OVERRIDES).fetchall()
    for account, state, calculated, start in rows:
        end = start + timedelta(days=OUTCOME_DAYS)
        if state not in RANKS or calculated not in RANKS or state == calculated:
            continue
        if end > known_until:
            continue
        left = labels.next_after(account, start)
        has_left = left is not None and left < end
        way = "worse" if RANKS[state] < RANKS[calculated] else "better"
        counts[way][0] += 1
        counts[way][1] += has_left if way == "worse" else not has_left
    return PeopleOrRules(*counts["worse"], *counts["better"]) if rows else None
