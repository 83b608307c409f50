"""Erasure: whom the list names is removed from all that runs keep, and their sums recalculated.

Three steps, each of which is begun again where a run was killed in it:

1. `remove`, before a run calculates: rows are deleted from the warehouse, which is then written as
   a new file, because the bytes of deleted rows stay in a DuckDB file. Copies of raw files and the
   Data Docs are deleted. Dates whose sums the rows are part of are noted as unfinished.
2. The run calculates those dates, and its own, without the rows: staging honours the list.
3. `publish` begins with empty files, and deletes all previous generations at once.

How far it has come is noted in the warehouse (`erasure_steps`).

A date is calculated again where that gives what it was but for the erased rows: by the present
configuration, and as far back as the raw tables reach. On others the rows of an account are gone,
and sums (accounts of a portfolio, values of metrics) are left as they are.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from orchestration.base.dbt_project import variables
from orchestration.base.figures import plural
from orchestration.base.settings import STORAGE_VERSION, Settings
from orchestration.base.stopping import scratch_folders
from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.erasure.dagster_records import delete_entries
from orchestration.warehouse import erasure_steps
from orchestration.warehouse.connections import writing
from orchestration.warehouse.duckdb_files import in_memory, literal, quoted
from orchestration.warehouse.erasure_list import Erasure, erasure_list
from orchestration.warehouse.erasure_steps import REMOVED, WRITTEN
from orchestration.warehouse.growing_tables import carry_over_renamed_tables, ensure_table
from orchestration.warehouse.health_dates import Range, in_words, put_together
from orchestration.warehouse.unfinished import COLUMNS as COLUMNS_OF_UNFINISHED
from orchestration.warehouse.unfinished import TABLE as UNFINISHED

# What is derived from the kept events, and rebuilt from them by the next run.
REBUILT = ("int_event_source_days", "int_account_days")
NEEDED = {
    "health.account_health_history",
    "health.source_status",
    "intermediate.int_source_days",
    "intermediate.int_validated_events",
}
COMPACTED = ("int_users_compacted", "int_features_compacted", "int_events_compacted")


@dataclass
class Removal:
    """What was removed, and what of it could not be.

    rows: removed, by table of the warehouse. dates: health dates to be calculated again. out_of_raw
    and previous_configuration: those that are not, because the raw tables do not reach so far back,
    or because they were calculated with another configuration. records_left: a line for each of
    Dagster's records that may still name them.
    """

    users: int
    accounts: int
    rows: dict[str, int] = field(default_factory=dict)
    log_entries: int = 0
    records_left: list[str] = field(default_factory=list)
    dates: list[Range] = field(default_factory=list)
    out_of_raw: list[Range] = field(default_factory=list)
    previous_configuration: list[Range] = field(default_factory=list)

    def in_words(self) -> list[str]:
        """What a person reads of it, a line each; without an id."""
        who = f"{plural(self.users, 'user')} and {plural(self.accounts, 'account')}"
        count = sum(self.rows.values())
        lines = [f"Nothing is left of {who} in the warehouse."]
        if count:
            lines = [f"Removed {plural(count, 'row')} of {who} from the warehouse:"]
            lines += [f"  {table}: {rows}" for table, rows in self.rows.items()]
        if self.log_entries:
            lines.append(f"Entries of Dagster's logs that were deleted: {self.log_entries}.")
        lines += self.records_left
        for dates, words in (
            (self.dates, "Sums are calculated again for"),
            (self.out_of_raw, "Sums still hold them, as raw data does not reach so far back, on"),
            (
                self.previous_configuration,
                "Sums still hold them, as another configuration made them, on",
            ),
        ):
            if dates:
                lines.append(f"{words} {', '.join(in_words(*part) for part in dates)}.")
        return lines


def remove(settings: Settings) -> Removal:
    """Remove those whom the list names from the warehouse, state and Data Docs.

    Again where nothing of them is left, it does nothing. For holders of the run lock. Raises
    click.ClickException for a wrong list.
    """
    entries = erasure_list(settings.erasures)
    was_due = erasure_steps.is_due(settings)
    users, accounts = (
        [entry.id for entry in entries if entry.kind == kind] for kind in ("user", "account")
    )
    removal = Removal(len(users), len(accounts))
    events_from = first_day_of_raw_events(settings)
    with writing(settings) as warehouse:
        carry_over_renamed_tables(warehouse)
        warehouse.execute("create temp table erased (kind varchar, id varchar)")
        warehouse.execute(
            "insert into erased select unnest(?::varchar[]), unnest(?::varchar[])",
            [[entry.kind for entry in entries], [entry.id for entry in entries]],
        )
        since = first_date_with_them(warehouse)
        if since:
            split_dates(warehouse, removal, since, events_from)
        forget_parents(warehouse)
        for table in tables_of(warehouse):
            count = delete_rows(warehouse, *table)
            if count:
                removal.rows[f"{table[0]}.{table[1]}"] = count
        if not removal.rows and not was_due:
            return removal
        if removal.rows:
            forget_sums_of_events(warehouse)
        note(warehouse, entries, removal)
    rewrite_file(settings)
    delete_copies(settings)
    removal.log_entries, removal.records_left = delete_entries(
        settings.state / "dagster", [*users, *accounts]
    )
    erasure_steps.note(settings, REMOVED, WRITTEN)
    return removal


def delete_copies(settings: Settings) -> None:
    """Delete what is made again when it is needed, and what nobody can look through: what was set
    aside because it was damaged, and what commands that were killed left.

    The log of this run may be open, and goes on empty.
    """
    name = settings.warehouse.name
    left = [
        *settings.warehouse.parent.glob(f"{name}*.set-aside-*"),
        *settings.warehouse.parent.glob(f".{name}.*"),
        *settings.state.rglob("*.set-aside-*"),
        *settings.published.parent.glob(f"{settings.published.name}*/*.set-aside-*"),
        *settings.published.parent.glob(f"{settings.published.name}*/.generations/*.set-aside-*"),
        *scratch_folders(settings.state),
    ]
    for path in (settings.state / "raw_files", settings.docs, *left):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    log = settings.state / "health_run.log"
    if log.is_file():
        os.truncate(log, 0)


def first_day_of_raw_events(settings: Settings) -> date | None:
    """As far back as the raw table of events reaches; None where it is not there."""
    with in_memory(settings.spill) as connection:
        macros = DbtMacros(
            connection,
            raw_folder=settings.raw,
            notes=settings.state,
            erasures=settings.erasures,
        )
        found = macros.raw_table("events")
        if not found or found["problem"]:
            return None
        [(first,)] = connection.execute(macros.first_raw_day("events")).fetchall()
    return date.fromisoformat(first) if first else None


Named = tuple[str, str, set[str]]


def tables_of(warehouse: duckdb.DuckDBPyConnection) -> list[Named]:
    """All tables of the warehouse that can hold somebody: schema, name and columns."""
    found: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in warehouse.execute(
        """
        select schema_name, table_name, column_name
        from duckdb_columns()
        inner join duckdb_tables() using (database_name, schema_name, table_name)
        where database_name = current_database() and not duckdb_tables.temporary
        """
    ).fetchall():
        found.setdefault((schema, table), set()).add(column)
    return [(*name, columns) for name, columns in sorted(found.items())]


def delete_rows(
    warehouse: duckdb.DuckDBPyConnection, schema: str, table: str, columns: set[str]
) -> int:
    """Delete the rows of those who are erased from a table; how many."""
    named = f"{quoted(schema)}.{quoted(table)}"
    conditions = list(conditions_on(table, columns))
    if not conditions:
        return 0
    [(count,)] = warehouse.execute(
        f"delete from {named} where {' or '.join(conditions)}"
    ).fetchall()
    return count


def conditions_on(table: str, columns: set[str]) -> Iterator[str]:
    """SQL of what tells that a row of a table is of somebody who is erased."""
    for kind in ("account", "user"):
        if f"{kind}_id" in columns:
            yield is_of(kind)
        if "record" in columns:  # the raw row as JSON
            text = f"json_extract_string(record, '$.{kind}_id')"
            yield f"trim({text}) in ({ids(kind)})"
        if "record_key" in columns and "table_name" in columns:
            yield f"table_name = '{kind}s' and record_key in ({ids(kind)})"
    if table == "check_failures":
        yield "record_key in (select id from erased)"
    if "parent_account_id" in columns and "account_id" not in columns:
        yield f"parent_account_id in ({ids('account')})"


def forget_parents(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Take an erased account away from the rows of those that belong to it."""
    for schema, table, columns in tables_of(warehouse):
        named = f"{quoted(schema)}.{quoted(table)}"
        if {"account_id", "parent_account_id"} <= columns:
            warehouse.execute(
                f"update {named} set parent_account_id = null"
                f" where parent_account_id in ({ids('account')})"
            )
        if {"signal_id", "observed"} <= columns:
            warehouse.execute(
                f"update {named} set observed = null"
                f" where signal_id = 'parent_account_id' and observed in ({ids('account')})"
            )


