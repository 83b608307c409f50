"""Where rows of somebody can lie: the warehouse file, and on Spark the tables of the cluster.

Both answer the same SQL, in which the table `erased` (kind, id) is the erasure list; what they
spell otherwise stands here.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import duckdb

from orchestration.base.settings import Settings
from orchestration.dbt_runner.manifest import manifest
from orchestration.warehouse import spark_copy, spark_erasures, spark_scratch
from orchestration.warehouse.duckdb_files import quoted
from orchestration.warehouse.erasure_list import Erasure
from orchestration.warehouse.spark import Session, connected, literal

# Its rows name snapshots, which are gone when somebody has been removed.
PUBLICATIONS = spark_copy.PUBLICATIONS
MANIFEST_SIZE = "commit.manifest.target-size-bytes"
# As dbt calls what leaves a table of rows.
STORED = ("table", "incremental")


@dataclass(frozen=True)
class Table:
    """A table of a store, and its columns."""

    schema: str
    name: str
    columns: frozenset[str]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class Store(Protocol):
    """Tables with rows of somebody."""

    def rows(self, sql: str) -> list[tuple]: ...

    def execute(self, sql: str) -> object: ...

    def tables(self) -> list[Table]:
        """All that can hold somebody, in order of their names."""

    def spelled(self, table: Table) -> str:
        """The table's name in SQL."""

    def id_in_record(self, kind: str) -> str:
        """The id of a user or an account in `record`, a raw row as JSON."""

    def name_erased(self, entries: Collection[Erasure]) -> None:
        """Make `erased` of these."""

    def drop(self, table: Table) -> None: ...


class WarehouseFile:
    """The tables of the warehouse file, which on DuckDB are all there are."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def rows(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def execute(self, sql: str) -> object:
        return self.connection.execute(sql)

    def tables(self) -> list[Table]:
        columns: dict[tuple[str, str], set[str]] = {}
        for schema, table, column in self.rows(
            """
            select schema_name, table_name, column_name
            from duckdb_columns()
            inner join duckdb_tables() using (database_name, schema_name, table_name)
            where database_name = current_database() and not duckdb_tables.temporary
            """
        ):
            columns.setdefault((schema, table), set()).add(column)
        return [Table(*name, frozenset(named)) for name, named in sorted(columns.items())]

    def spelled(self, table: Table) -> str:
        return f"{quoted(table.schema)}.{quoted(table.name)}"

    def id_in_record(self, kind: str) -> str:
        return f"json_extract_string(record, '$.{kind}_id')"

    def name_erased(self, entries: Collection[Erasure]) -> None:
        self.connection.execute("create or replace temp table erased (kind varchar, id varchar)")
        self.connection.execute(
            "insert into erased select unnest(?::varchar[]), unnest(?::varchar[])",
            [[entry.kind for entry in entries], [entry.id for entry in entries]],
        )

    def drop(self, table: Table) -> None:
        self.execute(f"drop table {self.spelled(table)}")


class Cluster:
    """The tables that models make on a Spark cluster, and those that Python gives them.

    Raw tables are the user's; so are tables that no model makes, which `unknown_tables` names.
    What is a view there has no rows, whatever its model makes of it the next time.
    """

    def __init__(self, session: Session, manifest: Mapping[str, Any]) -> None:
        self.session = session
        nodes = manifest["nodes"].values()
        models = [node for node in nodes if node["resource_type"] == "model"]
        self.schemas = sorted({node["schema"] for node in models})
        self.seeds = {named(node) for node in nodes if node["resource_type"] == "seed"}
        self.stored = {
            *(named(node) for node in models if node["config"]["materialized"] in STORED),
            *map(split, spark_copy.FOR_DBT),
        }
        self.found: dict[tuple[str, str], frozenset[str]] = {}

    def rows(self, sql: str) -> list[tuple]:
        return self.session.rows(sql)

    def execute(self, sql: str) -> object:
        return self.session.execute(sql)

    def tables(self) -> list[Table]:
        if not self.found:
            for schema in sorted({schema for schema, _ in self.stored}):
                for name in self.tables_in(schema):
                    if (schema, name) in self.stored:
                        types, _ = self.session.columns(f"{schema}.{name}")
                        self.found[schema, name] = frozenset(types)
        return [Table(*name, columns) for name, columns in sorted(self.found.items())]

    def tables_in(self, schema: str) -> list[str]:
        there = self.session.tables(schema)
        return sorted(set(there).difference(self.session.views(schema))) if there else []

    def unknown_tables(self) -> list[str]:
        """Tables in the schemas of models that no model makes."""
        return [
            f"{schema}.{name}"
            for schema in self.schemas
            for name in self.tables_in(schema)
            if (schema, name) not in self.stored | self.seeds
        ]

    def spelled(self, table: Table) -> str:
        return str(table)

    def id_in_record(self, kind: str) -> str:
        return f"get_json_object(record, '$.{kind}_id')"

    def name_erased(self, entries: Collection[Erasure]) -> None:
        spark_erasures.replace(self.session, entries)
        self.execute(
            "create or replace temporary view erased as"
            f" select kind, id from {spark_erasures.TABLE}"
        )

    def drop(self, table: Table) -> None:
        self.execute(f"drop table {table} purge")
        del self.found[table.schema, table.name]

    def delete_copies(self, report: Callable[[int, int, str], None]) -> None:
        """Delete the files in which deleted rows still are: those of former snapshots, by which
        publications are read as well, and of whatever another configuration was tried in.

        Manifests are written anew before, because they keep the least and the greatest value of
        each column also of files that are gone.
        """
        if self.session.has(PUBLICATIONS):
            self.execute(f"delete from {PUBLICATIONS}")
        tables = [*map(str, self.tables()), spark_erasures.TABLE]
        for place, table in enumerate(tables):
            report(place, len(tables), table)
            self.rewrite_manifests(table)
        [(now,)] = self.rows("select current_timestamp()")
        older = f"older_than => {literal(datetime.fromisoformat(str(now)))}, retain_last => 1"
        for place, table in enumerate(tables):
            report(place, len(tables), table)
            self.call("expire_snapshots", table, older)
        spark_scratch.drop_all(self.session)

    def rewrite_manifests(self, table: str) -> None:
        """Take what was deleted out of a table's manifests."""
        [(manifests, deleted, size)] = self.rows(
            f"select count(*), sum(deleted_data_files_count), sum(length) from {table}.manifests"
        )
        if not deleted:
            return
        if manifests > 1:
            self.call("rewrite_manifests", table)
            return
        # One manifest alone is left as it is, unless it is to be split.
        self.execute(f"alter table {table} set tblproperties ('{MANIFEST_SIZE}' = '{size // 2}')")
        self.call("rewrite_manifests", table)
        self.execute(f"alter table {table} unset tblproperties ('{MANIFEST_SIZE}')")

    def call(self, procedure: str, table: str, *arguments: str) -> None:
        """Call one of Iceberg's procedures."""
        listed = ", ".join([f"table => {literal(table)}", *arguments])
        self.execute(f"call spark_catalog.system.{procedure}({listed})")


def named(node: Mapping[str, Any]) -> tuple[str, str]:
    return node["schema"], node["name"]


def split(table: str) -> tuple[str, str]:
    schema, _, name = table.partition(".")
    return schema, name


@contextmanager
def cluster_of(settings: Settings) -> Iterator[Cluster | None]:
    """The cluster that dbt calculates on; None where that is DuckDB."""
    if not settings.is_on_spark:
        yield None
        return
    with connected() as session:
        yield Cluster(session, manifest(settings))
