"""The boundary `pillars`: whether the metrics are what they usually are.

One record per health date and metric. Distributions are compared on a sample of accounts that does
not grow with their number, and with a fixed number of days.
"""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from expectations.checks import Check
from expectations.queries import checks_of, days_asked, in_steps
from expectations.reports import Report
from expectations.validation import Figures, validated
from orchestration.base.settings import Settings
from orchestration.warehouse.connections import Warehouse, reading
from orchestration.warehouse.health_dates import dates_between

SAMPLED_ACCOUNTS = 2000

# Metrics of the configuration on each date with accounts: accounts with a value, the extremes.
METRICS = """
    with accounts as (
        select health_date, count(*) as accounts
        from health.account_health_history
        where health_date in (select unnest(cast($days as date[])))
        group by health_date
    ),
    values_now as (
        select
            health_date, metric_id, count(*) as known, min(value) as lowest, max(value) as highest
        from health.pillar_metrics_history
        where health_date in (select unnest(cast($days as date[])))
        group by health_date, metric_id
    )
    select
        accounts.health_date,
        metrics.metric_id,
        metrics.measure,
        accounts.accounts,
        coalesce(values_now.known, 0) as known,
        values_now.lowest,
        values_now.highest,
    from configuration.metrics as metrics
    cross join accounts
    left join values_now
        on accounts.health_date = values_now.health_date
        and metrics.metric_id = values_now.metric_id
    where metrics.metric_id is not null
    order by accounts.health_date, metrics.metric_id
"""
# Share of the accounts with a value on the dates before each date, by metric.
KNOWN_BEFORE = """
    with dates as (
        select unnest(cast($days as date[])) as health_date
    ),
    accounts_a_day as (
        select health_date, count(*) as accounts
        from health.account_health_history
        where health_date between $from_day and $to_day
        group by health_date
    ),
    accounts as (
        select dates.health_date, sum(accounts_a_day.accounts) as accounts
        from dates
        inner join accounts_a_day
            on accounts_a_day.health_date >= dates.health_date - $window
            and accounts_a_day.health_date < dates.health_date
        group by dates.health_date
    ),
    known_a_day as (
        select health_date, metric_id, count(*) as known
        from health.pillar_metrics_history
        where health_date between $from_day and $to_day
        group by health_date, metric_id
    )
    select
        dates.health_date,
        known_a_day.metric_id,
        sum(known_a_day.known) / any_value(accounts.accounts) as known_share,
    from dates
    inner join known_a_day
        on known_a_day.health_date >= dates.health_date - $window
        and known_a_day.health_date < dates.health_date
    inner join accounts on dates.health_date = accounts.health_date
    group by dates.health_date, known_a_day.metric_id
"""
# Distance of the distributions on each date and on the dates before it, and the ratio of their
# means. Values are counted a day before they meet the dates whose windows they are in.
DRIFT = """
    with dates as (
        select health_date, greatest(1, count(*) // $accounts) as one_in
        from health.account_health_history
        where health_date in (select unnest(cast($days as date[])))
        group by health_date
    ),
    samples as (
        select distinct one_in from dates
    ),
    values_a_day as (
        select samples.one_in, history.health_date, history.metric_id, history.value, count(*) as n
        from health.pillar_metrics_history as history
        inner join samples on hash(history.account_id) % samples.one_in = 0
        where history.health_date between $from_day and $to_day
        group by all
    ),
    counted as (
        select
            dates.health_date,
            values_a_day.metric_id,
            values_a_day.value,
            sum(case when values_a_day.health_date = dates.health_date then n else 0 end) as now,
            sum(case when values_a_day.health_date < dates.health_date then n else 0 end) as before
        from dates
        inner join values_a_day
            on dates.one_in = values_a_day.one_in
            and values_a_day.health_date between dates.health_date - $window and dates.health_date
        group by dates.health_date, values_a_day.metric_id, values_a_day.value
    ),
    cumulated as (
        select
            *,
            sum(now) over metric as now_known,
            sum(before) over metric as before_known,
            sum(now) over up_to_value as now_up_to,
            sum(before) over up_to_value as before_up_to
        from counted
        window
            metric as (partition by health_date, metric_id),
            up_to_value as (partition by health_date, metric_id order by value)
    )
    select
        health_date,
        metric_id,
        any_value(now_known) as now_known,
        any_value(before_known) as before_known,
        max(abs(now_up_to / now_known - before_up_to / before_known)) as distance,
        (sum(abs(value) * now) / any_value(now_known))
        / nullif(sum(abs(value) * before) / any_value(before_known), 0) as level
    from cumulated
    where now_known > 0 and before_known > 0
    group by health_date, metric_id
"""


def run_pillar_checks(settings: Settings, first: date, last: date | None = None) -> Report:
    """Validate the metrics of each health date from first to last, after dbt."""
    with reading(settings) as warehouse:
        return validated_metrics(
            warehouse, checks_of("pillars"), dates_between(first, last or first)
        )


def validated_metrics(
    warehouse: Warehouse, checks: tuple[Check, ...], dates: tuple[date, ...]
) -> Report:
    """Validate the metrics by the checks."""
    frames = [frame for days in in_steps(dates) for frame in metric_frames(warehouse, checks, days)]
    return validated("pillars", dates, [Figures(checks, pd.concat(frames, ignore_index=True))])


def metric_frames(
    warehouse: Warehouse, checks: tuple[Check, ...], dates: Sequence[date]
) -> list[pd.DataFrame]:
    """The figures of the checks, by date and metric, and the highest values below the lowest."""
    metrics = warehouse.frame(METRICS, days=dates)
    records = metrics[["health_date"]].assign(record_key=metrics["metric_id"])
    highest = records.copy()
    compared = {
        window: compared_with_before(warehouse, metrics, window, dates)
        for window in {check.days for check in checks if check.window_days}
    }
    for check in checks:
        if check.check_name == "metric_range":
            is_asked = metrics["measure"] == check.column_name
            records[check.title] = metrics["lowest"].where(is_asked)
            highest[check.title] = metrics["highest"].where(is_asked)
            continue
        before = compared[check.days]
        if check.check_name == "missing_rise":
            rise = before["known_share"].fillna(0) - metrics["known"] / metrics["accounts"]
            is_enough = before["has_before"] & (metrics["accounts"] >= check.minimum_rows)
            records[check.title] = rise.where(is_enough)
        else:
            known = before[["now_known", "before_known"]].fillna(0).min(axis="columns")
            number = before["distance" if check.check_name == "metric_drift" else "level"]
            records[check.title] = number.where(known >= check.minimum_rows)
    return [records, highest]


def compared_with_before(
    warehouse: Warehouse, metrics: pd.DataFrame, window: int, dates: Sequence[date]
) -> pd.DataFrame:
    """What was known on the days before and how values have moved since, row by row of `metrics`.

    has_before: whether any metric was known on the days before.
    """
    asked = days_asked(dates, window)
    known = warehouse.frame(KNOWN_BEFORE, **asked)
    drift = warehouse.frame(DRIFT, accounts=SAMPLED_ACCOUNTS, **asked)
    keys = ["health_date", "metric_id"]
    found = metrics[keys].merge(known, "left", keys).merge(drift, "left", keys)
    return found.assign(has_before=found["health_date"].isin(known["health_date"]))
