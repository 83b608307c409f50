"""Accounts and dates: what a user asked for, found in the history or refused with what is near."""

import difflib
from datetime import date, datetime

import click
import duckdb

from orchestration.warehouse.connections import Warehouse

Connection = duckdb.DuckDBPyConnection

# Every account that the history or the raw data knows: those that have left are asked about too.
KNOWN_ACCOUNTS = """
    select account_id, account_name from health.account_churn
    union
    select account_id, coalesce(account_name, account_id) as account_name
    from health.account_health
"""


def find_account(connection: Connection, asked: str) -> tuple[str, str]:
    """Id and name of the account with this id or name; refuses others and names near ones."""
    require_table(connection, "account_churn")
    accounts = dict(connection.execute(KNOWN_ACCOUNTS).fetchall())
    if asked in accounts:
        return asked, accounts[asked]
    wanted = asked.strip().casefold()
    matches = [
        (account, name)
        for account, name in accounts.items()
        if wanted in (account.casefold(), name.casefold())
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        ids = ", ".join(sorted(account for account, _ in matches))
        raise click.ClickException(f"{len(matches)} accounts are named {asked!r}: {ids}.")
    near = near_accounts(accounts, wanted)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    raise click.ClickException(f"No account has the id or the name {asked!r}.{hint}")


def near_accounts(accounts: dict[str, str], wanted: str, limit: int = 5) -> list[str]:
    """Accounts whose id or name is like what was asked for, the likest first."""
    scores: dict[str, float] = {}
    for account, name in accounts.items():
        for text in (account.casefold(), name.casefold()):
            likeness = difflib.SequenceMatcher(None, wanted, text).ratio()
            if wanted and wanted in text:
                likeness = max(likeness, 0.9)
            scores[account] = max(scores.get(account, 0), likeness)
    best = sorted(scores, key=lambda account: (-scores[account], account))[:limit]
    return [f"{account} ({accounts[account]})" for account in best if scores[account] >= 0.6]


def history_dates(connection: Connection) -> list[date]:
    """Every health date of the history; refuses an empty one."""
    rows = connection.execute(
        "select distinct health_date from health.account_health_history order by health_date"
    ).fetchall()
    if not rows:
        raise click.ClickException("The history is empty: `health run` calculates it.")
    return [day for (day,) in rows]


def find_date(dates: list[date], asked: datetime | None, option: str = "--date") -> date:
    """The date asked for, or the latest; refuses one that the history does not have."""
    if asked is None:
        return dates[-1]
    day = asked.date()
    if day not in dates:
        nearest = min(dates, key=lambda known: abs((known - day).days))
        raise click.ClickException(
            f"{option}: {day} is not in the history, which has {len(dates)} dates from {dates[0]}"
            f" to {dates[-1]}. The nearest is {nearest}; `health run --date {day}` calculates it."
        )
    return day


def has_table(connection: Connection, name: str) -> bool:
    """Whether schema `health` has the table; warehouses of older versions lack some."""
    return Warehouse(connection).has(f"health.{name}")


def require_table(connection: Connection, name: str) -> None:
    """Refuses, with the cure, when the warehouse does not have the table yet."""
    if not has_table(connection, name):
        raise click.ClickException(
            f"The warehouse has no table health.{name} yet: calculate once more with `health run`."
        )
