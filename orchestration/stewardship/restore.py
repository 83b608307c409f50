"""The command `health restore`: a new warehouse in place of a damaged one, from what was published.

The published file has all histories, the alerts with what became of them, and what the checks said.
What runs note for those to come and readers never see is taken from the damaged file, table by
table, as far as that can be read: DuckDB's checksums tell. Where it cannot, it is told from what is
published. Events are read from raw again by the next run, because their tables only make sense
together.

Nothing is deleted: the damaged file gets another name. The new one takes its place in one step.
Where an erasure is not known to be done, the next run does it again, and deletes the damaged file:
nobody can look through that for those who are erased.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
import duckdb
import pyarrow as pa

from orchestration.base import clock
from orchestration.base.dbt_project import variables
from orchestration.base.figures import plural
from orchestration.base.set_aside import link_aside, set_aside
from orchestration.base.settings import STORAGE_VERSION, Settings
from orchestration.notify.alerts import (
    ANNOUNCEMENTS,
    COLUMNS_OF_ANNOUNCEMENTS,
    COLUMNS_OF_DELIVERIES,
    DELIVERIES,
    max_age_days,
)
from orchestration.publishing.generation import FILE, Databases
from orchestration.warehouse import damage, erasure_steps
from orchestration.warehouse.duckdb_files import in_memory, literal, opened, quoted
from orchestration.warehouse.growing_tables import ensure_table
from orchestration.warehouse.run_lock import write_lock

MILESTONE_CHANGES = "intermediate.int_milestone_changes"
COLUMNS_OF_MILESTONE_CHANGES = {
    "health_date": "date",
    "account_id": "varchar",
    "segment_id": "varchar",
    "milestone_id": "varchar",
    "is_met": "boolean",
}
# What runs note for those to come, and what follows where it is lost.
NOTES = {
    DELIVERIES: "alerts that were taken away since and come back are sent to nobody",
    ANNOUNCEMENTS: "",
    MILESTONE_CHANGES: "milestones of segments that accounts have left count from when they are met"
    " again",
    "operations.unfinished_dates": "what a run left unfinished is completed only where it is"
    " missing among the last days; calculate older dates again",
    "checks.filled_columns": "a column that vanished before is not missed any more",
    "checks.source_check_failures": "",
}
# An old alert that is noted as pending is one that no run came to decide on: no news any more.
DELIVERIES_AS_PUBLISHED = f"""
    insert into {DELIVERIES} by name
    select
        health_date,
        alert_id,
        account_id,
        pillar_id,
        if(status = 'pending' and health_date < ?, 'suppressed', status) as status,
        sent_at
    from health.health_alerts
"""
# All that was published was announced, so that it is never news again.
ANNOUNCED_AS_PUBLISHED = f"""
    insert into {ANNOUNCEMENTS} by name
    select
        'restored' as run_id,
        min(health_date) as first_date,
        max(health_date) as last_date,
        cast(? as timestamp) as announced_at
    from health.account_health_history
    having count(*) > 0
"""
MILESTONES_AS_PUBLISHED = f"""
    insert into {MILESTONE_CHANGES} by name
    select reached_on as health_date, account_id, segment_id, milestone_id, true as is_met
    from health.milestone_progress
    where reached_on is not null
