"""Profiles of the raw tables: a few numbers a day, worked out by DuckDB over the raw files, or on a
Spark cluster over its tables.

Only the days that a check looks back on are read, so that the cost does not grow with history. A
table that cannot be read has a profile that says why. Nothing is validated here.
"""

import csv
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from expectations.checks import Check
from expectations.raw_columns import Columns, counted_by_day, look_for_columns, rested_on
from orchestration.base.settings import DBT_PROJECT, Settings
from orchestration.dbt_runner.dbt_macros import (
    SEEDS,
    DbtMacros,
    macros_of_raw_tables,
    rows_as_sql,
)
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.warehouse.spark_scratch import scratch_schemas

BASE = DBT_PROJECT / "models" / "staging" / "base"
USUAL_PERIODS = 4  # how many earlier periods make what is usual
FRESHNESS_DAYS = 60  # how far back the latest row is looked for
# Columns whose words stand in the configuration: the file and column that lists them.
WORD_LISTS = {
    ("subscriptions", "plan_id"): ("plans", "plan_id"),
    ("account_attributes", "attribute"): ("attributes", "attribute_id"),
    ("health_overrides", "pillar_id"): ("pillars", "pillar_id"),
    ("health_entries", "pillar_id"): ("pillars", "pillar_id"),
}
# What the pipeline calls the entries that count, and the overrides that they may end.
ENTRIES, OVERRIDE_IDS = "base_health_entries", "base_override_ids"
# Names that the log of attributes may have besides (docs/configuration.md, "Signals").
ACCOUNT_COLUMNS = {"lifecycle_stage", "industry", "region", "csm_email", "parent_account_id"}

# Keeps the rows of a query under a name, for as long as profiles are read.
Keep = Callable[[str, str], object]


@dataclass(frozen=True)
class Period:
    """The days from `start` up to but not including `end`."""

    start: date
    end: date

    @property
    def days(self) -> Iterator[date]:
        return (self.start + timedelta(days=day) for day in range((self.end - self.start).days))


def recent(health_date: date, days: int) -> Period:
    """The last days before a health date."""
    return Period(health_date - timedelta(days=days), health_date)


