"""Corruptions: what goes wrong with raw data, injected into the sample on purpose.

Each changes a copy of the raw folder in one way, for a health date that is the end of the sample.
"""

import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
from pipeline import Warehouse

from expectations.queries import checks_of
from expectations.raw import add_counts, validated_profiles
from expectations.raw_profile import read_profiles
from expectations.reports import CheckResult
from orchestration.base.settings import Settings


@dataclass(frozen=True)
class Raw:
    """A raw folder to corrupt, and the health date that sees it."""

    folder: Path
    health_date: date

    def file(self, table: str) -> Path:
        return self.folder / f"{table}.parquet"

    def event_file(self, days_before: int) -> Path:
        day = self.health_date - timedelta(days=days_before)
        return self.folder / "events" / f"occurred_on={day}" / "part-0.parquet"

    def rewrite(self, table: str, select: str) -> None:
        """Replace a table by what the query makes of it; `rows` stands for the table."""
        rewrite(self.file(table), select)

    def rewrite_events(self, days: int, select: str) -> None:
        """Replace the events of each of the last days by what the query makes of them."""
        for before in range(1, days + 1):
            rewrite(self.event_file(before), select)

    def drop_events(self, *days_before: int) -> None:
        for before in days_before:
            shutil.rmtree(self.event_file(before).parent)

    def replace_rows(self, table: str, columns: str, where: str = "true") -> None:
        """Change columns of the rows that the condition names."""
        kept = f"select * from rows where not coalesce({where}, false)"
        changed = f"select * replace ({columns}) from rows where {where}"
        self.rewrite(table, f"{kept} union all by name {changed}")

    def since(self, column: str, days: int) -> str:
        return f"{column} >= date '{self.health_date}' - {days}"


def rewrite(file: Path, select: str) -> None:
    new = file.with_suffix(".new")
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"create table rows as from read_parquet('{file}')")
        connection.execute(f"copy ({select}) to '{new}' (format parquet)")
    new.replace(file)


