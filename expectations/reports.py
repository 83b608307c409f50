"""What checks answer: results, the records that fail, and which failures stop publishing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from expectations.checks import BOUNDARIES, Check


class CheckRaised(Exception):
    """A check could not be evaluated. That is a failure of the run, not of the data."""


# What names a record, whom it concerns, and what explains its figures.
RECORD = ("health_date", "record_key", "account_id", "owner", "detail")


@dataclass(frozen=True)
class Failure:
    """A record that fails a check: an account, a metric, a condition, or the table as a whole."""

    record_key: str
    observed: str
    account_id: str | None = None
    owner: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class CheckResult:
    """The answer of one check for one health date.

    A check that has too little to compare with is not validated: it does not fail, and what failed
    before goes on failing.
    """

    health_date: date
    check: Check
    passed: bool
    observed: str
    expected: str
    failures: tuple[Failure, ...] = ()
    was_validated: bool = True

    @property
    def blocks_publishing(self) -> bool:
        """Whether what was calculated for this date must not be published.

        A critical failure of the raw data turns the pillars that need the table to not calculated,
        and the rest is published; only on the accounts does every pillar stand.
        """
        is_everything = self.check.boundary != "raw" or self.check.table_name == "accounts"
        return not self.passed and self.check.severity == "critical" and is_everything


@dataclass(frozen=True)
class Report:
    """All results of one boundary for the health dates of a run."""

    boundary: str
    dates: tuple[date, ...]
    results: tuple[CheckResult, ...]
    # What Great Expectations answered, by the name of the suite, for the Data Docs.
    validations: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if not result.passed)


def blocking_failures(reports: Iterable[Report]) -> list[CheckResult]:
    """The failures that stop publishing, none when the run may be published."""
    return [result for report in reports for result in report.results if result.blocks_publishing]


def worst_first(results: Iterable[CheckResult]) -> list[CheckResult]:
    """What blocks publishing, then what is critical, then warnings; the latest dates first."""
    return sorted(
        results,
        key=lambda result: (
            not result.blocks_publishing,
            result.check.severity == "warning",
            BOUNDARIES.index(result.check.boundary),
            -result.health_date.toordinal(),
            result.check.key,
        ),
    )
