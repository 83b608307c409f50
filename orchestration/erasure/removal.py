"""Erasure: whom the list names is removed from all that runs keep, and their sums recalculated.

Three steps, each of which is begun again where a run was killed in it:

1. `remove`, before a run calculates: rows are deleted from the warehouse, which is then written as
   a new file, because the bytes of deleted rows stay in a DuckDB file. On Spark they are deleted
   from the cluster's tables as well, and so are the snapshots that still have them. Copies of raw
   files and the Data Docs are deleted. Dates whose sums the rows are part of are noted as
   unfinished.
2. The run calculates those dates, and its own, without the rows: staging honours the list.
3. `publish` begins with empty files, and deletes all previous generations at once.

How far it has come is noted in the warehouse (`erasure_steps`).

A date is calculated again where that gives what it was but for the erased rows: by the present
configuration, and as far back as the raw tables reach. On others the rows of an account are gone,
and sums (accounts of a portfolio, values of metrics) are left as they are.
"""

import os
import shutil
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from orchestration.base import progress
from orchestration.base.figures import plural
from orchestration.base.settings import STORAGE_VERSION, Settings
from orchestration.base.stopping import scratch_folders
from orchestration.dbt_runner.dbt_macros import macros_of_raw_tables
from orchestration.erasure.dagster_records import delete_entries
from orchestration.erasure.dates import Dates, dates_since
from orchestration.erasure.rows import count_rows, first_date_with_them, remove_rows
from orchestration.erasure.stores import Cluster, WarehouseFile, cluster_of
from orchestration.warehouse import erasure_steps
from orchestration.warehouse.connections import writing
from orchestration.warehouse.duckdb_files import in_memory, literal
from orchestration.warehouse.erasure_list import Erasure, erasure_list
from orchestration.warehouse.erasure_steps import REMOVED, WRITTEN
from orchestration.warehouse.growing_tables import carry_over_renamed_tables, ensure_table
from orchestration.warehouse.health_dates import Range, in_words
from orchestration.warehouse.unfinished import COLUMNS as COLUMNS_OF_UNFINISHED
from orchestration.warehouse.unfinished import TABLE as UNFINISHED


@dataclass
class Removal:
    """What was removed, and what of it could not be.

    rows: removed, by table of the warehouse. dates: those whose sums they were part of.
    records_left: a line for each of Dagster's records that may still name them. unknown_tables:
    of a cluster, which no model makes, so that nobody looked into them.
    """

    users: int
    accounts: int
    rows: dict[str, int] = field(default_factory=dict)
    log_entries: int = 0
    records_left: list[str] = field(default_factory=list)
    unknown_tables: list[str] = field(default_factory=list)
    dates: Dates = field(default_factory=Dates)

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
        if self.unknown_tables:
            lines.append(
                "Not looked into, because no model makes them any more: "
                f"{', '.join(self.unknown_tables)}. Drop them on the cluster if nobody needs them."
            )
        for dates, words in (
            (self.dates.again, "Sums are calculated again for"),
            (
                self.dates.out_of_raw,
                "Sums still hold them, as raw data does not reach so far back, on",
            ),
            (
                self.dates.previous_configuration,
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
    with cluster_of(settings) as cluster:
        is_to_be_done = remove_from_file(settings, cluster, entries, removal, was_due, events_from)
        if not is_to_be_done:
            return removal
        if cluster:
            # Where a run is killed in it, the step that the file notes has it begun again.
            remove_rows(cluster, removal.rows, partial(progress.report, "Erasing on Spark"))
            cluster.delete_copies(partial(progress.report, "Deleting snapshots on Spark"))
            removal.unknown_tables = cluster.unknown_tables()
    rewrite_file(settings)
    delete_copies(settings)
    removal.log_entries, removal.records_left = delete_entries(
        settings.state / "dagster", [*users, *accounts]
    )
    erasure_steps.note(settings, REMOVED, WRITTEN)
    return removal


def remove_from_file(
    settings: Settings,
    cluster: Cluster | None,
    entries: list[Erasure],
    removal: Removal,
    was_due: bool,
    events_from: date | None,
) -> bool:
    """Delete their rows from the warehouse file, and note there what is to be done besides; whether
    there is anything to be done."""
    with writing(settings) as connection:
        carry_over_renamed_tables(connection)
        file = WarehouseFile(connection)
        calculated = cluster or file
        file.name_erased(entries)
        calculated.name_erased(entries)
        in_file = count_rows(file, partial(progress.report, "Looking for those to be erased"))
        removal.rows = dict(in_file)
        if cluster:
            removal.rows |= count_rows(cluster, partial(progress.report, "Looking on Spark"))
        if not removal.rows and not was_due:
            return False
        since = first_date_with_them(calculated)
        removal.dates = dates_since(calculated, since, events_from)
        remove_rows(file, in_file, partial(progress.report, "Erasing"))
        note(connection, entries, removal.dates.again)
    return True


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
    with macros_of_raw_tables(settings) as macros:
        found = macros.raw_table("events")
        if not found or found["problem"]:
            return None
        [(first,)] = macros.connection.execute(macros.first_raw_day("events")).fetchall()
    return date.fromisoformat(first) if first else None


def note(warehouse: duckdb.DuckDBPyConnection, entries: list[Erasure], dates: list[Range]) -> None:
    """Note what is to be calculated and published again, whoever does it."""
    ensure_table(warehouse, UNFINISHED, COLUMNS_OF_UNFINISHED)
    for first, last in dates:
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