def truncate(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 2 // 3])


@dataclass(frozen=True)
class Corruption:
    """One way in which raw data goes wrong."""

    name: str
    table: str
    corrupt: Callable[[Raw], None]

    @property
    def id(self) -> str:
        return f"{self.table}-{self.name}".replace(" ", "_")


def events(name: str, days: int, select: str) -> Corruption:
    return Corruption(name, "events", lambda raw: raw.rewrite_events(days, select))


def rows(table: str, name: str, select: str) -> Corruption:
    return Corruption(name, table, lambda raw: raw.rewrite(table, select))


def values(table: str, name: str, columns: str, where: str = "true") -> Corruption:
    return Corruption(name, table, lambda raw: raw.replace_rows(table, columns, where))


def lately(table: str, name: str, columns: str, time: str, days: int) -> Corruption:
    """Values of the rows of the last days only: the export went wrong some days ago."""
    return Corruption(
        name, table, lambda raw: raw.replace_rows(table, columns, raw.since(time, days))
    )


def gone_since(table: str, name: str, time: str, days: int) -> Corruption:
    return Corruption(
        name,
        table,
        lambda raw: raw.rewrite(table, f"select * from rows where not {raw.since(time, days)}"),
    )


def absent(table: str) -> Corruption:
    return Corruption("file is gone", table, lambda raw: raw.file(table).unlink())


def truncated(table: str) -> Corruption:
    return Corruption("file is cut off", table, lambda raw: truncate(raw.file(table)))


def as_csv(table: str, name: str, change: Callable[[str], str]) -> Corruption:
    """The table as CSV, its text changed."""

    def corrupt(raw: Raw) -> None:
        text = raw.folder / f"{table}.csv"
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(f"copy (from '{raw.file(table)}') to '{text}' (header)")
        raw.file(table).unlink()
        text.write_text(change(text.read_text(encoding="utf-8")), encoding="utf-8")

    return Corruption(name, table, corrupt)


def open_a_quote(text: str) -> str:
    lines = text.split("\n")
    middle = len(lines) // 2
    lines[middle] = lines[middle].replace(",", ',"', 1)
    return "\n".join(lines)


def german_dates(text: str) -> str:
    return re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\3.\2.\1", text)


TWICE = "from rows union all select * replace ({}) from rows"
CORRUPTIONS = (
    # Events: whole days.
    Corruption("last day dropped", "events", lambda raw: raw.drop_events(1)),
    Corruption("last five days dropped", "events", lambda raw: raw.drop_events(1, 2, 3, 4, 5)),
    Corruption("a day of last week dropped", "events", lambda raw: raw.drop_events(4)),
    events("last day empty", 1, "from rows limit 0"),
    events("last day three quarters dropped", 1, "from rows where hash(event_id) % 4 = 0"),
    events("last day a third dropped", 1, "from rows where hash(event_id) % 3 > 0"),
    events(
        "last day three times, new ids",
        1,
        "from rows union all select * replace (event_id || '-b' as event_id) from rows"
        " union all select * replace (event_id || '-c' as event_id) from rows",
    ),
    events("last day twice, exact copies", 1, "from rows union all from rows"),
    events(
        "last day twice, same ids, other features",
        1,
        TWICE.format("feature || '_x' as feature"),
    ),
    Corruption("a file cut off", "events", lambda raw: truncate(raw.event_file(2))),
    # Events: values.
    events("user ids lost", 1, "select * replace (null as user_id) from rows"),
    events("modules lost", 1, "select * replace (null as module) from rows"),
    events("features lost", 1, "select * replace (null as feature) from rows"),
    events("features renamed", 1, "select * replace ('new-' || feature as feature) from rows"),
    events(
        "feature and module swapped",
        1,
        "select * replace (module as feature, feature as module) from rows",
    ),
    events(
        "feature and user swapped",
        1,
        "select * replace (user_id as feature, feature as user_id) from rows",
    ),
    events(
        "times of another zone, 6 hours",
        3,
        "select * replace (occurred_at + interval 6 hour as occurred_at) from rows",
    ),
    events(
        "times of another zone, 3 hours",
        3,
        "select * replace (occurred_at + interval 3 hour as occurred_at) from rows",
    ),
    events(
        "times in the future",
        1,
        "select * replace (occurred_at + interval 700 day as occurred_at) from rows",
    ),
    events(
        "times of 1970",
        1,
        "select * replace (timestamp '1970-01-01' as occurred_at) from rows",
    ),
    events(
        "counts a hundredfold", 1, "select * replace (event_count * 100 as event_count) from rows"
    ),
    events("counts negative", 1, "select * replace (-event_count as event_count) from rows"),
    events(
        "account ids of another kind",
        1,
        "select * replace ('A-' || account_id as account_id) from rows",
    ),
    events(
        "user ids of another kind", 1, "select * replace ('U-' || user_id as user_id) from rows"
    ),
    events("two thirds of the accounts missing", 1, "from rows where hash(account_id) % 3 = 0"),
    events("time column renamed", 1, "select * rename (occurred_at as happened_at) from rows"),
    # Accounts.
    rows("accounts", "no rows", "from rows limit 0"),
    rows("accounts", "half of them missing", "from rows where hash(account_id) % 2 = 0"),
    rows(
        "accounts",
        "every row twice under other names",
        TWICE.format("account_name || ' B' as account_name"),
    ),
    values("accounts", "ids of another kind", "'A-' || account_id as account_id"),
    values("accounts", "owners lost", "null as csm_email"),
    values("accounts", "stages renamed", "'stage ' || lifecycle_stage as lifecycle_stage"),
    values("accounts", "names lost for half", "null as account_name", "hash(account_id) % 2 = 0"),
    values("accounts", "all churned", "created_at + interval 1 day as churned_at"),
    rows("accounts", "id column renamed", "select * rename (account_id as id) from rows"),
    truncated("accounts"),
    absent("accounts"),
    # Subscriptions.
    lately("subscriptions", "mrr in cents lately", "mrr * 100 as mrr", "started_at", 28),
    values("subscriptions", "mrr in cents", "mrr * 100 as mrr"),
    values("subscriptions", "mrr lost for half", "null as mrr", "hash(subscription_id) % 2 = 0"),
    values("subscriptions", "mrr negative", "-mrr as mrr"),
    values("subscriptions", "mrr and seats swapped", "seats as mrr, mrr as seats"),
    values("subscriptions", "plans renamed", "'plan-' || plan_id as plan_id"),
    values("subscriptions", "all ended", "started_at + interval 1 day as ended_at"),
    rows("subscriptions", "half of the rows lost", "from rows where hash(subscription_id) % 2 = 0"),
    absent("subscriptions"),
    # Invoices.
    lately("invoices", "amounts in cents lately", "amount * 100 as amount", "issued_at", 28),
    values("invoices", "due dates lost", "null as due_at"),
    values("invoices", "payments lost", "null as paid_at"),
    values("invoices", "amounts negative", "-amount as amount"),
    values("invoices", "issued and due swapped", "due_at as issued_at, issued_at as due_at"),
    gone_since("invoices", "stale, nothing for 60 days", "issued_at", 60),
    as_csv("invoices", "decimal commas", lambda text: text.replace(".", ",")),
    # Tickets.
    values("tickets", "priorities unknown", "'p' || priority as priority"),
    values("tickets", "priorities lost", "null as priority"),
    values(
        "tickets",
        "created and solved swapped",
        "solved_at as created_at, created_at as solved_at",
        "solved_at is not null",
    ),
    values("tickets", "ratings in percent", "csat_score * 20 as csat_score"),
    lately(
        "tickets",
        "replies of another zone",
        "first_replied_at + interval 9 hour as first_replied_at",
        "created_at",
        7,
    ),
    rows("tickets", "all twice, new ids", TWICE.format("ticket_id || '-b' as ticket_id")),
    gone_since("tickets", "stale, nothing for 10 days", "created_at", 10),
    as_csv("tickets", "a quote left open", open_a_quote),
    as_csv("tickets", "dates as day.month.year", german_dates),
    values("tickets", "account ids lost", "null as account_id"),
    # The others.
    values("touchpoints", "channels unknown", "'via ' || channel as channel"),
    values("touchpoints", "directions lost", "null as direction"),
    gone_since("touchpoints", "nothing for a week", "occurred_at", 7),
    values(
        "survey_responses",
        "scores times ten",
        "cast(try_cast(score as double) * 10 as varchar) as score",
    ),
    values(
        "survey_responses",
        "kinds swapped",
        "case kind when 'nps' then 'pulse' else 'nps' end as kind",
    ),
    lately(
        "risk_assessments",
        "scores as fractions",
        "cast(risk_score as double) / 100 as risk_score",
        "assessed_at",
        7,
    ),
    lately(
        "risk_assessments",
        "scores turned round",
        "100 - cast(risk_score as double) as risk_score",
        "assessed_at",
        7,
    ),
    values("account_tags", "kinds unknown", "'k_' || kind as kind"),
    rows("account_tags", "no rows", "from rows limit 0"),
    values("account_attributes", "names of another kind", "'attr_' || attribute as attribute"),
    values("account_attributes", "values lost", "null as value"),
    values("users", "account ids of another kind", "'A-' || account_id as account_id"),
    values("users", "all deactivated", "created_at + interval 1 day as deactivated_at"),
    absent("users"),
    values("health_overrides", "pillars unknown", "'p_' || pillar_id as pillar_id"),
)


# Tables whose checks see what is wrong with another one: their ids no longer match.
SEEN_BY = {"accounts": ("subscriptions",), "users": ("events", "tickets")}


def raw_failures(raw: Raw, table: str, warehouse: Path) -> dict[str, str]:
    """What the raw checks of a table find: what was observed, by `table: check (severity)`.

    `warehouse` holds what was counted on the dates before.
    """
    tables = (table, *SEEN_BY.get(table, ()))
    checks = [check for check in checks_of("raw") if check.table_name in tables]
    settings = Settings(raw.folder, warehouse)
    day = raw.health_date
    profiles = read_profiles(settings, checks, day, day, day)
    add_counts(settings, profiles)
    return failures_of(validated_profiles(profiles, checks, (day,)).failed)


def failures_of(results: Iterable[CheckResult]) -> dict[str, str]:
    return {
        f"{result.check.table_name}: {result.check.label} ({result.check.severity})": (
            result.observed
        )
        for result in results
    }


def checkpoint(warehouse: Warehouse) -> None:
    """Bring all into the one file, so that it can be copied."""
    duckdb.connect(str(warehouse.path)).close()
