"""The contents of a generation: schema `health` of the warehouse as a DuckDB file and as Parquet.

Only the partitions (the rows of a table on a health date, or of a table without dates) whose rows
differ from what the generation has are written. That is found out by fingerprints of all rows, not
by the dates of the run, because more than the run can have changed: explanations are forgotten, and
dbt may have been run without us. Reading history is far cheaper than writing it. A partition that
has no Parquet files, because those of the generation before were damaged, gets them again.
"""

import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from orchestration.base.settings import STORAGE_VERSION, Settings
from orchestration.warehouse.duckdb_files import in_memory, literal, quoted

FILE = "account_health.duckdb"
# How lake tools spell a partition without a value; it gives a table without rows its columns.
NO_DATE = "__HIVE_DEFAULT_PARTITION__"
PUBLICATION = """
    create or replace table health.publication (
        run_id varchar not null,
        config_version varchar not null,
        first_date date not null,
        last_date date not null,
        first_health_date date not null,
        last_health_date date not null,
        published_at timestamp not null,
        product_version varchar not null,
        duckdb_version varchar not null,
        storage_version varchar not null
    );
    comment on table health.publication is 'What this publication carries. One row.';
    comment on column health.publication.run_id is 'Run that published it.';
    comment on column health.publication.config_version is 'Configuration of its last date.';
    comment on column health.publication.first_date is 'First date that the run calculated.';
    comment on column health.publication.last_date is 'Last date that the run calculated.';
    comment on column health.publication.first_health_date is 'First date of the history.';
    comment on column health.publication.last_health_date is 'Last date of the history.';
    comment on column health.publication.published_at is 'When it was published, UTC.';
    comment on column health.publication.product_version is 'Version of account-health.';
    comment on column health.publication.duckdb_version is 'DuckDB that wrote the file.';
    comment on column health.publication.storage_version is 'Oldest DuckDB that can open it.';
"""
PARTITIONS = """
    create table if not exists health.publication_partitions (
        table_name varchar not null,
        health_date date,
        row_count bigint not null,
        fingerprint varchar not null,
        published_at timestamp not null
    );
    comment on table health.publication_partitions is
        'What changed when. One row per published table and health date.';
    comment on column health.publication_partitions.table_name is 'Table of schema `health`.';
    comment on column health.publication_partitions.health_date is
        'Health date; null for a table without dates.';
    comment on column health.publication_partitions.row_count is 'Rows of the table on that date.';
    comment on column health.publication_partitions.fingerprint is
        'The same for the same rows, whatever their order.';
    comment on column health.publication_partitions.published_at is
        'When these rows were published first, UTC.';
"""
# Said of `publication` in the file of a profile, so that a copy of it tells as well.
OF_PROFILE = re.compile(r"Profile: ([a-z0-9_-]+)\.$")
ON_DATES = "health_date in (select unnest(cast(? as date[])))"
ABOUT_ITSELF = ("publication", "publication_partitions")


@dataclass(frozen=True)
class Table:
    """A table or view of schema `health`; comments by column, None for its own.

    shown: SQL of the rows that readers get, where these are not the rows of the warehouse.
    """

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...]
    comments: tuple[tuple[str | None, str], ...]
    shown: str | None = None

    @property
    def shape(self) -> tuple[str, tuple[str, ...]]:
        """What rows of the table look like, whatever is said of them."""
        return self.definition, self.columns

    @property
    def has_dates(self) -> bool:
        return "health_date" in self.columns

    @property
    def rows(self) -> str:
        """SQL to select from: what readers get of the table in the warehouse."""
        return self.shown or f"warehouse.health.{quoted(self.name)}"


@dataclass(frozen=True)
class Contents:
    """How many rows a partition has, and their fingerprint."""

    rows: int
    fingerprint: str


# By health date; None for a table without dates.
Partitions = dict[date | None, Contents]


# What readers get of the warehouse's tables or views: all of it, or what a profile shows.
Shown = Callable[[duckdb.DuckDBPyConnection, Mapping[str, Table]], dict[str, Table]]


