"""Alerts: rows of `health_alerts` are sent, at least once each, and what became of them is noted.

Three steps, each of which the next run goes on with if this one is killed:

1. The dates of the run are announced, once and for all: alerts of news become `pending`, those of
   reruns and old dates `suppressed`. Both are noted in `operations.alert_deliveries`, which
   outlives the rows of `health_alerts`.
2. Each pending alert is sent, and noted as `sent` before the next. Killed in between, it is sent
   again, with the same idempotency key.
3. `health_alerts` shows what was noted, in the warehouse and, by another publication, to readers.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import click
import duckdb

from orchestration.base.clock import timestamp, today
from orchestration.base.settings import Settings
from orchestration.notify.destinations import Alert, Destination, destination_from_environment
from orchestration.notify.webhooks import NotDelivered
from orchestration.publishing.publication import publish
from orchestration.warehouse.connections import writing
from orchestration.warehouse.duckdb_files import opened
from orchestration.warehouse.growing_tables import ensure_table

RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0)
ALERT_SECONDS = 30.0  # for one alert, with all its tries and the waits between them
# For all alerts of a run, which holds the run lock meanwhile.
DEFAULT_RUN_SECONDS = 60
clock = time.monotonic
DEFAULT_MAX_AGE_DAYS = 7

DELIVERIES = "operations.alert_deliveries"
# As `create_operations_tables` of dbt makes it.
COLUMNS_OF_DELIVERIES = {
    "health_date": "date not null",
    "alert_id": "varchar not null",
    "account_id": "varchar not null",
    "pillar_id": "varchar not null",
    "status": "varchar not null",
    "sent_at": "timestamp",
}
ANNOUNCEMENTS = "operations.announcements"
COLUMNS_OF_ANNOUNCEMENTS = {
    "run_id": "varchar not null",
    "first_date": "date not null",
    "last_date": "date not null",
    "announced_at": "timestamp not null",
}
NOT_DECIDED = """
    select alerts.health_date, alerts.alert_id, alerts.account_id, alerts.pillar_id
    from health.health_alerts as alerts
    anti join operations.alert_deliveries as deliveries
        using (health_date, alert_id, account_id, pillar_id)
    where alerts.health_date <= ?
"""
PENDING = """
    select
        alerts.health_date,
        alerts.alert_id,
        alerts.account_id,
        alerts.pillar_id,
        accounts.account_name,
        alerts.from_state,
        alerts.to_state,
        coalesce(pillars.score, overall.overall_score) as score,
        alerts.severity,
        alerts.playbook,
        alerts.csm_email
    from operations.alert_deliveries as deliveries
    inner join health.health_alerts as alerts
        using (health_date, alert_id, account_id, pillar_id)
    left join health.account_churn as accounts using (account_id)
    left join health.pillar_health_history as pillars using (health_date, account_id, pillar_id)
    left join health.account_health_history as overall
        on alerts.pillar_id = 'overall'
        and alerts.health_date = overall.health_date
        and alerts.account_id = overall.account_id
    where deliveries.status = 'pending'
    order by alerts.health_date, alerts.alert_id, alerts.account_id, alerts.pillar_id
"""
SENT = """
    update operations.alert_deliveries
    set status = 'sent', sent_at = ?
    where health_date = ? and alert_id = ? and account_id = ? and pillar_id = ?
"""
SHOW = """
    update health.health_alerts as alerts
    set status = deliveries.status, sent_at = deliveries.sent_at
    from operations.alert_deliveries as deliveries
    where
        alerts.health_date = deliveries.health_date
        and alerts.alert_id = deliveries.alert_id
        and alerts.account_id = deliveries.account_id
        and alerts.pillar_id = deliveries.pillar_id
        and alerts.status <> deliveries.status
