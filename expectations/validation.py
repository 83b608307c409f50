"""Judging frames with Great Expectations, and putting its answers into our words.

A subject is a small frame with one row per record that is judged, and the checks that judge its
columns. Great Expectations knows nothing of our checks and we nothing of its results elsewhere.
"""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from expectations.checks import Check, number_text
from expectations.reports import CheckRaised, CheckResult, Failure, Report

NOTES = ("account_id", "owner", "detail")
DETAILS_SHOWN = 3  # of records that all fail; of more, how many and how much
NOT_JUDGED = "not judged: too little to compare with"


@dataclass(frozen=True)
class Subject:
    """A frame to judge: its records, and the check of each column that is judged.

    Every record has `health_date` and `record_key`, which together name it, a number (or None) for
    each column that is judged, and may have `account_id`, `owner` and `detail`. `must_have_rows`
    says that no record at all is a failure of the run; `details` explains a failure of one check.
    """

    name: str
    records: pd.DataFrame | Sequence[dict[str, Any]]
    checks: dict[str, Check]
    must_have_rows: bool = True
    details: dict[tuple[Check, date, str], str] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        columns = ["health_date", "record_key", *NOTES]
        frame = pd.DataFrame(self.records)
        for column in (*columns, *self.checks):
            if column not in frame:
                frame[column] = None
        frame = frame[[*columns, *self.checks]].reset_index(drop=True)
        for column in self.checks:
            frame[column] = pd.to_numeric(frame[column]).astype("float64")
        frame["health_date"] = pd.to_datetime(frame["health_date"]).dt.date
        for column in ("record_key", *NOTES):
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
        return frame