def is_of(kind: str) -> str:
    return f"{kind}_id in ({ids(kind)})"


def ids(kind: str) -> str:
    return f"select id from erased where kind = '{kind}'"


def first_date_with_them(warehouse: duckdb.DuckDBPyConnection) -> date | None:
    """The first health date that knew a record of somebody; None where there is none."""
    days: list[date] = []
    for schema, table, columns in tables_of(warehouse):
        named = f"{quoted(schema)}.{quoted(table)}"
        time = next(
            (name for name in ("event_day", "record_time", "health_date") if name in columns), None
        )
        kinds = [kind for kind in ("account", "user") if f"{kind}_id" in columns]
        if time is None or not kinds or schema == "operations":
            continue
        [(first,)] = warehouse.execute(
            f"select cast(min({time}) as date) from {named}"
            f" where {' or '.join(is_of(kind) for kind in kinds)}"
        ).fetchall()
        if first:
            days.append(first)
    return min(days, default=None)


def split_dates(
    warehouse: duckdb.DuckDBPyConnection,
    removal: Removal,
    since: date,
    events_from: date | None,
) -> None:
    """Which of the dates since then can be calculated again."""
    names = {f"{schema}.{table}" for schema, table, _ in tables_of(warehouse)}
    if not names >= NEEDED:
        return
    history = warehouse.execute(
        """
        select
            health_date,
            any_value(config_version) = (
                select any_value(config_version order by health_date desc)
                from health.account_health_history
            ) as is_present
        from health.account_health_history
        where health_date >= ?
        group by health_date
        """,
        [since],
    ).fetchall()
    out_of_raw = dates_out_of_raw(warehouse, events_from)
    present = {day for day, is_present in history if is_present}
    removal.previous_configuration = ranges({day for day, _ in history} - present)
    removal.out_of_raw = ranges(present & out_of_raw)
    removal.dates = ranges(present - out_of_raw)