def usual(health_date: date, days: int) -> list[Period]:
    """The periods that a recent one is compared with: of equal length, on the same weekdays."""
    step = -(-days // 7) * 7
    return [
        recent(health_date - timedelta(days=step * back), days)
        for back in range(1, USUAL_PERIODS + 1)
    ]


def lookback(days: int) -> int:
    """How many days before a health date a check of this window needs."""
    return days + USUAL_PERIODS * -(-days // 7) * 7


@dataclass
class Profile:
    """What is known of a raw table.

    `numbers`: by statistic and column (empty for the table), a number by day.
    `values`: by column, rows by day and value. `hours`: rows by day and hour.
    """

    table: str
    is_present: bool = False
    problem: str | None = None
    total_rows: int = 0
    future_rows: int = 0
    numbers: dict[tuple[str, str], dict[date, float]] = field(default_factory=dict)
    values: dict[str, dict[date, dict[str, int]]] = field(default_factory=dict)
    hours: dict[date, list[int]] = field(default_factory=dict)
    words: dict[str, set[str]] = field(default_factory=dict)
    latest: dict[date, datetime] = field(default_factory=dict)
    # Rows without a readable time, which belong to no day: counted with every date.
    undated: dict[str, float] = field(default_factory=dict)
    # What is known of the columns that metrics rest on; None where nobody asks.
    columns: Columns | None = None
    # What the warehouse counted on earlier health dates.
    rows_counted: dict[date, int] = field(default_factory=dict)

    @property
    def first_day(self) -> date | None:
        return min(self.numbers.get(("rows", ""), {}), default=None)

    def total(self, statistic: str, period: Period, column: str = "") -> float:
        """Sum of the numbers of the days."""
        by_day = self.numbers.get((statistic, column), {})
        return sum(by_day.get(day, 0) for day in period.days)

    def typical(self, statistic: str, periods: Iterable[Period], column: str = "") -> float | None:
        """Median of the numbers of the days that have one."""
        by_day = self.numbers.get((statistic, column), {})
        numbers = [by_day[day] for period in periods for day in period.days if day in by_day]
        return statistics.median(numbers) if numbers else None

    def is_known(self, period: Period) -> bool:
        """Whether the table's history reaches back to the period's start."""
        return self.first_day is not None and self.first_day <= period.start


def read_profiles(
    settings: Settings,
    checks: Iterable[Check],
    first: date,
    last: date,
    today: date,
    seeds: Path = SEEDS,
) -> dict[str, Profile]:
    """The profile of each raw table, for checks of the health dates from first to last."""
    by_table: dict[str, list[Check]] = {table: [] for table in raw_definitions()}
    for check in checks:
        by_table[check.table_name].append(check)
    with (
        macros_of_raw_tables(settings, (first, last), seeds) as macros,
        keeping(settings, macros) as keep,
    ):
        reader = Reader(macros, keep, first, last, today, seeds)
        return {table: reader.profile(table, asked) for table, asked in by_table.items()}


@contextmanager
def keeping(settings: Settings, macros: DbtMacros) -> Iterator[Keep]:
    """How rows are kept on the connection of the macros.

    On Spark they are tables of a scratch schema: `cache table` keeps rows too, but Spark goes on to
    plan the query behind them wherever they are read, which took minutes where tables take entries.
    """
    connection = macros.connection
    if not settings.is_on_spark:
        yield lambda name, sql: connection.execute(f"create table {name} as {sql}")
        return
    with scratch_schemas() as prefix:
        schema = f"{prefix}checks"
        connection.execute(f"create schema {schema}")

        def keep(name: str, sql: str) -> None:
            connection.execute(f"create table {schema}.{name} using iceberg as {sql}")
            connection.execute(f"create temporary view {name} as select * from {schema}.{name}")

        yield keep


class Reader:
    """Reads profiles on the connection of the macros; keeps accounts and users to look up ids."""

    def __init__(
        self,
        macros: DbtMacros,
        keep: Keep,
        first: date,
        last: date,
        today: date,
        seeds: Path,
    ) -> None:
        self.connection = macros.connection
        self.macros = macros
        self.keep = keep
        self.first, self.last = first, last
        self.future_from = max(today, last) + timedelta(days=1)
        self.seeds = seeds
        self.known_ids: dict[str, str] = {}
        self.rested_on = rested_on(seeds)
        pillars = [{"pillar_id": pillar} for pillar in words_in(seeds, "pillars", "pillar_id")]
        self.keep("config_pillars", rows_as_sql(macros, ["pillar_id"], pillars))
        self.has_entries = False
        self.keep_rates()

    def profile(self, table: str, checks: list[Check]) -> Profile:
        profile = Profile(table)
        found = self.macros.raw_table(table)
        entered = self.entered_rows(table)
        if found is None and not entered:
            return profile
        profile.is_present = True
        profile.problem = found["problem"] if found else None
        if profile.problem:
            return profile
        profile.total_rows = entered + (self.row_count(found) if found else 0)
        if table in ("accounts", "users"):
            self.keep_ids(table)
        if table == "accounts":
            self.keep_entries()
        if checks:
            self.fill(profile, checks)
        return profile

    def fill(self, profile: Profile, checks: list[Check]) -> None:
        listed = self.macros.raw_columns(profile.table)
        columns = {column["name"]: column for column in listed}
        typed = {name: column["value"] for name, column in columns.items()}
        main_column = columns[self.macros.raw_definition(profile.table)["main_time"]]
        main = main_column["value"]
        windows = [lookback(check.window_days) for check in checks if check.window_days]
        read_from = self.first - timedelta(days=max([FRESHNESS_DAYS, *windows]))
        rows = self.macros.typed_rows(profile.table, listed, entries=self.entries_of(profile.table))
        ctes = f"with {rows}"

        def not_before(day: date) -> str:
            """Said of the stored column as well, so that whole Parquet files are skipped."""
            condition = f"{main} >= {midnight(day)}"
            if main_column["native"]:
                kind = self.macros.native_column_type(main_column["type"])
                condition += f" and {main_column['name']} >= cast('{day}' as {kind})"
            return condition

        [(profile.future_rows,)] = self.rows(
            f"{ctes} select count(*) from read where {not_before(self.future_from)}"
        )
        where = f"{not_before(read_from)} and {main} < {midnight(self.last)}"
        profile.columns = look_for_columns(
            checks,
            self.rested_on.get(profile.table, {}),
            self.files_of(profile.table),
            typed,
            lambda value: self.rows(f"{ctes} select 1 from read where {value} is not null limit 1"),
        )
        users = "left join known_users on user_id = known_user_id"
        is_joined = any(check.check_name == "unmatched_users" for check in checks)
        joined = users if is_joined and self.unmatched(typed) else ""
        by_day = f"from read {joined} where {where} group by all"
        day = f"cast({main} as date)"
        self.fill_numbers(profile, checks, typed, main, day, ctes, by_day)
        if profile.columns:
            profile.columns.count(profile.numbers)
        for check in checks:
            if check.check_name not in ("vocabulary", "new_values"):
                continue
            name = check.column
            if name not in profile.values:
                profile.values[name] = {}
                counted = f"{ctes} select {day}, lower({name}), count(*) {by_day}"
                for at, value, rows in self.rows(counted):
                    if value is not None:
                        profile.values[name].setdefault(at, {})[value] = rows
                profile.words[name] = self.words(profile.table, columns[name])
        if any(check.check_name == "hour_shift" for check in checks):
            by_hour = f"{ctes} select {day}, hour({main}), count(*) {by_day}"
            for at, hour, rows in self.rows(by_hour):
                profile.hours.setdefault(at, [0] * 24)[hour] = rows
        self.fill_validated(profile, checks)

    def fill_numbers(
        self,
        profile: Profile,
        checks: list[Check],
        typed: dict[str, str],
        main: str,
        day: str,
        ctes: str,
        by_day: str,
    ) -> None:
        """Numbers by day that need nothing but the rows as they come."""
        wanted = {("rows", ""): "count(*)", ("latest", ""): f"max({main})"}
        for check in checks:
            name = check.column_name or ""
            value = typed.get(name, "")
            wanted |= {
                "null_share": {("filled", name): f"count({value})"},
                "null_share_rise": {("filled", name): f"count({value})"},
                "distinct_values": {("distinct", name): f"approx_count_distinct({value})"},
                "level": {("level", name): f"median({value})", ("filled", name): f"count({value})"},
                "lag": {
                    ("lag", name): f"median({self.seconds(value)} - {self.seconds(main)}) / 3600.0",
                    ("filled", name): f"count({value})",
                },
                "accounts_seen": {
                    ("accounts", ""): f"approx_count_distinct({typed['account_id']})"
                },
                "unmatched_users": self.unmatched(typed),
                "columns_kept": counted_by_day(check, profile.columns, typed),
            }.get(check.check_name, {})
        rows = self.rows(f"{ctes} select {day}, {', '.join(wanted.values())} {by_day}")
        for at, *numbers in rows:
            for statistic, number in zip(wanted, numbers, strict=True):
                if statistic == ("latest", ""):
                    profile.latest[at] = number
                elif number is not None:
                    profile.numbers.setdefault(statistic, {})[at] = number

    def seconds(self, time: str) -> str:
        return self.macros.epoch_seconds(time) if time else ""

    def unmatched(self, typed: dict[str, str]) -> dict[tuple[str, str], str]:
        """Users of the rows, and those that nobody knows (`known_users` joined to the rows)."""
        if "users" not in self.known_ids or "user_id" not in typed:
            return {}
        user = typed["user_id"]
        return {
            ("filled", "user_id"): f"count({user})",
            ("unmatched", "user_id"): f"count({user}) - count(known_user_id)",
        }

    def fill_validated(self, profile: Profile, checks: list[Check]) -> None:
        """Numbers by day of the rows as the pipeline validates them."""
        windows = [
            check.days
            for check in checks
            if check.check_name
            in ("rejected_share", "changed_share", "unknown_accounts", "duplicate_share")
        ]
        if not windows:
            return
        sql = self.validated_rows(
            profile.table,
            days={"from": str(self.first - timedelta(days=max(windows))), "and_undated": True},
        )
        statistics_by_day = self.rows(f"""
            select
                cast(record_time as date) as day,
                count(*) as validated,
                count(rejected_reason) as rejected,
                count(*) filter (where rejected_reason = 'unknown_account') as unknown_accounts,
                count(*) filter (where rejected_reason = 'duplicate_key') as repeated,
                coalesce(
                    sum(length(value_issues) - length(replace(value_issues, ';', '')) + 1), 0
                ) as changed
            from ({sql}) as validated
            group by day
        """)
        names = ("validated", "rejected", "unknown_accounts", "repeated", "changed")
        for day, *numbers in statistics_by_day:
            for name, number in zip(names, numbers, strict=True):
                if day is None:
                    profile.undated[name] = number
                else:
                    profile.numbers.setdefault((name, ""), {})[day] = number

    def keep_ids(self, table: str) -> None:
        """Keep the ids of the accounts or users that count."""
        name = {"accounts": "account_id", "users": "user_id as known_user_id"}[table]
        self.keep(
            f"known_{table}",
            f"select distinct {name} from ({self.validated_rows(table)}) as validated"
            " where rejected_reason is null",
        )
        self.known_ids[table] = f"known_{table}"

    def keep_rates(self) -> None:
        """Keep the currencies that have a rate."""
        self.keep(
            "known_rates",
            "select distinct currency"
            f" from ({self.macros.validated_rows('exchange_rates')}) as validated"
            " where rejected_reason is null",
        )

    def keep_entries(self) -> None:
        """Keep the entries that count: checks look at what was entered as at rows of files."""
        found = self.macros.raw_table("health_entries")
        if not found or found["problem"]:
            return
        self.keep("stg_accounts", "select * from known_accounts")
        for name in (OVERRIDE_IDS, ENTRIES):
            self.keep(name, self.macros.rendered(BASE / f"{name}.sql"))
        self.has_entries = True

    def row_count(self, found: Mapping[str, Any]) -> int:
        """How many rows a raw table has; a table on Spark is asked."""
        if "row_count" in found:
            return found["row_count"]
        [(count,)] = self.rows(f"select count(*) from {found['location']}")
        return count

    def entries_of(self, table: str) -> str | None:
        """The relation with what was entered into a table, if anything can be."""
        takes_entries = self.macros.raw_definition(table)["entries"]
        return ENTRIES if self.has_entries and takes_entries else None

    def entered_rows(self, table: str) -> int:
        """How many rows of a table were entered."""
        if not self.entries_of(table):
            return 0
        kind = self.macros.raw_definition(table)["entries"]["made_by"]
        [(count,)] = self.rows(
            f"select count(*) from {ENTRIES} where kind = '{kind}' and rejected_reason is null"
        )
        return int(count)

    def files_of(self, table: str) -> Mapping[str, Any]:
        """What the files of a table hold; of one without files, what entries fill."""
        found = self.macros.raw_table(table)
        if found:
            return {"row_count": self.row_count(found), **found}
        filled = self.macros.raw_definition(table)["entries"]["filled_from"]
        return {"columns": filled, "other_columns": [], "row_count": self.entered_rows(table)}

    def validated_rows(self, table: str, **days: Any) -> str:
        """SQL of a table's rows as the pipeline validates them."""
        names = [column["name"] for column in self.macros.raw_definition(table)["columns"]]
        if "account_id" in names and table != "accounts":
            days["accounts"] = self.known_ids.get("accounts")
            if "currency" in names:
                days["rates"] = "known_rates"
        if table == "health_entries" and self.has_entries:
            days["named_ids"] = OVERRIDE_IDS
        days["entries"] = self.entries_of(table)
        return self.macros.validated_rows(table, **days)

    def words(self, table: str, column: Any) -> set[str]:
        """The words that a column may have; none where it may have any."""
        words = {word.lower() for word in column.get("words", ())}
        if (table, column["name"]) in WORD_LISTS:
            words |= words_in(self.seeds, *WORD_LISTS[table, column["name"]])
        if (table, column["name"]) == ("account_attributes", "attribute"):
            words |= ACCOUNT_COLUMNS
        return words

    def rows(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()


def midnight(day: date) -> str:
    """The begin of a day as a literal of SQL."""
    return f"timestamp '{datetime.combine(day, time())}'"


def words_in(seeds: Path, file: str, column: str) -> set[str]:
    """The ids that a configuration file lists."""
    path = seeds / f"{file}.csv"
    if not path.exists():
        return set()
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return {(row.get(column) or "").strip().lower() for row in csv.DictReader(lines)} - {""}