def everything(_: duckdb.DuckDBPyConnection, relations: Mapping[str, Table]) -> dict[str, Table]:
    return dict(relations)


class Databases:
    """A connection with several databases attached, of which the default one is written."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def rows(self, sql: str, *values: object) -> list[tuple]:
        return self.connection.execute(sql, list(values)).fetchall()

    def relations(self, database: str, kind: str = "table") -> dict[str, Table]:
        """The tables or views of schema `health`; not what a publication says of itself."""
        columns: dict[str, list[tuple[str, str | None]]] = {}
        for name, column, comment in self.rows(
            """
            select table_name, column_name, comment
            from duckdb_columns()
            where database_name = ? and schema_name = 'health'
            order by table_name, column_index
            """,
            database,
        ):
            columns.setdefault(name, []).append((column, comment))
        return {
            name: Table(
                name,
                kind,
                definition,
                tuple(column for column, _ in columns[name]),
                tuple((column, text) for column, text in [(None, own), *columns[name]] if text),
            )
            for name, definition, own in self.rows(
                f"""
                select {kind}_name, sql, comment
                from duckdb_{kind}s()
                where database_name = ? and schema_name = 'health'
                order by {kind}_name
                """,
                database,
            )
            if name not in ABOUT_ITSELF
        }

    def profile_of(self, database: str) -> str | None:
        """The profile whose publication a file is; None for a whole one, or a warehouse."""
        for (text,) in self.rows(
            """
            select comment
            from duckdb_tables()
            where database_name = ? and schema_name = 'health' and table_name = 'publication'
            """,
            database,
        ):
            found = OF_PROFILE.search(text or "")
            return found[1] if found else None
        return None

    def comment(self, kind: str, table: Table, known: Table | None = None) -> None:
        """Write the comments of a table, and take away those that only its known version has."""
        before = dict.fromkeys(column for column, _ in known.comments) if known else {}
        for column, text in {**before, **dict(table.comments)}.items():
            subject = f"{kind} health.{quoted(table.name)}"
            if column is not None:
                subject = f"column health.{quoted(table.name)}.{quoted(column)}"
            words = "null" if text is None else literal(text)
            self.connection.execute(f"comment on {subject} is {words}")


class Generation(Databases):
    """A generation that is being filled, and its Parquet folder.

    The generation's file is the default database; the warehouse is attached to read from.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, parquet: Path, shown: Shown = everything
    ) -> None:
        super().__init__(connection)
        self.parquet = parquet
        self.shown = shown

    def bring_up_to_date(self, only: Collection[str] | None, published_at: datetime) -> int:
        """Write what differs from the warehouse; how many partitions that is.

        only: the tables to look at; None for all.
        """
        previous = self.relations("published")
        current = self.shown(self.connection, self.relations("warehouse"))
        written = 0
        for name in previous.keys() - current.keys():
            self.drop_table(name)
        for name, table in current.items():
            known = previous.get(name)
            if known and known.shape != table.shape:
                # All of it is rewritten, so that each partition has the same columns.
                self.drop_table(name)
                known = None
            if not known:
                self.connection.execute(table.definition)
            if not known or known.comments != table.comments:
                self.comment("table", table, known)
            before = self.known_contents(table)
            lost = self.partitions_without_files(table, before)
            if known and only is not None and name not in only and not lost:
                continue
            after = self.contents(table)
            changed = [day for day in {**before, **after} if before.get(day) != after.get(day)]
            if changed:
                self.write_rows(table, changed)
                self.note_contents(table, changed, after, published_at)
            stale = list(dict.fromkeys([*changed, *lost]))
            if stale:
                self.write_parquet(table, stale, after)
            written += sum(day in before or day in after for day in stale)
        self.replace_views()
        return written

    def drop_table(self, name: str) -> None:
        self.connection.execute(f"drop table health.{quoted(name)}")
        self.rows("delete from health.publication_partitions where table_name = ?", name)
        shutil.rmtree(self.parquet / name, ignore_errors=True)

    def partitions_without_files(self, table: Table, partitions: Partitions) -> list[date | None]:
        """The partitions that there should be as Parquet and are not; None: the table itself."""
        folder = self.parquet / table.name
        lost: list[date | None] = [
            day for day in partitions if day and not (folder / f"health_date={day}").exists()
        ]
        return lost if folder.exists() or lost else [None]

    def contents(self, table: Table) -> Partitions:
        """What the warehouse has of a table."""
        day = "health_date" if table.has_dates else "cast(null as date)"
        columns = ", ".join(quoted(column) for column in table.columns)
        found = self.rows(
            f"""
            select {day}, count(*), cast(sum(hash({columns})) as varchar)
            from {table.rows} as shown
            group by all
            having count(*) > 0
            """
        )
        return {day: Contents(count, fingerprint) for day, count, fingerprint in found}

    def known_contents(self, table: Table) -> Partitions:
        """What the generation has of a table, as it noted itself."""
        noted = self.rows(
            """
            select health_date, row_count, fingerprint
            from health.publication_partitions
            where table_name = ?
            """,
            table.name,
        )
        return {day: Contents(count, fingerprint) for day, count, fingerprint in noted}

    def note_contents(
        self, table: Table, changed: list[date | None], after: Partitions, published_at: datetime
    ) -> None:
        self.rows(
            f"""
            delete from health.publication_partitions
            where table_name = ? {f"and {ON_DATES}" if table.has_dates else ""}
            """,
            *(table.name, *which(table, changed)),
        )
        there = [day for day in changed if day in after]
        self.rows(
            """
            insert into health.publication_partitions
            select
                partitions.*,
                -- Rows that were there before are not news to who loads what is new.
                coalesce(previous.published_at, ?)
            from (
                select
                    ? as table_name,
                    unnest(cast(? as date[])) as health_date,
                    unnest(cast(? as bigint[])) as row_count,
                    unnest(cast(? as varchar[])) as fingerprint
            ) as partitions
            left join temp.previous_partitions as previous
                on partitions.table_name = previous.table_name
                and partitions.health_date is not distinct from previous.health_date
                and partitions.row_count = previous.row_count
                and partitions.fingerprint = previous.fingerprint
            """,
            published_at,
            table.name,
            there,
            [after[day].rows for day in there],
            [after[day].fingerprint for day in there],
        )

    def write_rows(self, table: Table, changed: list[date | None]) -> None:
        if table.has_dates:
            self.rows(f"delete from health.{quoted(table.name)} where {ON_DATES}", changed)
        else:
            self.rows(f"delete from health.{quoted(table.name)}")
        self.rows(
            f"insert into health.{quoted(table.name)} {source(table)}", *which(table, changed)
        )

    def write_parquet(self, table: Table, changed: list[date | None], after: Partitions) -> None:
        """Replace partition folders; a table without dates, or without rows, has one file.

        Files of the generation before may be linked here, so they are unlinked, never overwritten.
        """
        folder = self.parquet / table.name
        if not table.has_dates or not after:
            shutil.rmtree(folder, ignore_errors=True)
            place = folder / f"health_date={NO_DATE}" if table.has_dates else folder
            place.mkdir(parents=True)
            without_date = "exclude (health_date)" if table.has_dates else ""
            self.copy(
                f"select * {without_date} from ({source(table)}) as rows_of_table",
                place / "data_0.parquet",
                "",
                *which(table, changed),
            )
            return
        folder.mkdir(exist_ok=True)
        shutil.rmtree(folder / f"health_date={NO_DATE}", ignore_errors=True)
        for day in changed:
            shutil.rmtree(folder / f"health_date={day}", ignore_errors=True)
        new = folder.with_name(f".{table.name}")
        self.copy(source(table), new, ", partition_by (health_date)", *which(table, changed))
        for partition in list(new.iterdir()) if new.exists() else ():
            partition.rename(folder / partition.name)
        shutil.rmtree(new, ignore_errors=True)

    def copy(self, query: str, path: Path, options: str = "", *values: object) -> None:
        self.rows(
            f"copy ({query}) to {literal(path)} (format parquet, compression zstd{options})",
            *values,
        )

    def replace_views(self) -> None:
        previous = self.relations("published", "view")
        current = self.shown(self.connection, self.relations("warehouse", "view"))
        for name in previous:
            self.connection.execute(f"drop view health.{quoted(name)}")
        for view in current.values():
            self.connection.execute(view.definition)
            self.comment("view", view)

    def describe(self, *publication: object, profile: str | None = None) -> None:
        """Write what the generation says of itself, in the columns of table `publication`.

        profile: the name of the one that hides personal data here.
        """
        self.connection.execute(PUBLICATION)
        if profile:
            self.connection.execute(
                "comment on table health.publication is 'What this publication carries, without"
                f" personal data. One row. Profile: {profile}.'"
            )
        places = ", ".join("?" * len(publication))
        self.rows(f"insert into health.publication values ({places})", *publication)
        for name in ABOUT_ITSELF:
            shutil.rmtree(self.parquet / name, ignore_errors=True)
            (self.parquet / name).mkdir()
            self.copy(f"from health.{name} order by all", self.parquet / name / "data_0.parquet")


