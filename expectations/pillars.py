"""The boundary `pillars`: whether the metrics are what they usually are.

One record per health date and metric. Distributions are compared on a sample of accounts that does
not grow with their number, and with a fixed number of days.
"""

from datetime import date

from expectations.checks import Check
from expectations.reports import Report
from expectations.warehouse import Warehouse, checks_of, dates_between, reading
from orchestration.settings import Settings

SAMPLED_ACCOUNTS = 2000

# Metrics of the configuration on a health date: accounts with a value, the extremes.
METRICS = """
    with accounts as (
        select count(*) as accounts from health.account_health_history where health_date = $day
    ),
    values_now as (
        select metric_id, count(*) as known, min(value) as lowest, max(value) as highest
        from health.pillar_metrics_history
        where health_date = $day
        group by metric_id
    )
    select
        metrics.metric_id,
        metrics.measure,
        accounts.accounts,
        coalesce(values_now.known, 0) as known,
        values_now.lowest,
        values_now.highest,
    from configuration.metrics as metrics
    cross join accounts
    left join values_now on metrics.metric_id = values_now.metric_id
    where metrics.metric_id is not null
"""
# Share of the accounts with a value on the dates before, by metric.
KNOWN_BEFORE = """
    with accounts as (
        select count(*) as accounts
        from health.account_health_history
        where health_date >= $from_day and health_date < $day
    )
    select metric_id, count(*) / any_value(accounts.accounts) as known_share
    from health.pillar_metrics_history
    cross join accounts
    where health_date >= $from_day and health_date < $day
    group by metric_id
"""
# Distance of the distributions now and on the dates before, and the ratio of their means.
DRIFT = """
    with size as (
        select greatest(1, count(*) // $accounts) as one_in
        from health.account_health_history
        where health_date = $day
    ),
    counted as (
        select
            metric_id,
            value,
            count(*) filter (health_date = $day) as now,
            count(*) filter (health_date < $day) as before
        from health.pillar_metrics_history
        cross join size
        where
            health_date between $from_day and $day
            and hash(account_id) % size.one_in = 0
        group by metric_id, value
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
            metric as (partition by metric_id),
            up_to_value as (partition by metric_id order by value)
    )
    select
        metric_id,
        any_value(now_known) as now_known,
        any_value(before_known) as before_known,
        max(abs(now_up_to / now_known - before_up_to / before_known)) as distance,
        (sum(abs(value) * now) / any_value(now_known))
        / nullif(sum(abs(value) * before) / any_value(before_known), 0) as level
    from cumulated
    where now_known > 0 and before_known > 0
    group by metric_id
"""


def run_pillar_checks(settings: Settings, first: date, last: date | None = None) -> Report:
    """Judge the metrics of each health date from first to last, after dbt."""
    with reading(settings) as warehouse:
        return judged(warehouse, checks_of("pillars"), dates_between(first, last or first))


def judged(warehouse: Warehouse, checks: tuple[Check, ...], dates: tuple[date, ...]) -> Report:
    """Judge the metrics by the checks."""
    from expectations.validation import Subject, validated

    records = [record for day in dates for record in metric_records(warehouse, checks, day)]
    columns = {column: check for check in checks for column in columns_of(check)}
    subject = Subject("pillars.metrics", records, columns, must_have_rows=False)
    return validated("pillars", dates, [subject])


def columns_of(check: Check) -> tuple[str, ...]:
    """The frame's columns that a check judges."""
    name = f"{check.label}, {check.severity}"
    if check.check_name == "metric_range":
        return f"{name}, lowest", f"{name}, highest"
    return (name,)


def metric_records(
    warehouse: Warehouse, checks: tuple[Check, ...], day: date
) -> list[dict[str, object]]:
    """What each check judges on a date, one record per metric; none without accounts."""
    metrics = warehouse.rows(METRICS, day=day)
    windows = {check.window_days for check in checks if check.window_days}
    since = {window: date.fromordinal(day.toordinal() - window) for window in windows}
    known_before = {
        window: dict(warehouse.rows(KNOWN_BEFORE, day=day, from_day=since[window]))
        for window in windows
    }
    drift = {
        window: {
            metric: numbers
            for metric, *numbers in warehouse.rows(
                DRIFT, day=day, from_day=since[window], accounts=SAMPLED_ACCOUNTS
            )
        }
        for window in windows
    }
    records = []
    for metric, measure, accounts, known, lowest, highest in metrics:
        if accounts == 0:
            continue
        record: dict[str, object] = {"health_date": day, "record_key": metric}
        for check in checks:
            columns = columns_of(check)
            if check.check_name == "metric_range":
                if check.column_name == measure:
                    record |= zip(columns, (lowest, highest), strict=True)
            elif check.check_name == "missing_rise":
                before = known_before[check.window_days]
                if before and accounts >= check.minimum_rows:
                    record[columns[0]] = before.get(metric, 0) - known / accounts
            else:
                now_known, before_known, distance, level = drift[check.window_days].get(
                    metric, (0, 0, None, None)
                )
                if min(now_known, before_known) >= check.minimum_rows:
                    is_drift = check.check_name == "metric_drift"
                    record[columns[0]] = distance if is_drift else level
        records.append(record)
    return records