"""


@dataclass(frozen=True)
class Restored:
    """A new warehouse: from which file, up to which health date, and which notes were lost."""

    source: Path
    tables: int
    last_health_date: date | None
    lost: tuple[str, ...]


@click.command()
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A copy of the published file or of the warehouse to build from, instead of what is"
    " published.",
)
@click.option(
    "--even-if-whole", is_flag=True, help="Do so although the warehouse can be read to its end."
)
def restore(source: Path | None, even_if_whole: bool) -> None:
    """Build a new warehouse from what is published, where it is damaged or gone.

    Histories, alerts with what became of them, and the answers of checks are as they were published
    last. The damaged file is set aside under another name. Run `health run` afterwards: it reads
    the events from raw again.

    \b
    Examples:
      health restore
      health restore --from backup/account_health.duckdb
    """
    settings = Settings.from_environment()
    problem = problem_of(settings.warehouse)
    if problem is None and not even_if_whole:
        raise click.ClickException(
            f"{settings.warehouse} can be read to its end: there is nothing to restore."
            " `--even-if-whole` does it nevertheless."
        )
    click.echo(f"{settings.warehouse}: {problem or 'whole'}.")
    with write_lock(settings, to_mend=True):
        restored, aside = restored_warehouse(settings, source)
    click.echo(
        f"A new one has the {plural(restored.tables, 'table')} of {restored.source}"
        + (
            f", up to health date {restored.last_health_date}."
            if restored.last_health_date
            else "."
        )
    )
    if aside:
        click.echo(f"The previous one is set aside as {aside}.")
    for text in restored.lost:
        click.echo(text)
    click.echo("Next: `health run`, which reads the events from raw again.")
    if erasure_steps.is_due(settings):
        click.echo(
            f"It also removes whom {settings.erasures} names, and with them every file that was set"
            " aside."
        )


def problem_of(warehouse: Path) -> str | None:
    """What is wrong with the warehouse, read to its end; None where nothing is."""
    if not warehouse.exists():
        return "is gone"
    try:
        with opened(warehouse) as connection:
            for (table,) in connection.execute(
                'select format(\'"{}"."{}"\', schema_name, table_name) from duckdb_tables()'
            ).fetchall():
                connection.execute(f"select sum(hash(rows_of)) from {table} as rows_of").fetchall()
    except duckdb.Error as problem:
        if damage.is_damage(problem, warehouse):
            return f"damaged ({damage.shortened(problem)})"
        raise  # in use by somebody, say
    return None


def restored_warehouse(settings: Settings, asked: Path | None) -> tuple[Restored, Path | None]:
    """Put a new warehouse in place of the one that is there; what that is called now.

    For holders of the run lock. Raises click.ClickException where there is nothing to build from.
    """
    warehouse = settings.warehouse
    unfinished = warehouse.with_name(f".{warehouse.name}.restored")
    problems = []
    for source in [asked] if asked else publications(settings):
        for left in (unfinished, unfinished.with_name(f"{unfinished.name}.wal")):
            left.unlink(missing_ok=True)
        try:
            restored = fill(unfinished, source, settings, is_last_published=not asked)
            break
        except duckdb.Error as problem:
            if not damage.is_damage(problem, source):
                raise
            problems.append(f"{source} is damaged ({damage.shortened(problem)})")
    else:
        unfinished.unlink(missing_ok=True)
        nothing = f"nothing is published in {settings.published}"
        raise click.ClickException(
            f"There is nothing to build a warehouse from: {'; '.join(problems) or nothing}."
            " `--from` names a copy of the published file or of the warehouse."
        )
    os.sync()
    aside = None
    # The log first: beside another file it would be taken for damage.
    log = warehouse.with_name(f"{warehouse.name}.wal")
    if log.exists():
        set_aside(log)
    if warehouse.exists():
        aside = link_aside(warehouse)
    unfinished.replace(warehouse)
    return restored, aside


def publications(settings: Settings) -> Iterator[Path]:
    """What was published last, and before that what is kept of the last hour."""
    if settings.published_file.exists():
        yield settings.published_file
    current = settings.published_file.resolve().parent
    for folder in sorted((settings.published / ".generations").glob("2*"), reverse=True):
        file = folder / FILE
        if folder != current and folder.suffix != ".unfinished" and file.is_file():
            yield file


def fill(file: Path, source: Path, settings: Settings, is_last_published: bool) -> Restored:
    """Make a warehouse of schema `health` of another file, and of what runs had noted.

    is_last_published: whether that file has what the damaged warehouse published. Raises
    click.ClickException for the publication of a profile.
    """
    with in_memory() as connection:
        connection.execute(f"attach {literal(source)} as source (read_only)")
        databases = Databases(connection)
        profile = databases.profile_of("source")
        if profile:
            raise click.ClickException(
                f"{source} is of the profile `{profile}`, which lacks personal data: no warehouse"
                " is built from it. `--from` takes a copy of the whole published file or of the"
                " warehouse."
            )
        connection.execute(
            f"attach {literal(file)} as restored (storage_version '{STORAGE_VERSION}')"
        )
        connection.execute("use restored")
        connection.begin()
        connection.execute("create schema health")
        tables = databases.relations("source")
        for name, table in tables.items():
            connection.execute(table.definition)
            rows = f"from source.health.{quoted(name)}"
            connection.execute(f"insert into health.{quoted(name)} by name {rows}")
            databases.comment("table", table)
        for view in databases.relations("source", "view").values():
            connection.execute(view.definition)
            databases.comment("view", view)
        lost = restore_notes(connection, tables, [settings.warehouse, source])
        if is_last_published:
            restore_erasures(connection, settings.warehouse)
        [(last,)] = connection.execute(
            "select max(health_date) from health.account_health_history"
        ).fetchall()
        connection.commit()
        connection.execute("checkpoint restored")
    return Restored(source, len(tables), last, tuple(lost))


def restore_notes(
    connection: duckdb.DuckDBPyConnection, published: Collection[str], files: Sequence[Path]
) -> list[str]:
    """Take what runs had noted from the first file that still has it, or from what is published;
    what follows from what is lost, in words."""
    lost = []
    for table, follows in NOTES.items():
        found = next(
            (
                (name, *rows)
                for file in files
                for name in names_of(table)
                if (rows := readable(file, name))
            ),
            None,
        )
        if found:
            restore_table(connection, *found)
            continue
        if table == DELIVERIES and "health_alerts" in published:
            ensure_table(connection, table, COLUMNS_OF_DELIVERIES)
            oldest_news = clock.today() - max_age_days()
            connection.execute(DELIVERIES_AS_PUBLISHED, [oldest_news])
        elif table == ANNOUNCEMENTS:
            ensure_table(connection, table, COLUMNS_OF_ANNOUNCEMENTS)
            connection.execute(ANNOUNCED_AS_PUBLISHED, [clock.timestamp()])
        elif table == MILESTONE_CHANGES and "milestone_progress" in published:
            ensure_table(connection, table, COLUMNS_OF_MILESTONE_CHANGES)
            connection.execute(MILESTONES_AS_PUBLISHED)
        if follows:
            lost.append(f"{table} could not be read: {follows}.")
    return lost


def restore_erasures(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """Take the note that whom the erasure list names is removed, if that was published: then they
    are in nothing that was. Without the note the next run removes them again."""
    found = readable(warehouse, erasure_steps.TABLE)
    if found and found[1]["step"].to_pylist() == [erasure_steps.PUBLISHED]:
        restore_table(connection, erasure_steps.TABLE, *found)


def restore_table(
    connection: duckdb.DuckDBPyConnection, table: str, definition: str, rows: pa.Table
) -> None:
    schema, name = table.split(".")
    connection.execute(f"create schema if not exists {schema}")
    connection.execute(definition)
    connection.register("rows_noted", rows)
    connection.execute(f"insert into {schema}.{quoted(name)} by name from rows_noted")
    connection.unregister("rows_noted")


def names_of(table: str) -> list[str]:
    """The name of a table, and the one that it had; the next run carries that over."""
    schema, name = table.split(".")
    renamed = variables()["renamed_tables"].items()
    return [
        table,
        *(old for old, new in renamed if new == name and old.startswith(f"{schema}.")),
    ]


def readable(file: Path, table: str) -> tuple[str, pa.Table] | None:
    """The definition and the rows of a table in a file; None where they cannot be read."""
    schema, name = table.split(".")
    try:
        with opened(file) as connection:
            found = connection.execute(
                "select sql from duckdb_tables() where schema_name = ? and table_name = ?",
                [schema, name],
            ).fetchall()
            if not found:
                return None
            rows = connection.sql(f"from {schema}.{quoted(name)}").to_arrow_table()
            return found[0][0], rows
    except duckdb.Error:
        return None
