"""One account on one health date, with all that the published tables need of it."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date

from .facts import Facts
from .health import AccountHealth, Judgement
from .measures import mrr
from .signals import SignalValue
from .sources import SourceStatus


@dataclass
class Calculated:
    """fit_pillars: the pillars whose sources are fit on the date."""

    facts: Facts
    metric_values: dict[str, float | None]
    signals: dict[str, SignalValue]
    fit_pillars: Set[str]
    health: AccountHealth
    statuses: Mapping[str, SourceStatus]

    @property
    def health_date(self) -> date:
        return self.facts.health_date

    @property
    def account_id(self) -> str:
        return self.facts.account.account_id

    @property
    def mrr(self) -> float | None:
        """The measure, whether or not a metric of the configuration uses it."""
        return None if self.facts.is_absent("subscriptions") else float(mrr(self.facts))

    @property
    def segment_id(self) -> str | None:
        return None if self.health.chosen is None else self.health.chosen.segment_id

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """Every pillar's and the overall's."""
        return (*self.health.pillars, self.health.overall)
