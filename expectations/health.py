"""The boundary `health`: whether every account got what it should, and what changed overnight."""

from collections.abc import Sequence
from datetime import date, timedelta

import pandas as pd

from expectations.checks import Check
from expectations.configuration import lint_records
from expectations.queries import checks_of, days_asked, in_steps
from expectations.reports import Report
from expectations.validation import Figures, validated
from orchestration.base.settings import Settings
from orchestration.warehouse.connections import Warehouse, reading
from orchestration.warehouse.health_dates import (
    dates_between,
    days_in,
    in_words,
    missed_for_good,
    missed_in_words,
    to_come_in_words,
    yet_to_come,
)

Checks = tuple[Check, ...]
TOTAL_CHECKS = ("accounts_calculated", "accounts_kept")
SEGMENT_CHECKS = ("state_mix", "state_flips")
DATE_CHECKS = ("missed_nights", "dates_to_come")

ACCOUNTS_ON_DATES = """
    select health_date, count(*) as accounts
    from health.account_health_history
    where health_date between $from_day and $to_day
    group by health_date
"""
CALCULATED = "select distinct health_date from health.source_status"
FIRST_DATE = "select min(health_date) from health.account_health_history"
# One row per account and health date.
ACCOUNTS = """
    with dates as (
        select unnest(cast($days as date[])) as health_date
    ),
    pillars as (
        -- The configuration is the latest run's; a date of another one has the pillars it has.
        select
            history.health_date,
            case
                when any_value(history.config_version) = any_value(present.config_version)
                    then (select count(*) from configuration.config_pillars)
                else any_value(there.pillars)
            end as configured
        from health.account_health_history as history
        cross join configuration.config_version as present
        left join (
            select health_date, count(distinct pillar_id) as pillars
            from health.pillar_health_history
            where health_date in (select health_date from dates)
            group by health_date
        ) as there on history.health_date = there.health_date
        where history.health_date in (select health_date from dates)
        group by history.health_date
    ),
    pillar_rows as (
        select
            health_date,
            account_id,
            count(*) as rows_there,
            min(score) as lowest,
            max(score) as highest
        from health.pillar_health_history
        where health_date in (select health_date from dates)
        group by health_date, account_id
    ),
    to_review as (
        select
            health_date,
            account_id,
            count(*) as to_review,
            string_agg(pillar_id || ': ' || reason || ' since ' || since, '; ' order by pillar_id)
                as reasons
        from health.not_calculated_accounts
        where health_date in (select health_date from dates) and needs_review
        group by health_date, account_id
    ),
    chosen as (
        select health_date, account_id, min(priority) as priority
        from health.segment_membership
        where health_date in (select health_date from dates) and is_chosen
        group by health_date, account_id
    ),
    unknown_above as (
        select membership.health_date, membership.account_id, segment_id, membership.priority
        from health.segment_membership as membership
        left join chosen
            on membership.health_date = chosen.health_date
            and membership.account_id = chosen.account_id
        where
            membership.health_date in (select health_date from dates)
            and membership.membership = 'unknown'
            and (chosen.priority is null or membership.priority < chosen.priority)
    ),
    previous as (
        select health_date, account_id, segment_id
        from health.segment_membership
        where
            membership = 'member'
            and health_date between $from_day and $to_day
            and (account_id, segment_id) in (select account_id, segment_id from unknown_above)
    ),
    unknown as (
        select
            unknown_above.health_date,
            unknown_above.account_id,
            count(*) as unknown_above,
            string_agg(unknown_above.segment_id, ', ' order by unknown_above.priority) as segments
        from unknown_above
        asof inner join previous
            on unknown_above.account_id = previous.account_id
            and unknown_above.segment_id = previous.segment_id
            and unknown_above.health_date > previous.health_date
        where previous.health_date >= unknown_above.health_date - $window
        group by unknown_above.health_date, unknown_above.account_id
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
    inner join pillars on history.health_date = pillars.health_date
    left join pillar_rows
        on history.health_date = pillar_rows.health_date
        and history.account_id = pillar_rows.account_id
    left join to_review
        on history.health_date = to_review.health_date
        and history.account_id = to_review.account_id
    left join unknown
        on history.health_date = unknown.health_date
        and history.account_id = unknown.account_id
    order by history.health_date, history.account_id
"""
# One row per health date and segment: how its states differ from those of the dates before and the
# date before.
SEGMENTS = """
    with dates as (
        select unnest(cast($days as date[])) as health_date
    ),
    history as (
        select
            health_date, account_id, coalesce(segment_id, 'none') as segment_id, overall_state
        from health.account_health_history
        where health_date between $from_day and $to_day
    ),
    states_a_day as (
        select health_date, segment_id, overall_state, count(*) as accounts
        from history
        group by health_date, segment_id, overall_state
    ),
    states as (
        select
            dates.health_date,
            segment_id,
            overall_state,
            sum(case when states_a_day.health_date = dates.health_date then accounts else 0 end)
                as now,
            sum(case when states_a_day.health_date < dates.health_date then accounts else 0 end)
                as before
        from dates
        inner join states_a_day
            on states_a_day.health_date between dates.health_date - $window and dates.health_date
        group by dates.health_date, segment_id, overall_state
    ),
    totals as (
        select health_date, segment_id, sum(now) as accounts, sum(before) as accounts_before
        from states
        group by health_date, segment_id
    ),
    moved as (
        select
            states.health_date,
            states.segment_id,
            0.5 * sum(
                abs(
                    states.now / nullif(totals.accounts, 0)
                    - states.before / nullif(totals.accounts_before, 0)
                )
                order by states.overall_state
            ) as state_mix
        from states
        inner join totals
            on states.health_date = totals.health_date and states.segment_id = totals.segment_id
        group by states.health_date, states.segment_id
    ),
    previous as (
        select dates.health_date, max(states_a_day.health_date) as previous_date
        from dates
        inner join states_a_day
            on states_a_day.health_date >= dates.health_date - $window
            and states_a_day.health_date < dates.health_date
        group by dates.health_date
    ),
    flips as (
        select
            now.health_date,
            now.segment_id,
            count(*) as accounts,
            avg(case when now.overall_state <> before.overall_state then 1 else 0 end) as flips
        from history as now
        inner join previous on now.health_date = previous.health_date
        inner join history as before
            on previous.previous_date = before.health_date and now.account_id = before.account_id
        group by now.health_date, now.segment_id
    )
    select
        totals.health_date,
        totals.segment_id,
        totals.accounts,
        moved.state_mix,
        flips.accounts as accounts_compared,
        flips.flips
    from totals
    inner join moved
        on totals.health_date = moved.health_date and totals.segment_id = moved.segment_id
    left join flips
        on totals.health_date = flips.health_date and totals.segment_id = flips.segment_id
    where totals.accounts > 0
    order by totals.health_date, totals.segment_id
"""