@cache
def great_expectations() -> Any:
    """Great Expectations, imported by the first check that runs: it takes seconds."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    import great_expectations

    return great_expectations


@cache
def context() -> Any:
    """The context of this process; nothing of it is kept."""
    made = great_expectations().get_context(mode="ephemeral")
    made.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return made


def validated(boundary: str, dates: Iterable[date], subjects: Iterable[Subject]) -> Report:
    """Judge the subjects. Raises CheckRaised when an expectation could not be evaluated."""
    from expectations.suites import suite_of

    dates = tuple(dates)
    results: list[CheckResult] = []
    validations = {}
    for subject in subjects:
        frame = subject.frame
        answer = answer_of(subject, frame, suite_of)
        results.extend(results_of(subject, frame, answer, dates))
        validations[subject.name] = answer
    return Report(boundary, dates, tuple(results), validations)


def answer_of(subject: Subject, frame: pd.DataFrame, suite_of: Callable[..., Any]) -> Any:
    """What Great Expectations answers. Only for what fails it is asked which records: naming them
    takes it four times as long."""
    batch = batch_of(subject.name, frame)
    answer = batch.validate(suite_of(subject), result_format="BOOLEAN_ONLY")
    raise_if_raised(subject.name, answer)
    failed = {
        column: subject.checks[column]
        for result in answer.results
        if not result.success and (column := result.expectation_config.kwargs.get("column"))
    }
    if failed:
        named = batch.validate(
            suite_of(replace(subject, checks=failed, must_have_rows=False)),
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": ["health_date", "record_key"],
            },
        )
        raise_if_raised(subject.name, named)
        by_column = {result.expectation_config.kwargs["column"]: result for result in named.results}
        answer.results = [
            by_column.get(result.expectation_config.kwargs.get("column"), result)
            for result in answer.results
        ]
    return answer


def batch_of(name: str, frame: pd.DataFrame) -> Any:
    sources = context().data_sources
    source = sources.all().get("frames") or sources.add_pandas("frames")
    assets = {asset.name: asset for asset in source.assets}
    asset = assets.get(name) or source.add_dataframe_asset(name)
    definitions = {definition.name: definition for definition in asset.batch_definitions}
    definition = definitions.get("whole") or asset.add_batch_definition_whole_dataframe("whole")
    return definition.get_batch(batch_parameters={"dataframe": frame})


def raise_if_raised(name: str, answer: Any) -> None:
    for result in answer.results:
        information = result.exception_info or {}
        # One dictionary, or one for each metric that the expectation needed.
        for raised in [information, *filter(is_dictionary, information.values())]:
            if raised.get("raised_exception"):
                raise CheckRaised(
                    f"{name}: {result.expectation_config.type} on column "
                    f"{result.expectation_config.kwargs.get('column')!r} could not be evaluated: "
                    f"{raised.get('exception_message')}"
                )


def is_dictionary(value: Any) -> bool:
    return isinstance(value, dict)


def results_of(
    subject: Subject, frame: pd.DataFrame, answer: Any, dates: tuple[date, ...]
) -> list[CheckResult]:
    """The answer by check and health date."""
    if subject.must_have_rows and frame.empty:
        raise CheckRaised(f"{subject.name}: there was nothing to judge.")
    failing: dict[tuple[Check, date], dict[str, str]] = {}
    for result in answer.results:
        column = result.expectation_config.kwargs.get("column")
        if column is None or result.success:
            continue
        check = subject.checks[column]
        for record in result.result["unexpected_index_list"]:
            records = failing.setdefault((check, record["health_date"]), {})
            records[record["record_key"]] = number_text(record[column])
    notes = notes_of(frame, {(day, key) for (_, day), keys in failing.items() for key in keys})
    spreads = spreads_by_date(subject, frame)
    results = []
    for check, spread in spreads.items():
        expected = check.expected
        for day in dates:
            failures = tuple(
                Failure(
                    key,
                    observed,
                    **{
                        **notes[day, key],
                        "detail": subject.details.get((check, day, key), notes[day, key]["detail"]),
                    },
                )
                for key, observed in failing.get((check, day), {}).items()
            )
            judged, lowest, highest = spread.get(day, (0, math.nan, math.nan))
            results.append(
                CheckResult(
                    health_date=day,
                    check=check,
                    passed=not failures,
                    observed=observed_text(judged, lowest, highest, failures),
                    expected=expected,
                    failures=failures,
                    was_judged=judged > 0,
                )
            )
    return results


def spreads_by_date(
    subject: Subject, frame: pd.DataFrame
) -> dict[Check, dict[date, tuple[int, float, float]]]:
    """How many numbers each check has on each date, the lowest and the highest."""
    places, days = pd.factorize(frame["health_date"])
    spreads: dict[Check, dict[date, tuple[int, float, float]]] = {}
    for check in dict.fromkeys(subject.checks.values()):
        counts = np.zeros(len(days), int)
        lowest, highest = np.full(len(days), np.inf), np.full(len(days), -np.inf)
        for column in (name for name, judges in subject.checks.items() if judges == check):
            numbers = frame[column].to_numpy()
            known = ~np.isnan(numbers)
            np.add.at(counts, places[known], 1)
            np.minimum.at(lowest, places[known], numbers[known])
            np.maximum.at(highest, places[known], numbers[known])
        found = zip(counts.tolist(), lowest.tolist(), highest.tolist(), strict=True)
        spreads[check] = dict(zip(days, found, strict=True))
    return spreads


def notes_of(
    frame: pd.DataFrame, keys: set[tuple[date, str]]
) -> dict[tuple[date, str], dict[str, Any]]:
    """What is noted of the records with these dates and keys."""
    columns = ["health_date", "record_key", *NOTES]
    found = frame.loc[frame["record_key"].isin({key for _, key in keys}), columns]
    return {
        (day, key): dict(zip(NOTES, notes, strict=True))
        for day, key, *notes in found.itertuples(index=False, name=None)
        if (day, key) in keys
    }


def observed_text(judged: int, lowest: float, highest: float, failures: tuple[Failure, ...]) -> str:
    """What was observed on a date, in a few words."""
    if not judged:
        return NOT_JUDGED
    details = [failure.detail for failure in failures if failure.detail]
    if len(details) == judged <= DETAILS_SHOWN:
        return ". ".join(details)
    if judged == 1:
        return number_text(lowest)
    spread = f"{number_text(lowest)} to {number_text(highest)}"
    return f"{len(failures):,} of {judged:,} fail; {spread}"
