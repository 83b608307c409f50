"""The boundary `health`: whether every account got what it should, and what changed overnight."""

from collections.abc import Iterable
from datetime import date, timedelta

import pandas as pd

from expectations.checks import Check
from expectations.configuration import lint_records
from expectations.reports import Report
from expectations.warehouse import Warehouse, checks_of, dates_between, reading
from orchestration.settings import Settings

Checks = tuple[Check, ...]
TOTALS = ("accounts_calculated", "accounts_kept")
SEGMENTS_JUDGED = ("state_mix", "state_flips")

ACCOUNTS_ON_DATES = """
    select health_date, count(*) as accounts
    from health.account_health_history
    where health_date >= $from_day and health_date <= $day
    group by health_date
    order by health_date
"""
ACCOUNTS_ON_DATE = """
    select count(*) filter (health_date = $day) as accounts, min(health_date) as first_date
    from health.account_health_history
"""
# One row per account on a health date.
ACCOUNTS = """
    with pillars as (
        -- The configuration is the latest run's; a date of another one has the pillars it has.
        select
            case
                when any_value(history.config_version) = any_value(present.config_version)
                    then (select count(*) from configuration.config_pillars)
                else (
                    select count(distinct pillar_id)
                    from health.pillar_health_history
                    where health_date = $day
                )
            end as configured
        from health.account_health_history as history
        cross join configuration.config_version as present
        where history.health_date = $day
    ),
    pillar_rows as (
        select account_id, count(*) as rows_there, min(score) as lowest, max(score) as highest
        from health.pillar_health_history
        where health_date = $day
        group by account_id
    ),
    to_review as (
        select
            account_id,
            count(*) as to_review,
            string_agg(pillar_id || ': ' || reason || ' since ' || since, '; ' order by pillar_id)
                as reasons
        from health.not_calculated_accounts
        where health_date = $day and needs_review
        group by account_id
    ),
    chosen as (
        select account_id, min(priority) as priority
        from health.segment_membership
        where health_date = $day and is_chosen
        group by account_id
    ),
    unknown as (
        select
            membership.account_id,
            count(*) as unknown_above,
            string_agg(membership.segment_id, ', ' order by membership.priority) as segments
        from health.segment_membership as membership
        left join chosen on membership.account_id = chosen.account_id
        where
            membership.health_date = $day
            and membership.membership = 'unknown'
            and (chosen.priority is null or membership.priority < chosen.priority)
            and exists (
                select 1
                from health.segment_membership as former
                where
                    former.account_id = membership.account_id
                    and former.segment_id = membership.segment_id
                    and former.membership = 'member'
                    and former.health_date >= $from_day
                    and former.health_date < $day
            )
        group by membership.account_id
    )
    select
        history.health_date,
        history.account_id as record_key,
        history.account_id,
        history.csm_email as owner,
        coalesce(pillar_rows.rows_there, 0) / nullif(pillars.configured, 0) as pillar_rows,
        least(history.overall_score, pillar_rows.lowest) as lowest,
        greatest(history.overall_score, pillar_rows.highest) as highest,
        coalesce(to_review.to_review, 0) as to_review,
        to_review.reasons,
        coalesce(unknown.unknown_above, 0) as unknown_membership,
        unknown.segments,
    from health.account_health_history as history
    cross join pillars
    left join pillar_rows on history.account_id = pillar_rows.account_id
    left join to_review on history.account_id = to_review.account_id
    left join unknown on history.account_id = unknown.account_id
    where history.health_date = $day
"""
# One row per segment: how its states differ from those of the dates before and the date before.
SEGMENTS = """
    with history as (
        select
            health_date, account_id, coalesce(segment_id, 'none') as segment_id, overall_state
        from health.account_health_history
        where health_date between $from_day and $day
    ),
    states as (
        select
            segment_id,
            overall_state,
            count(*) filter (health_date = $day) as now,
            count(*) filter (health_date < $day) as before
        from history
        group by segment_id, overall_state
    ),
    totals as (
        select segment_id, sum(now) as accounts, sum(before) as accounts_before
        from states
        group by segment_id
    ),
    moved as (
        select
            states.segment_id,
            0.5 * sum(
                abs(
                    states.now / nullif(totals.accounts, 0)
                    - states.before / nullif(totals.accounts_before, 0)
                )
            ) as state_mix
        from states
        inner join totals on states.segment_id = totals.segment_id
        group by states.segment_id
    ),
    previous as (
        select max(health_date) as health_date from history where health_date < $day
    ),
    flips as (
        select
            now.segment_id,
            count(*) as accounts,
            avg(case when now.overall_state <> before.overall_state then 1 else 0 end) as flips
        from history as now
        inner join previous on true
        inner join history as before
            on now.account_id = before.account_id and before.health_date = previous.health_date
        where now.health_date = $day
        group by now.segment_id
    )
    select
        totals.segment_id,
        totals.accounts,
        moved.state_mix,
        flips.accounts as accounts_compared,
        flips.flips
    from totals
    inner join moved on totals.segment_id = moved.segment_id
    left join flips on totals.segment_id = flips.segment_id
    where totals.accounts > 0
"""