def run_health_checks(settings: Settings, first: date, last: date | None = None) -> Report:
    """Validate the health of each health date from first to last, after dbt.

    The configuration is linted on the last date only, by that date and those before it.
    """
    with reading(settings) as warehouse:
        return validated_health(warehouse, checks_of("health"), dates_between(first, last or first))


def validated_health(warehouse: Warehouse, checks: Checks, dates: tuple[date, ...]) -> Report:
    """Validate the health by the checks."""
    totals = [check for check in checks if check.check_name in TOTAL_CHECKS]
    segments = [check for check in checks if check.check_name in SEGMENT_CHECKS]
    accounts = [account_frame(warehouse, checks, days) for days in in_steps(dates)]
    figures = [
        Figures(totals, total_records(warehouse, totals, dates)),
        *account_figures(pd.concat(accounts, ignore_index=True), checks),
        *(
            Figures(segments, segment_records(warehouse, segments, days))
            for days in in_steps(dates)
        ),
        *(
            Figures([check], date_records(warehouse, check, dates[-1]))
            for check in checks
            if check.check_name in DATE_CHECKS
        ),
        *lint_figures(warehouse, checks, dates[-1]),
    ]
    return validated("health", dates, figures)


def run_lint(warehouse: Warehouse, day: date) -> Report:
    """Validate the configuration only, by a health date and those before it."""
    return validated("health", [day], lint_figures(warehouse, checks_of("health"), day))


