"""dbt's results as Dagster's events, with what only the warehouse knows: rows, columns, lineage."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.base.cache import read_cached, write_cached
from orchestration.base.settings import DBT_PROJECT, Settings
from orchestration.dbt_runner.dbt_build import Event
from orchestration.warehouse.duckdb_files import opened

Columns = dict[str, dict[str, dict[str, Any]]]

LINEAGE = "dagster/column_lineage"

# How dbt's manifest names a relation, by engine.
RELATIONS = {
    "duckdb": """'"' || database_name || '"."' || schema_name || '"."' || table_name || '"'""",
    "spark": "schema_name || '.' || table_name",
}
COLUMNS = """
    select {relation} as relation, column_name, data_type
    from duckdb_columns()
    where not internal
    order by relation, column_index
"""
TABLES = "select {relation} from duckdb_tables() where not internal"


def asset_events(
    context: dg.AssetExecutionContext,
    manifest: Mapping[str, Any],
    translator: DagsterDbtTranslator,
    settings: Settings,
    events: list[Event],
) -> Iterator[Any]:
    """Materializations and check results for dbt's events, in their order.

    They come when dbt is done, because DuckDB lets nobody count rows while dbt writes. Nodes that
    this process does not know of, because the project has changed meanwhile, are left out.
    """
    known = [event for event in events if unique_id(event) in manifest["nodes"]]
    if not known:
        return
    with opened(settings.warehouse) as warehouse:
        columns = columns_of_tables(warehouse, RELATIONS[settings.engine])
        rows = rows_of_tables(warehouse, RELATIONS[settings.engine])
    lineages = Lineages(settings, manifest)
    target = DBT_PROJECT / (os.environ.get("DBT_TARGET_PATH") or "target")
    for event in known:
        node = manifest["nodes"][unique_id(event)]
        message = DbtCoreCliEventMessage(
            event, known_columns(manifest, node, columns, with_parents=lineages.lacks(node))
        )
        for result in message.to_default_asset_events(
            manifest, translator, context, target_path=target
        ):
            if isinstance(result, dg.Output):
                metadata = lineages.completed(node, result.metadata)
                if node["relation_name"] in rows:
                    metadata["dagster/row_count"] = rows[node["relation_name"]]
                result = result.with_metadata(metadata)
            yield result
    lineages.keep()


def unique_id(event: Event) -> str:
    return event.get("data", {}).get("node_info", {}).get("unique_id", "")


def columns_of_tables(warehouse: duckdb.DuckDBPyConnection, named: str) -> Columns:
    """Columns with their types, by relation."""
    columns: Columns = {}
    for relation, column, data_type in warehouse.execute(COLUMNS.format(relation=named)).fetchall():
        columns.setdefault(relation, {})[column] = {"data_type": data_type}
    return columns


def rows_of_tables(warehouse: duckdb.DuckDBPyConnection, named: str) -> dict[str, int]:
    """Rows by relation; views are left out, because counting them means working them out."""
    found = warehouse.execute(TABLES.format(relation=named)).fetchall()
    tables = [relation for (relation,) in found]
    counts = " union all ".join(f"select '{table}', count(*) from {table}" for table in tables)
    return dict(warehouse.execute(counts).fetchall()) if tables else {}


def known_columns(
    manifest: Mapping[str, Any], node: Mapping[str, Any], columns: Columns, with_parents: bool
) -> dict[str, Any]:
    """What dagster-dbt needs to show a table's columns, and with parents where they come from."""
    if not is_published(node) or node["relation_name"] not in columns:
        return {}
    known: dict[str, Any] = {"columns": columns[node["relation_name"]]}
    if with_parents:
        parents = (
            (manifest["nodes"].get(parent) or manifest["sources"].get(parent) or {}).get(
                "relation_name"
            )
            for parent in node["depends_on"]["nodes"]
        )
        known["parents"] = {
            parent: {"columns": columns[parent]} for parent in parents if parent in columns
        }
    return known


def is_published(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] == "model" and node["fqn"][1] == "health"


class Lineages:
    """Where the columns of the published tables come from, worked out once for a manifest.

    dagster-dbt needs seconds for it, and the answer hangs on the project alone.
    """

    def __init__(self, settings: Settings, manifest: Mapping[str, Any]) -> None:
        self._file = settings.state / "dbt" / "lineage.json"
        self._manifest_id = manifest["metadata"]["invocation_id"]
        self._by_table: dict[str, dict[str, list[list[Any]]]] = {}
        kept = read_cached(self._file)
        if kept and kept["manifest_id"] == self._manifest_id:
            self._by_table = kept["tables"]

    def lacks(self, node: Mapping[str, Any]) -> bool:
        return is_published(node) and node["name"] not in self._by_table

    def completed(self, node: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The metadata with the lineage that is known; one that it brings is taken in."""
        name = node["name"]
        if LINEAGE in metadata:
            found: dg.TableColumnLineage = metadata[LINEAGE].value
            self._by_table[name] = {
                column: [[dep.asset_key.path, dep.column_name] for dep in deps]
                for column, deps in found.deps_by_column.items()
            }
        elif self.lacks(node):
            self._by_table[name] = {}  # dagster-dbt cannot tell
        elif self._by_table.get(name):
            return {**metadata, LINEAGE: self._lineage(name)}
        return dict(metadata)

    def _lineage(self, name: str) -> dg.TableColumnLineage:
        return dg.TableColumnLineage(
            {
                column: [dg.TableColumnDep(dg.AssetKey(path), source) for path, source in deps]
                for column, deps in self._by_table[name].items()
            }
        )

    def keep(self) -> None:
        write_cached(self._file, {"manifest_id": self._manifest_id, "tables": self._by_table})
