"""The rows of checks.csv as Dagster's asset checks: one per validated table and kind of check.

Dagster shows what the checks answered; what blocks publishing is decided by the publication, which
sees the whole run (`assets.py`).
"""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from expectations import Check, CheckResult
from expectations.queries import checks_of
from orchestration.base import escaping
from orchestration.base.settings import Settings

ROWS_SHOWN = 10


def asset_key(check: Check) -> dg.AssetKey:
    """The asset that a check validates: a raw table, or a table of schema health."""
    schema = "raw" if check.boundary == "raw" else "health"
    return dg.AssetKey([schema, check.table_name])


def check_key(check: Check) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(asset_key(check), check.check_name)


def check_specs(*boundaries: str) -> list[dg.AssetCheckSpec]:
    """The checks of some boundaries, in the order of the file."""
    descriptions: dict[dg.AssetCheckKey, list[str]] = {}
    for check in (check for boundary in boundaries for check in checks_of(boundary)):
        row = f"- {check.column_name or 'table'}: {check.expected} ({check.severity})"
        rows = descriptions.setdefault(check_key(check), [f"{check.kind.measures}."])
        rows.append(row)
    return [
        dg.AssetCheckSpec(key.name, asset=key.asset_key, description="\n".join(rows))
        for key, rows in descriptions.items()
    ]


def check_results(results: Iterable[CheckResult]) -> Iterator[dg.AssetCheckResult]:
    """The answers of a run, put together for each of Dagster's checks."""
    by_key: dict[dg.AssetCheckKey, list[CheckResult]] = {}
    for result in results:
        by_key.setdefault(check_key(result.check), []).append(result)
    for key, found in by_key.items():
        failed = [result for result in found if not result.passed]
        is_critical = any(result.check.severity == "critical" for result in failed)
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=not failed,
            severity=dg.AssetCheckSeverity.ERROR if is_critical else dg.AssetCheckSeverity.WARN,
            description=summary(found, failed),
            metadata=metadata(found, failed),
        )


def answers(
    context: dg.AssetExecutionContext, results: Iterable[CheckResult]
) -> Iterator[dg.AssetCheckResult]:
    """The answers of a run; those to checks that nobody chose go to its log.

    Whoever chooses an asset does not choose the checks of others, but all are answered together.
    """
    for result in check_results(results):
        assert result.asset_key and result.check_name
        key = dg.AssetCheckKey(result.asset_key, result.check_name)
        if key in context.selected_asset_check_keys:
            yield result
        else:
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=key.asset_key,
                    check_name=key.name,
                    passed=result.passed,
                    metadata=result.metadata,
                    severity=result.severity,
                    description=result.description,
                )
            )


def summary(found: list[CheckResult], failed: list[CheckResult]) -> str:
    if not failed:
        return escaping.line(f"{found[-1].observed}, expected {found[-1].expected}")
    worst = failed[-1]
    blocking = " Publishing waits." if any(result.blocks_publishing for result in failed) else ""
    return escaping.line(
        f"{worst.check.label}: {worst.observed}, expected {worst.expected}."
        f"{blocking} {worst.check.owner}: {worst.check.what_to_do}"
    )


def metadata(found: list[CheckResult], failed: list[CheckResult]) -> dict[str, Any]:
    rows = [
        dg.TableRecord(
            {
                "health date": str(result.health_date),
                "column": result.check.column_name or "",
                "record": escaping.line(failure.record_key),
                "observed": escaping.line(failure.observed),
                "expected": escaping.line(result.expected),
                "owner": escaping.line(failure.owner or result.check.owner),
                "detail": escaping.line(failure.detail or ""),
            }
        )
        for result in failed
        for failure in result.failures
    ]
    shown: dict[str, Any] = {
        "health dates": len({result.health_date for result in found}),
        "validated": sum(result.was_validated for result in found),
        "failed": len(failed),
        "failing rows": len(rows),
        "documentation": docs_link(found[0].check.subject),
    }
    not_validated = sum(not result.was_validated for result in found)
    if not_validated:
        shown["too little to validate"] = not_validated
    if rows:
        shown["failing rows (latest)"] = dg.MetadataValue.table(rows[-ROWS_SHOWN:])
    return shown


def docs_link(subject: str = "") -> dg.MetadataValue:
    """The Data Docs, at what is validated: where they are served (HEALTH_DOCS_URL), or the file."""
    served = os.environ.get("HEALTH_DOCS_URL")
    index = Settings.from_environment().docs / "index.html"
    page = f"{served.rstrip('/')}/index.html" if served else index.as_uri()
    return dg.MetadataValue.url(f"{page}#{subject}" if subject else page)