def run_health_checks(settings: Settings, first: date, last: date | None = None) -> Report:
    """Judge the health of each health date from first to last, after dbt.

    The configuration is judged on the last date only, by that date and those before it.
    """
    with reading(settings) as warehouse:
        return judged(warehouse, checks_of("health"), dates_between(first, last or first))


def judged(warehouse: Warehouse, checks: Checks, dates: tuple[date, ...]) -> Report:
    """Judge the health by the checks."""
    from expectations.validation import Subject, validated

    totals = [total_record(warehouse, checks, day) for day in dates]
    accounts = [account_frame(warehouse, checks, day) for day in dates]
    segments = [row for day in dates for row in segment_records(warehouse, checks, day)]
    lints = lint_subjects(warehouse, checks, dates[-1])
    return validated(
        "health",
        dates,
        [
            Subject("health.totals", totals, columns(checks, *TOTALS)),
            *account_subjects(pd.concat(accounts, ignore_index=True), checks),
            Subject("health.segments", segments, columns(checks, *SEGMENTS_JUDGED), False),
            *lints,
        ],
    )


def run_lint(warehouse: Warehouse, day: date) -> Report:
    """Judge the configuration only, by a health date and those before it."""
    from expectations.validation import validated

    return validated("health", [day], lint_subjects(warehouse, checks_of("health"), day))


def lint_subjects(warehouse: Warehouse, checks: Checks, day: date) -> list:
    from expectations.validation import Subject

    return [
        Subject(
            f"health.{check.check_name}",
            [
                {**record, column_name(check): record["observed"]}
                for record in lint_records(warehouse, check, day)
            ],
            columns([check], check.check_name),
            must_have_rows=False,
        )
        for check in checks
        if check.kind.is_lint
    ]


def column_name(check: Check) -> str:
    return f"{check.label}, {check.severity}"


def columns(checks: Iterable[Check], *names: str) -> dict[str, Check]:
    """The checks of these names by the frame's column that they judge."""
    return {column_name(check): check for check in checks if check.check_name in names}


def total_record(warehouse: Warehouse, checks: Checks, day: date) -> dict[str, object]:
    """The number of accounts, and that number for each one of the date before."""
    record: dict[str, object] = {"health_date": day, "record_key": "account_health_history"}
    for check in checks:
        if check.check_name == "accounts_calculated":
            [(accounts, first)] = warehouse.rows(ACCOUNTS_ON_DATE, day=day)
            # Before the first account there is nothing to miss.
            if first is None or first <= day:
                record[column_name(check)] = accounts
        elif check.check_name == "accounts_kept":
            from_day = day - timedelta(days=check.window_days)
            counts = dict(warehouse.rows(ACCOUNTS_ON_DATES, from_day=from_day, day=day))
            before = [accounts for at, accounts in counts.items() if at < day]
            if before and before[-1] >= check.minimum_rows:
                record[column_name(check)] = counts.get(day, 0) / before[-1]
    return record


def account_frame(warehouse: Warehouse, checks: Checks, day: date) -> pd.DataFrame:
    windows = [check.window_days for check in checks if check.check_name == "unknown_membership"]
    return warehouse.frame(ACCOUNTS, day=day, from_day=day - timedelta(days=max([0, *windows])))


def account_subjects(accounts: pd.DataFrame, checks: Checks) -> list:
    """The checks of single accounts, each with the column that explains a failure."""
    from expectations.validation import Subject

    subjects = []
    for names, detail in (
        (("pillar_rows", "score_range"), None),
        (("to_review",), "reasons"),
        (("unknown_membership",), "segments"),
    ):
        judged: dict[str, Check] = {}
        frame = accounts.copy()
        for check in (check for check in checks if check.check_name in names):
            sources = (
                ("lowest", "highest") if check.check_name == "score_range" else (check.check_name,)
            )
            for source in sources:
                name = column_name(check) + (f", {source}" if len(sources) > 1 else "")
                judged[name] = check
                frame[name] = accounts[source]
        if detail:
            frame["detail"] = accounts[detail]
        subjects.append(Subject(f"health.{names[0]}", frame, judged, must_have_rows=False))
    return subjects


def segment_records(warehouse: Warehouse, checks: Checks, day: date) -> list[dict[str, object]]:
    asked = [check for check in checks if check.check_name in SEGMENTS_JUDGED]
    records: dict[str, dict[str, object]] = {}
    for check in asked:
        from_day = day - timedelta(days=check.window_days)
        for segment, accounts, mix, compared, flips in warehouse.rows(
            SEGMENTS, from_day=from_day, day=day
        ):
            record = records.setdefault(segment, {"health_date": day, "record_key": segment})
            is_mix = check.check_name == "state_mix"
            if (accounts if is_mix else compared or 0) >= check.minimum_rows:
                record[column_name(check)] = mix if is_mix else flips
    return list(records.values())
