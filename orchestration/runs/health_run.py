"""A run: the one that may write, the dates it calculates, and what its checks answered.

Every route leads through here. What a run must not lose is in the warehouse, not in this object,
so that a step can be repeated in another process.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import click
import dagster as dg
import duckdb

import expectations
from orchestration.base import escaping, progress
from orchestration.base.settings import Settings
from orchestration.dbt_runner.dbt_build import BuildFailed, is_locked
from orchestration.erasure.removal import remove
from orchestration.raw_reader import spark_entries
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.runs.partitions import range_of
from orchestration.runs.preflight import refuse_what_cannot_work
from orchestration.runs.selection import Everything
from orchestration.warehouse import damage, erasure_steps, spark_erasures, spark_raw
from orchestration.warehouse.health_dates import (
    Range,
    all_in_words,
    latest_date,
    put_together,
    refuse_what_cannot_be,
)
from orchestration.warehouse.run_lock import write_lock
from orchestration.warehouse.unfinished import (
    begin,
    calculated,
    finish,
    half_calculated,
    unfinished,
    withdraw,
)

Boundary = str
Result = TypeVar("Result")
RETRY_SECONDS = (10.0, 20.0)
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
    those that an earlier run began and did not finish. is_whole: whether it does everything for
    them. A run of a part calculates what it was asked for alone, and finishes no date.
    """

    settings: Settings
    run_id: str
    asked: Range
    ranges: list[Range]
    is_whole: bool = True
    _own_notes: set[Range] = field(default_factory=set)
    _reports: dict[tuple[Boundary, Range], expectations.Report] = field(default_factory=dict)
    _is_documented: bool | None = None

    @property
    def span(self) -> Range:
        """From the first of all dates to the last."""
        return self.ranges[0][0], self.ranges[-1][1]

    def begin(self) -> None:
        """Note that the dates are being calculated, before the first write."""
        for dates in self.ranges:
            if begin(self.settings, *dates):
                self._own_notes.add(dates)

    def calculated(self) -> None:
        """Note that all history tables hold the dates.

        To a run of a part they are no more and no less finished than before.
        """
        for dates in self.ranges:
            calculated(self.settings, *dates)
            if not self.is_whole and dates in self._own_notes:
                withdraw(self.settings, *dates)

    def refuse_half_calculated(self) -> None:
        """Readers must not see dates of which some tables are older than others."""
        half = half_calculated(self.settings)
        if half:
            dates = all_in_words(half)
            raise click.ClickException(
                f"Of {dates} only some tables are calculated: readers keep what they have. The next"
                f" run of everything completes it: `health run --date {half[-1][1]}`, or"
                " materialize all assets."
            )

    def finish(self) -> None:
        """Note that the dates are whole, published and told of."""
        if self.is_whole:
            for dates in self.ranges:
                finish(self.settings, *dates)

    def validate(self, boundary: Boundary) -> list[expectations.Report]:
        """What the checks of a boundary say of each range; worked out once."""
        return [self.report(boundary, dates) for dates in self.ranges]

    def report(self, boundary: Boundary, dates: Range) -> expectations.Report:
        if (boundary, dates) not in self._reports:
            progress.report(f"Checking {boundary}")
            run_checks = getattr(expectations, RUNNERS[boundary])
            self._reports[boundary, dates] = run_checks(self.settings, *dates)
        return self._reports[boundary, dates]

    def document(self, log: Callable[[str], None]) -> bool:
        """Make the pages of what the checks say, once; whether they were written.

        That they cannot be is no failure of the run: nobody reads the data in them.
        """
        if self._is_documented is None:
            progress.report("Writing the Data Docs")
            try:
                expectations.build_docs(self.reports)
                self._is_documented = True
            except expectations.DocsNotWritten as problem:
                log(str(problem))
                progress.note(str(problem))
                self._is_documented = False
        return self._is_documented

    @property
    def reports(self) -> list[expectations.Report]:
        return [report for boundary in RUNNERS for report in self.validate(boundary)]


