"""Validating frames with Great Expectations, and putting its answers into our words.

There is a suite for each table. Its frame is small, with a row for each record and a column for
each check, whose figures SQL worked out.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import pandas as pd

from expectations.checks import Check, number_text
from expectations.reports import RECORD, CheckRaised, CheckResult, Failure, Report

DETAILS_SHOWN = 3  # of records that all fail; of more, how many and how much
NOT_VALIDATED = "not validated: too little to compare with"  # as published


@dataclass(frozen=True)
class Figures:
    """Figures of records, and the checks that validate them, all of one table.

    Every record has `health_date` and `record_key` and, under the title of a check, its figure or
    None; it may have `account_id`, `owner` and `detail`, which explains a failure.
    """

    checks: Sequence[Check]
    records: pd.DataFrame | Sequence[dict[str, Any]]


@cache
def great_expectations() -> Any:
    """Great Expectations, imported by the first check that runs: it takes seconds."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    import great_expectations

    return great_expectations


def new_context() -> Any:
    """A context in memory; nothing of it is kept."""
    context = great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return context


@cache
def frames() -> Any:
    """The definition of batches that are frames."""
    asset = new_context().data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole")


def validated(boundary: str, dates: Iterable[date], figures: Iterable[Figures]) -> Report:
    """Validate figures. Raises CheckRaised when an expectation could not be evaluated."""
    dates = tuple(dates)
    by_table: dict[str, list[Figures]] = {}
    for found in figures:
        if found.checks:
            by_table.setdefault(found.checks[0].subject, []).append(found)
    results: list[CheckResult] = []
    validations = {}
    for subject, parts in by_table.items():
        checks = {check.title: check for part in parts for check in part.checks}
        frame = frame_of(parts, list(checks))
        answer = answer_of(subject, checks, frame)
        results.extend(results_of(checks, frame, answer, dates))
        validations[subject] = answer
    return Report(boundary, dates, tuple(results), validations)


def frame_of(parts: Iterable[Figures], titles: list[str]) -> pd.DataFrame:
    """The records of all parts, below each other."""
    frames = [pd.DataFrame(part.records) for part in parts if len(part.records)]
    for part in frames:
        part["health_date"] = pd.to_datetime(part["health_date"]).dt.date
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    frame = frame.reindex(columns=[*RECORD, *titles]).astype(dict.fromkeys(titles, "float64"))
    for column in RECORD:
        frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    return frame


def answer_of(subject: str, checks: dict[str, Check], frame: pd.DataFrame) -> Any:
    """What Great Expectations answers. Of the built-in expectations only those that fail are asked
    which records: that takes them four times as long."""
    from expectations.custom import suite_of

    batch = frames().get_batch(batch_parameters={"dataframe": frame})
    answer = batch.validate(suite_of(subject, checks.values()), result_format="BASIC")
    raise_if_raised(subject, answer)
    unnamed = [
        checks[title_of(result)]
        for result in answer.results
        if not result.success and "unexpected_index_list" not in result.result
    ]
    if unnamed:
        result_format = {
            "result_format": "COMPLETE",
            "unexpected_index_column_names": list(RECORD),
            "return_unexpected_index_query": False,
        }
        named = batch.validate(suite_of(subject, unnamed), result_format=result_format)
        raise_if_raised(subject, named)
        by_title = {title_of(result): result for result in named.results}
        answer.results = [by_title.get(title_of(result), result) for result in answer.results]
    return answer


def title_of(result: Any) -> str:
    """The title of the check that a result answers."""
    return result.expectation_config.meta["title"]


def raise_if_raised(name: str, answer: Any) -> None:
    for result in answer.results:
        information = result.exception_info or {}
        # One dictionary, or one for each metric that the expectation needed.
        metrics = [cell for cell in information.values() if isinstance(cell, dict)]
        for raised in [information, *metrics]:
            if raised.get("raised_exception"):
                raise CheckRaised(
                    f"{name}: {title_of(result)} ({result.expectation_config.type}) could not be "
                    f"evaluated: {raised.get('exception_message')}"
                )


def results_of(
    checks: dict[str, Check], frame: pd.DataFrame, answer: Any, dates: tuple[date, ...]
) -> list[CheckResult]:
    """The answer by check and health date."""
    failing: dict[tuple[str, date], dict[str, Failure]] = {}
    for result in answer.results:
        title = title_of(result)
        for record in () if result.success else result.result["unexpected_index_list"]:
            key = record["record_key"]
            failing.setdefault((title, record["health_date"]), {})[key] = Failure(
                key,
                number_text(record[title]),
                account_id=record["account_id"],
                owner=record["owner"],
                detail=record["detail"],
            )
    by_date = frame.groupby("health_date")[list(checks)]
    counts, lowest, highest = (
        found.to_dict() for found in (by_date.count(), by_date.min(), by_date.max())
    )
    results = []
    for title, check in checks.items():
        expected = check.expected
        for day in dates:
            failures = tuple(failing.get((title, day), {}).values())
            count = counts[title].get(day, 0)
            spread = (lowest[title][day], highest[title][day]) if count else ()
            results.append(
                CheckResult(
                    health_date=day,
                    check=check,
                    passed=not failures,
                    observed=observed_text(count, spread, failures),
                    expected=expected,
                    failures=failures,
                    was_validated=count > 0,
                )
            )
    return results


def observed_text(count: int, spread: Sequence[float], failures: tuple[Failure, ...]) -> str:
    """What was observed on a date, in a few words."""
    if not count:
        return NOT_VALIDATED
    details = [failure.detail for failure in failures if failure.detail]
    if len(details) == count <= DETAILS_SHOWN:
        return ". ".join(details)
    if count == 1:
        return number_text(spread[0])
    return f"{len(failures):,} of {count:,} fail; {' to '.join(map(number_text, spread))}"
