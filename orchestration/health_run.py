"""A run: the one that may write, the dates it calculates, and what its checks answered.

Every route leads through here. What a run must not lose is in the warehouse, not in this object,
so that a step can be repeated in another process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import click
import dagster as dg
import duckdb

import expectations
from orchestration import progress
from orchestration.dbt_build import BuildFailed
from orchestration.health_dates import Range, in_words, put_together
from orchestration.partitions import range_of
from orchestration.run_lock import write_lock
from orchestration.settings import Settings
from orchestration.unfinished import begin, finish, unfinished

Boundary = str
WAIT_SECONDS = 4 * 3600.0  # as long as another route (`health run`) may hold the warehouse
RUNNERS = {
    "raw": "run_raw_checks",
    "pillars": "run_pillar_checks",
    "health": "run_health_checks",
}


@dataclass
class HealthRun:
    """The run that holds the lock.

    asked: the health dates that it was asked for. ranges: all that it calculates, in order: with
    those that an earlier run began and did not finish.
    """

    settings: Settings
    run_id: str
    asked: Range
    ranges: list[Range]
    _reports: dict[tuple[Boundary, Range], expectations.Report] = field(default_factory=dict)

    @property
    def span(self) -> Range:
        """From the first of all dates to the last."""
        return self.ranges[0][0], self.ranges[-1][1]

    def begin(self) -> None:
        """Note that the dates are being calculated, before the first write."""
        for dates in self.ranges:
            begin(self.settings, *dates)

    def finish(self) -> None:
        """Note that the dates are whole, published and told of."""
        for dates in self.ranges:
            finish(self.settings, *dates)

    def judge(self, boundary: Boundary) -> list[expectations.Report]:
        """What the checks of a boundary say of each range; worked out once."""
        return [self.report(boundary, dates) for dates in self.ranges]

    def report(self, boundary: Boundary, dates: Range) -> expectations.Report:
        if (boundary, dates) not in self._reports:
            progress.tell(f"Checking {boundary}")
            run_checks = getattr(expectations, RUNNERS[boundary])
            self._reports[boundary, dates] = run_checks(self.settings, *dates)
        return self._reports[boundary, dates]

    @property
    def reports(self) -> list[expectations.Report]:
        return [report for boundary in RUNNERS for report in self.judge(boundary)]


@dg.resource(
    config_schema={
        "wait_seconds": dg.Field(
            float,
            default_value=WAIT_SECONDS,
            description="How long to wait for another run that writes the warehouse.",
        )
    },
    description="The run lock, held from the first step to the last, and the dates of the run.",
)
def health_run(context: dg.InitResourceContext) -> Iterator[HealthRun]:
    settings = Settings.from_environment()
    run = context.run
    asked = range_of(run.tags if run else {})
    with failures_in_words(), write_lock(settings, context.resource_config["wait_seconds"]):
        ranges = put_together([asked, *unfinished(settings)])
        left = [dates for dates in unfinished(settings) if not is_within(dates, asked)]
        if left:
            words = ", ".join(in_words(*dates) for dates in left)
            note = f"Also calculated: {words}, which a run began and did not finish."
            progress.say(note)
            if context.log:
                context.log.info(note)
        yield HealthRun(settings, run.run_id if run else "", asked, ranges)


def is_within(dates: Range, others: Range) -> bool:
    return others[0] <= dates[0] and dates[1] <= others[1]


@contextmanager
def failures_in_words() -> Iterator[None]:
    """Raise what a user can mend as a failure with its message, to be retried if it may pass."""
    try:
        yield
    except dg.Failure:
        raise
    except BuildFailed as problem:
        raise dg.Failure(str(problem), allow_retries=problem.may_pass) from problem
    except (expectations.WarehouseNotReady, duckdb.IOException) as problem:
        raise dg.Failure(str(problem)) from problem
    except (expectations.CheckRaised, expectations.WrongChecks) as problem:
        raise dg.Failure(str(problem), allow_retries=False) from problem
    except click.ClickException as problem:
        raise dg.Failure(problem.message, allow_retries=False) from problem
    except Exception as problem:  # a fault of this product: the same again would not help
        text = f"{type(problem).__name__}: {problem}"
        raise dg.Failure(text, allow_retries=False) from problem