def health_run_resource(everything: Everything) -> dg.ResourceDefinition:
    """The run as the steps see it; everything: what makes it a whole one."""

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
        is_whole = run is None or everything.is_asked_of(run)
        with failures_in_words():
            refuse_what_cannot_work(settings)
            if run:
                refuse_what_cannot_be(*range_of(run.tags))
        with failures_in_words(), write_lock(settings, context.resource_config["wait_seconds"]):
            if settings.is_on_spark:
                bring_cluster_up_to_date(settings)
            if is_whole and erasure_steps.is_due(settings):
                for line in remove(settings).in_words():
                    progress.note(line)
                    if context.log:
                        context.log.info(line)
            asked = range_of(run.tags if run else {}, None if is_whole else latest_date(settings))
            left = unfinished(settings) if is_whole else []
            others = [dates for dates in left if not is_within(dates, asked)]
            if others:
                words = all_in_words(others)
                note = f"Also calculated: {words}, which a run began and did not finish."
                progress.note(note)
                if context.log:
                    context.log.info(note)
            yield HealthRun(
                settings,
                run.run_id if run else "",
                asked,
                put_together([asked, *left]),
                is_whole,
            )

    return health_run


def bring_cluster_up_to_date(settings: Settings) -> None:
    """Give Spark what files hold by now: those registered, those of entries, and who is erased."""
    spark_erasures.send(settings.erasures)
    for table in spark_raw.register_again(raw_definitions()):
        progress.note(f"The files of raw.{table} have other columns than before.")
    spark_entries.send(settings)


def is_within(dates: Range, others: Range) -> bool:
    return others[0] <= dates[0] and dates[1] <= others[1]


def attempt(work: Callable[[], Result], log: Callable[[str], None]) -> Result:
    """Do the work, again where what went wrong may pass. Raises dg.Failure with its message.

    Not by a retry policy of Dagster's, which also retries a step that somebody has stopped.
    """
    for wait in RETRY_SECONDS:
        try:
            with failures_in_words():
                return work()
        except dg.Failure as failure:
            if not failure.allow_retries:
                raise
            log(f"{failure.description}\nTried again in {wait:.0f} seconds.")
            time.sleep(wait)
    with failures_in_words():
        return work()


@contextmanager
def damage_in_words() -> Iterator[None]:
    """Raise click.ClickException where DuckDB says that the warehouse is damaged, whoever asked it.

    dbt and Great Expectations hand on its words in errors of their own.
    """
    try:
        yield
    except Exception as problem:
        settings = Settings.from_environment()
        words = damage.of_warehouse(settings, f"{problem} {problem.__cause__}")
        if words is None:
            raise
        raise click.ClickException(words) from problem


@contextmanager
def failures_in_words() -> Iterator[None]:
    """Raise what a user can mend as a failure with its message, to be retried if it may pass."""
    try:
        with damage_in_words():
            yield
    except dg.Failure:
        raise
    except BuildFailed as problem:
        raise failed(str(problem), may_pass=problem.may_pass) from problem
    except (expectations.WarehouseNotReady, duckdb.IOException) as problem:
        may_pass = is_locked(f"{problem} {problem.__cause__}")
        raise failed(str(problem), may_pass) from problem
    except (expectations.CheckRaised, expectations.WrongChecks) as problem:
        raise failed(str(problem)) from problem
    except click.ClickException as problem:
        raise failed(problem.message) from problem
    except Exception as problem:  # a fault of this product: the same again would not help
        raise failed(f"{type(problem).__name__}: {problem}") from problem


def failed(text: str, may_pass: bool = False) -> dg.Failure:
    """A failure whose words, which may quote data, are text in Dagster's log and on a terminal."""
    return dg.Failure(escaping.lines(text), allow_retries=may_pass)
