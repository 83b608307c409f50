"""Expectations: the checks of the data at three boundaries, and what follows from them.

Every check is a row of `checks.csv`. It validates figures that SQL worked out beforehand, a small
frame of them, so that its cost does not grow with history. Great Expectations validates: a suite
for each table, with its own expectations and those of `custom`. It is imported by the first check
that runs, because that takes seconds.

    raw_report = run_raw_checks(settings, first, last)      # before dbt; gates the pillars
    reports = [
        raw_report,
        run_pillar_checks(settings, first, last),           # after dbt
        run_health_checks(settings, first, last),
    ]
    write_check_tables(settings, reports)                   # health.check_results, check_failures
    index = build_docs(reports)                             # path of the Data Docs
    blocking = blocking_failures(reports)                   # not empty: do not publish

`last` may be left out for one health date. A `Report` has `boundary`, `dates` and `results`; a
`CheckResult` has `health_date`, `check` (its row of checks.csv), `passed`, `was_validated`
(false where there was too little to compare with), `observed`, `expected`, `failures` (each with
`record_key`, `account_id`, `observed`, `owner`, `detail`) and `blocks_publishing`. All of it is
plain data. In the Data Docs, `index.html#<check.subject>` leads to the checks of a table.

Three things raise, each with a message for the user: `WrongChecks` (a wrong row of checks.csv),
`CheckRaised` (a check could not be evaluated: a failure of the run, not of the data) and
`WarehouseNotReady` (no warehouse, or another process writes it).
"""

from expectations.checks import Check, WrongChecks, load_checks
from expectations.docs import DocsNotWritten, build_docs
from expectations.health import run_health_checks
from expectations.pillars import run_pillar_checks
from expectations.raw import run_raw_checks
from expectations.reports import (
    CheckRaised,
    CheckResult,
    Failure,
    Report,
    blocking_failures,
)
from expectations.tables import open_failures, write_check_tables
from orchestration.warehouse.connections import WarehouseNotReady

__all__ = [
    "Check",
    "CheckRaised",
    "CheckResult",
    "Failure",
    "Report",
    "WarehouseNotReady",
    "WrongChecks",
    "blocking_failures",
    "DocsNotWritten",
    "build_docs",
    "load_checks",
    "open_failures",
    "run_health_checks",
    "run_pillar_checks",
    "run_raw_checks",
    "write_check_tables",
]