@contextmanager
def filling(
    settings: Settings,
    folder: Path,
    shown: Shown = everything,
    partitions_noted: Path | None = None,
) -> Iterator[Generation]:
    """A generation in a folder, to be filled in one transaction; the file is closed at the end.

    partitions_noted: `publication_partitions` as Parquet, of a generation that nothing else could
    be taken from.
    """
    with in_memory(settings.spill) as connection:
        connection.execute(f"attach {literal(settings.warehouse)} as warehouse (read_only)")
        connection.execute(
            f"attach {literal(folder / FILE)} as published (storage_version '{STORAGE_VERSION}')"
        )
        connection.execute("use published")
        recall_partitions(connection, partitions_noted)
        connection.begin()
        begin_schema(connection, folder / "parquet")
        yield Generation(connection, folder / "parquet", shown)
        connection.commit()
        connection.execute("checkpoint published")


def recall_partitions(connection: duckdb.DuckDBPyConnection, noted: Path | None) -> None:
    """Make the table `previous_partitions`: what was published when, as far as that can be read."""
    connection.execute(
        """
        create temporary table previous_partitions (
            table_name varchar,
            health_date date,
            row_count bigint,
            fingerprint varchar,
            published_at timestamp
        )
        """
    )
    if noted:
        with suppress(duckdb.Error):  # then all of it is news
            connection.execute(
                f"insert into previous_partitions by name from read_parquet({literal(noted)})"
            )