"""


@dataclass(frozen=True)
class Delivery:
    """What became of the alerts: how many were sent, wait for the next run, are none of news.

    problem: why some wait, in words for the user.
    """

    sent: int = 0
    pending: int = 0
    suppressed: int = 0
    problem: str | None = None


def send_alerts(
    settings: Settings,
    run_id: str,
    first: date,
    last: date,
    log: Callable[[str], None] = click.echo,
) -> Delivery:
    """Send the alerts of a published run of the dates from first to last, and what is still owed.

    A destination that does not answer is no failure of the run: what could not be sent waits for
    the next one. For holders of the run lock. Raises click.ClickException for a wrong setting.
    """
    destination, max_age = destination_from_environment(log), max_age_days()
    bound = seconds_to_send()
    suppressed = announce(settings, run_id, first, last, today() - max_age)
    with opened(settings.warehouse, read_only=False) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        delivery = deliver(warehouse, destination, bound)
        [(shown,)] = warehouse.execute(SHOW).fetchall()
    if shown:
        publish(settings, run_id, first, last, only=["health_alerts"])
    return replace(delivery, suppressed=suppressed)


def max_age_days() -> timedelta:
    """How old a health date may be and still be news, where runs were missed."""
    asked = os.environ.get("HEALTH_ALERT_MAX_AGE_DAYS") or str(DEFAULT_MAX_AGE_DAYS)
    if not asked.isdecimal():
        raise click.ClickException(
            f"HEALTH_ALERT_MAX_AGE_DAYS is {asked!r}; it has to be a whole number of days."
        )
    return timedelta(days=int(asked))


def seconds_to_send() -> int:
    """How long a run may take to send alerts; what is not sent by then waits for the next run."""
    asked = os.environ.get("HEALTH_ALERT_SECONDS") or str(DEFAULT_RUN_SECONDS)
    if not asked.isdecimal() or not int(asked):
        raise click.ClickException(
            f"HEALTH_ALERT_SECONDS is {asked!r}; it has to be a whole number of seconds, at least"
            " 1."
        )
    return int(asked)


def announce(settings: Settings, run_id: str, first: date, last: date, oldest_news: date) -> int:
    """Decide which alerts up to the last date are to be sent; how many are not.

    News are health dates later than all that was announced before, so that reruns and backfills
    tell nobody anything, but missed nights do. The very first run has a history to build: of that
    only the last date is news, and the last dates of runs that began before it and were killed.
    """
    with writing(settings) as warehouse:
        # On Spark dbt makes the table there, and not in this file.
        ensure_table(warehouse, DELIVERIES, COLUMNS_OF_DELIVERIES)
        ensure_table(warehouse, ANNOUNCEMENTS, COLUMNS_OF_ANNOUNCEMENTS)
        take_back_what_is_to_come(warehouse)
        [(announced,)] = warehouse.execute(
            "select max(last_date) from operations.announcements"
        ).fetchall()
        first_news = announced + timedelta(days=1) if announced else first_begun(warehouse, last)
        rows = warehouse.execute(
            f"""
            insert into operations.alert_deliveries by name
            select *, if(health_date >= ?, 'pending', 'suppressed') as status, null as sent_at
            from ({NOT_DECIDED})
            returning status
            """,
            [max(first_news, oldest_news), min(last, today())],
        ).fetchall()
        warehouse.execute(
            f"insert into {ANNOUNCEMENTS} (run_id, first_date, last_date, announced_at)"
            " values (?, ?, ?, ?)",
            [run_id, first, min(last, today()), timestamp()],
        )
    return rows.count(("suppressed",))


def take_back_what_is_to_come(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Forget that dates after today were announced, by a run whose clock was ahead.

    They are news when they come, and so are the dates that seemed too old to that run. What was
    sent stays sent.
    """
    taken_back = warehouse.execute(
        f"delete from {ANNOUNCEMENTS} where last_date > ? returning 1", [today()]
    ).fetchall()
    if taken_back:
        warehouse.execute(
            f"""
            delete from operations.alert_deliveries
            where
                status = 'suppressed'
                and health_date > (
                    select coalesce(max(last_date), date '0001-01-01') from {ANNOUNCEMENTS}
                )
            """
        )


def first_begun(warehouse: duckdb.DuckDBPyConnection, last: date) -> date:
    """The last date of the earliest run that is not finished, this one included."""
    [(begun,)] = warehouse.execute(
        "select min(last_date) from operations.unfinished_dates"
    ).fetchall()
    return min(begun or last, last)


def deliver(
    warehouse: duckdb.DuckDBPyConnection, destination: Destination, bound: float
) -> Delivery:
    """Send what is pending, one by one, until the destination fails for good or time is up."""
    alerts = [Alert(*row) for row in warehouse.execute(PENDING).fetchall()]
    ends_at = clock() + bound
    sent, problem = 0, None
    for alert in alerts:
        if clock() >= ends_at:
            problem = f"sending took {bound:.0f} seconds, as HEALTH_ALERT_SECONDS allows"
            break
        try:
            with_retries(destination, alert, min(ends_at, clock() + ALERT_SECONDS))
        except NotDelivered as failure:
            problem = str(failure)
            if failure.may_pass:
                break  # it is down: the others would fare no better
            continue
        warehouse.execute(SENT, [timestamp(), *alert.key])
        sent += 1
    return Delivery(sent=sent, pending=len(alerts) - sent, problem=problem)


def with_retries(destination: Destination, alert: Alert, ends_at: float) -> None:
    """Send an alert, again where a failure may pass and the wait for it ends in time."""
    for wait in RETRY_SECONDS:
        try:
            return destination(alert, ends_at - clock())
        except NotDelivered as failure:
            pause = failure.retry_after or wait
            if not failure.may_pass or clock() + pause >= ends_at:
                raise
            time.sleep(pause)
    return destination(alert, ends_at - clock())
