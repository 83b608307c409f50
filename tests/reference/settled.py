"""Settled states (docs/health.md, "Settled state").

`settled_state` is the rule, `Replay` what a history shows that was calculated in several runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from .calculated import Calculated

Key = tuple[str, str]  # account, pillar or "overall"


@dataclass(frozen=True)
class Standing:
    """What one date says of a pillar or of the overall of an account.

    settle_days: of the segment chosen on the date.
    """

    calculated_state: str
    settle_days: int = 0
    override: str | None = None


def settled_state(calculated: Sequence[str | None], settle_days: int) -> str | None:
    """The state that held on settle_days + 1 dates in a row, the last time that one did.

    calculated: the states on the dates of the history up to the one asked for, which is the last;
    None where the account has no row.
    """
    held = settle_days + 1
    for last in range(len(calculated), held - 1, -1):
        stretch = calculated[last - held : last]
        if stretch[0] is not None and set(stretch) == {stretch[0]}:
            return stretch[0]
    return calculated[-1]


@dataclass
class Replay:
    """A history as runs leave it: a run replaces its dates, and looks at none after them."""

    standings: dict[date, Mapping[Key, Standing]] = field(default_factory=dict)
    settled: dict[date, dict[Key, str | None]] = field(default_factory=dict)

    def run(self, dates: Iterable[date], standings: Mapping[date, Mapping[Key, Standing]]) -> None:
        """Calculate the dates; one on which no account is in scope is none of the history."""
        for health_date in sorted(dates):
            self.standings.pop(health_date, None)
            self.settled.pop(health_date, None)
            if not standings.get(health_date):
                continue
            self.standings[health_date] = standings[health_date]
            self.settled[health_date] = {
                key: standing.override or self._settled_state(health_date, key, standing)
                for key, standing in standings[health_date].items()
            }

    def _settled_state(self, health_date: date, key: Key, standing: Standing) -> str | None:
        before = [day for day in sorted(self.standings) if day <= health_date]
        states = [self.standings[day].get(key) for day in before]
        return settled_state(
            [None if one is None else one.calculated_state for one in states], standing.settle_days
        )


def settle(history: Iterable[Calculated]) -> None:
    """Give everything calculated in one run from an empty warehouse its settled states."""
    days: dict[date, dict[Key, Standing]] = {}
    judgements = {}
    for one in history:
        settle_days = 0 if one.health.chosen is None else one.health.chosen.settle_days
        for judgement in one.judgements:
            key = (one.account_id, judgement.pillar_id)
            override = judgement.state if judgement.is_overridden else None
            standing = Standing(judgement.calculated_state, settle_days, override)
            days.setdefault(one.health_date, {})[key] = standing
            judgements[one.health_date, key] = judgement
    replay = Replay()
    replay.run(days, days)
    for (health_date, key), judgement in judgements.items():
        judgement.settled_state = replay.settled[health_date][key]