def begin_schema(connection: duckdb.DuckDBPyConnection, parquet: Path) -> None:
    """Make schema `health` where there is none, and again where its notes are another version's."""
    noted = columns_of_notes(connection)
    if noted:
        with in_memory() as scratch:
            scratch.execute("create schema health")
            scratch.execute(PARTITIONS)
            is_known = noted == columns_of_notes(scratch)
        if not is_known:
            connection.execute("drop schema health cascade")
            for table in parquet.iterdir():
                shutil.rmtree(table)
    connection.execute("create schema if not exists health")
    connection.execute(PARTITIONS)


def columns_of_notes(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    """The columns of `publication_partitions` in the default database; none where it is not."""
    return connection.execute(
        """
        select column_name, data_type, is_nullable
        from duckdb_columns()
        where
            database_name = current_database()
            and schema_name = 'health'
            and table_name = 'publication_partitions'
        order by column_index
        """
    ).fetchall()


def source(table: Table) -> str:
    """The rows of a table in the warehouse, on given dates, those of an account side by side.

    Where something is hidden they do not stand in the order of what is hidden.
    """
    order = [column for column in ("health_date", "account_id") if column in table.columns]
    if table.shown:
        order = ["all"]
    return " ".join(
        (
            f"select * from {table.rows} as shown",
            f"where {ON_DATES}" if table.has_dates else "",
            f"order by {', '.join(order)}" if order else "",
        )
    )


def which(table: Table, dates: list[date | None]) -> tuple[object, ...]:
    """The values that `source` asks for."""
    return (dates,) if table.has_dates else ()
