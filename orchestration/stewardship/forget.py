"""The command `health forget`: remove health dates that a clock which was ahead has calculated."""

from datetime import date, datetime

import click

from orchestration.base.clock import today
from orchestration.base.settings import Settings
from orchestration.erasure.stores import Store, WarehouseFile, cluster_of
from orchestration.insight.options import DATE
from orchestration.warehouse.connections import writing
from orchestration.warehouse.health_dates import all_in_words, ranges_of
from orchestration.warehouse.run_lock import write_lock
from orchestration.warehouse.unfinished import TABLE as UNFINISHED
from orchestration.warehouse.unfinished import begin

HISTORY = "health.source_status"
CONFIGURATIONS = "health.health_config_versions"
# What was sent stays noted, so that no receiver is sent it twice.
SENT = {"operations.alert_deliveries": "status <> 'sent'"}


@click.command()
@click.option("--after", type=DATE, required=True, help="The last health date to keep: today.")
def forget(after: datetime) -> None:
    """Remove health dates that have not begun yet.

    They were calculated while the clock was ahead, of data that was not there yet, and readers take
    them for the latest. Nothing else can be removed: --after must not lie before today (UTC), so
    make sure first that the clock is right now. Readers keep what they have until the next run,
    which calculates the latest date that is left again.

    \b
    Example:
      health forget --after 2026-11-28
    """
    settings = Settings.from_environment()
    last = after.date()
    if last < today():
        raise click.UsageError(
            f"Only what lies after today, {today()} (UTC), can be removed; {last} does not."
        )
    if not settings.warehouse.exists():
        raise click.ClickException(
            f"There is no warehouse {settings.warehouse} yet: `health run` makes it."
        )
    with write_lock(settings):
        removed, latest = removed_after(settings, last)
        if removed and latest:
            begin(settings, latest, latest)
    if not removed:
        click.echo(f"There is no health date after {last}.")
        return
    click.echo(
        f"Removed {all_in_words(ranges_of(removed))}. Readers see them until the next `health run`."
    )


def removed_after(settings: Settings, last: date) -> tuple[list[date], date | None]:
    """Remove the health dates after a date; which those were, and the latest that is left.

    The table that tells which dates there are comes last: where this is stopped on a cluster, it is
    done again from the start.
    """
    with cluster_of(settings) as cluster, writing(settings) as warehouse:
        file = WarehouseFile(warehouse)
        stores: list[Store] = [cluster, file] if cluster else [file]
        calculated = {
            day
            for store in stores
            if has(store, HISTORY)
            for (day,) in store.rows(f"select distinct health_date from {HISTORY}")
        }
        for store in stores:
            forget_dates(store, last)
        forget_unfinished(file, last)
    removed = sorted(day for day in calculated if day > last)
    return removed, max(calculated.difference(removed), default=None)


def forget_dates(store: Store, last: date) -> None:
    """Delete the rows of later dates from all tables that have one or more for each."""
    dated = [table for table in store.tables() if "health_date" in table.columns]
    for table in sorted(dated, key=lambda table: str(table) == HISTORY):
        if str(table) == HISTORY:
            forget_use_of_configurations(store, last)
        condition = SENT.get(str(table), "true")
        store.execute(
            f"delete from {store.spelled(table)} where health_date > date '{last}' and {condition}"
        )


def forget_unfinished(file: WarehouseFile, last: date) -> None:
    """No run shall calculate them again because another one began them."""
    if has(file, UNFINISHED):
        file.execute(f"delete from {UNFINISHED} where first_date > date '{last}'")
        file.execute(
            f"update {UNFINISHED} set last_date = date '{last}' where last_date > date '{last}'"
        )


def forget_use_of_configurations(store: Store, last: date) -> None:
    """Configurations were used up to the latest date that is left, and some not at all."""
    if not has(store, CONFIGURATIONS):
        return
    store.execute(f"delete from {CONFIGURATIONS} where first_used_on > date '{last}'")
    for version, used_on in store.rows(
        "select config_version, max(health_date) from health.account_health_history"
        " group by config_version"
    ):
        store.execute(
            f"update {CONFIGURATIONS} set last_used_on = date '{used_on}'"
            f" where config_version = '{version}' and last_used_on > date '{last}'"
        )


def has(store: Store, table: str) -> bool:
    return table in map(str, store.tables())