def dates_out_of_raw(warehouse: duckdb.DuckDBPyConnection, events_from: date | None) -> set[date]:
    """Dates of which a table had more rows when they were calculated than it has of them now, or
    whose events would be read again from days that the raw table has no more."""
    fewer = warehouse.execute(
        """
        select distinct status.health_date
        from health.source_status as status
        left join intermediate.int_source_days as days
            on status.table_name = days.table_name and days.event_day < status.health_date
        where status.table_name <> 'events'
        group by status.health_date, status.table_name, status.rows_before_date
        having status.rows_before_date > coalesce(sum(days.rows_read - days.rows_rejected), 0)
        """
    ).fetchall()
    gone = warehouse.execute(
        """
        select distinct status.health_date
        from health.source_status as status
        where
            exists (select 1 from intermediate.int_validated_events where event_day < ?)
            and status.health_date - cast(? as integer) < ?
        """,
        [events_from, late_arrival_days(), events_from],
    ).fetchall()
    return {day for (day,) in [*fewer, *gone]}


def late_arrival_days() -> int:
    return int(variables()["late_arrival_days"])


def ranges(days: set[date]) -> list[Range]:
    return put_together((day, day) for day in sorted(days))


def forget_sums_of_events(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Have the next run fold the kept events again, which are those of the others now."""
    names = {name for schema, name, _ in tables_of(warehouse) if schema == "intermediate"}
    for name in names.intersection(REBUILT):
        warehouse.execute(f"drop table intermediate.{name}")
    for name in names.intersection(COMPACTED):  # emptied: without it all raw events were read
        warehouse.execute(f"delete from intermediate.{name}")


def note(warehouse: duckdb.DuckDBPyConnection, entries: list[Erasure], removal: Removal) -> None:
    """Note what is to be calculated and published again, whoever does it."""
    ensure_table(warehouse, UNFINISHED, COLUMNS_OF_UNFINISHED)
    for first, last in removal.dates:
        warehouse.execute(
            f"insert into {UNFINISHED} (first_date, last_date, is_calculated) values (?, ?, false)",
            [first, last],
        )
    erasure_steps.begin(warehouse, entries)


def rewrite_file(settings: Settings) -> None:
    """Replace the warehouse by a new file with the same contents, in one step."""
    warehouse = settings.warehouse
    new = warehouse.with_name(f".{warehouse.name}.new")
    delete_with_log(new)
    try:
        with in_memory(settings.spill) as connection:
            connection.execute(f"attach {literal(warehouse)} as previous")
            connection.execute("checkpoint previous")
            connection.execute(
                f"attach {literal(new)} as rewritten (storage_version '{STORAGE_VERSION}')"
            )
            connection.execute("copy from database previous to rewritten")
            connection.execute("checkpoint rewritten")
        new.replace(warehouse)
    finally:
        delete_with_log(new)
        shutil.rmtree(settings.spill, ignore_errors=True)


def delete_with_log(database: Path) -> None:
    for path in (database, database.with_name(f"{database.name}.wal")):
        path.unlink(missing_ok=True)
