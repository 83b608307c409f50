"""Trust: what the numbers rest on, and where they rest on little."""

from typing import Any

from orchestration.insight import backtest_headline
from orchestration.publishing.open_publication import Snapshot

SOURCES = """
    select table_name, status, rows_before_date, latest_at, rejected_ratio
    from health.source_status
    where health_date = ?
    order by status = 'ok', status = 'absent', table_name
"""
NOT_CALCULATED = """
    select
        missing.account_id, missing.account_name, missing.csm_email, missing.pillar_id,
        missing.reason, missing.since, missing.needs_review
    from health.not_calculated_accounts as missing
    inner join health.account_health as accounts on missing.account_id = accounts.account_id
    where missing.health_date = ? and missing.needs_review and {where}
    order by missing.since, missing.account_id, missing.pillar_id
    limit 200
"""
FAILURES = """
    select
        check_name, table_name, severity, owner, what_to_do, count(*) as records,
        min(failing_since) as failing_since, min(detail) as detail
    from health.check_failures
    group by check_name, table_name, severity, owner, what_to_do
    order by severity = 'critical' desc, failing_since, check_name, table_name
"""
COVERAGE = """
    select
        least(floor(coverage * 4), 3) as band, count(*) as accounts, sum(mrr) as mrr,
        count(*) filter (not is_certain) as uncertain
    from health.account_health as accounts
    where {where}
    group by band
    order by band desc
"""
# A change that is undone within two weeks; the earlier one brought what it leaves.
FLAPS = """
    with changes as (
        select
            *, lag(from_state) over (partition by account_id order by health_date) as state_before
        from health.health_changes
        where pillar_id = 'overall'
    )
    select
        accounts.account_id, accounts.account_name, accounts.csm_email, accounts.overall_state,
        accounts.settled_state, count(*) as flaps
    from changes
    inner join health.account_health as accounts on changes.account_id = accounts.account_id
    where
        changes.to_state = changes.state_before
        and changes.days_in_from_state <= 14
        and changes.health_date > ? - 60
        and {where}
    group by all
    order by flaps desc, accounts.account_id
    limit 25
"""


def trust(snapshot: Snapshot, where: str, values: list[Any]) -> dict[str, Any]:
    """What the numbers of the latest date rest on, each part by its name.

    where: a condition on `health.account_health as accounts`, with its values.
    """
    last = snapshot.last_date
    return {
        "backtest": backtest_headline.last(snapshot.settings),
        "sources": snapshot.kept(SOURCES, [last]),
        "missing": snapshot.kept(NOT_CALCULATED.format(where=where), [last, *values]),
        # dbt alone validates nothing, and publishes no failures.
        "failures": snapshot.kept(FAILURES) if snapshot.has("check_failures") else [],
        "coverage": snapshot.kept(COVERAGE.format(where=where), values),
        "flaps": snapshot.kept(FLAPS.format(where=where), [last, *values]),
    }