def lint_figures(warehouse: Warehouse, checks: Checks, day: date) -> list[Figures]:
    return [
        Figures([check], lint_records(warehouse, check, day))
        for check in checks
        if check.kind.is_lint
    ]


def total_records(
    warehouse: Warehouse, checks: Sequence[Check], dates: Sequence[date]
) -> list[dict[str, object]]:
    """The number of accounts on each date, and that number for each one of the date before."""
    back = timedelta(days=max([0, *(check.window_days or 0 for check in checks)]))
    [(first,)] = warehouse.rows(FIRST_DATE)
    accounts = dict(warehouse.rows(ACCOUNTS_ON_DATES, from_day=dates[0] - back, to_day=dates[-1]))
    records = []
    for day in dates:
        record: dict[str, object] = {"health_date": day, "record_key": "account_health_history"}
        for check in checks:
            if check.check_name == "accounts_calculated":
                # Before the first account there is nothing to miss.
                if first is None or first <= day:
                    record[check.title] = accounts.get(day, 0)
            else:
                days_before = (day - timedelta(days=n + 1) for n in range(check.days))
                before = next((accounts[at] for at in days_before if at in accounts), 0)
                if before and before >= check.minimum_rows:
                    record[check.title] = accounts.get(day, 0) / before
        records.append(record)
    return records


def date_records(warehouse: Warehouse, check: Check, day: date) -> list[dict[str, object]]:
    """The ranges of dates that are missed, or to come, seen on the last date; else one of none."""
    calculated = {found for (found,) in warehouse.rows_if_there("health.source_status", CALCULATED)}
    if check.check_name == "missed_nights":
        ranges, words = missed_for_good(calculated, day), missed_in_words
    else:
        ranges, words = yet_to_come(calculated), to_come_in_words
    return [
        {
            "health_date": day,
            "record_key": in_words(*dates),
            check.title: days_in(dates),
            "detail": words([dates]),
        }
        for dates in ranges
    ] or [{"health_date": day, "record_key": check.table_name, check.title: 0}]


def account_frame(warehouse: Warehouse, checks: Checks, dates: Sequence[date]) -> pd.DataFrame:
    windows = [check.days for check in checks if check.check_name == "unknown_membership"]
    return warehouse.frame(ACCOUNTS, **days_asked(dates, max([0, *windows])))


def account_figures(accounts: pd.DataFrame, checks: Checks) -> list[Figures]:
    """The checks of single accounts: the columns with their figures, and what explains them."""
    columns = {
        "pillar_rows": (("pillar_rows",), None),
        "score_range": (("lowest", "highest"), None),
        "to_review": (("to_review",), "reasons"),
        "unknown_membership": (("unknown_membership",), "segments"),
    }
    records = accounts[["health_date", "record_key", "account_id", "owner"]]
    return [
        Figures(
            [check],
            records.assign(
                **{
                    check.title: accounts[figure],
                    "detail": accounts[detail] if detail else None,
                }
            ),
        )
        for check in checks
        if check.check_name in columns
        for figures, detail in [columns[check.check_name]]
        for figure in figures
    ]


def segment_records(
    warehouse: Warehouse, checks: Sequence[Check], dates: Sequence[date]
) -> list[dict[str, object]]:
    records: dict[tuple[date, str], dict[str, object]] = {}
    for check in checks:
        for day, segment, accounts, mix, compared, flips in warehouse.rows(
            SEGMENTS, **days_asked(dates, check.days)
        ):
            record = records.setdefault((day, segment), {"health_date": day, "record_key": segment})
            is_mix = check.check_name == "state_mix"
            if (accounts if is_mix else compared or 0) >= check.minimum_rows:
                record[check.title] = mix if is_mix else flips
    return list(records.values())
