"""The command `health forget`: remove health dates that a clock which was ahead has calculated."""

from datetime import date, datetime

import click
import duckdb

from orchestration.base.clock import today
from orchestration.base.settings import Settings
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
# Tables with a row or more for each health date, whoever writes them.
DATED = """
    select schema_name || '.' || table_name
    from duckdb_columns()
    inner join duckdb_tables() using (database_name, schema_name, table_name)
    where database_name = current_database() and column_name = 'health_date'
    order by all
"""


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
    settings.refuse_spark("`health forget`")
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
    """Remove the health dates after a date; which those were, and the latest that is left."""
    with writing(settings) as warehouse:
        calculated = {
            day
            for (day,) in warehouse.execute(
                f"select distinct health_date from {HISTORY}"
            ).fetchall()
        }
        for (table,) in warehouse.execute(DATED).fetchall():
            condition = SENT.get(table, "true")
            warehouse.execute(f"delete from {table} where health_date > ? and {condition}", [last])
        forget_unfinished(warehouse, last)
        forget_use_of_configurations(warehouse, last)
    removed = sorted(day for day in calculated if day > last)
    return removed, max(calculated.difference(removed), default=None)


def forget_unfinished(warehouse: duckdb.DuckDBPyConnection, last: date) -> None:
    """No run shall calculate them again because another one began them."""
    if has(warehouse, UNFINISHED):
        warehouse.execute(f"delete from {UNFINISHED} where first_date > ?", [last])
        warehouse.execute(
            f"update {UNFINISHED} set last_date = ? where last_date > ?", [last, last]
        )


def forget_use_of_configurations(warehouse: duckdb.DuckDBPyConnection, last: date) -> None:
    """Configurations were used up to the latest date that is left, and some not at all."""
    if has(warehouse, CONFIGURATIONS):
        warehouse.execute(f"delete from {CONFIGURATIONS} where first_used_on > ?", [last])
        warehouse.execute(
            f"""
            update {CONFIGURATIONS} as versions
            set last_used_on = history.last_used_on
            from (
                select config_version, max(health_date) as last_used_on
                from health.account_health_history
                group by config_version
            ) as history
            where
                versions.config_version = history.config_version
                and versions.last_used_on > ?
            """,
            [last],
        )


def has(warehouse: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(
        warehouse.execute(
            "select 1 from duckdb_tables() where schema_name || '.' || table_name = ?", [table]
        ).fetchall()
    )
