"""Which tables of a Spark cluster the warehouse file has a copy of, by dbt's manifest.

The published ones, with the types and descriptions of their contract, so that the file is as dbt
makes it on DuckDB; and few small ones beside, which checks read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import jinja2

from orchestration.warehouse.spark_copy import CopiedTable

OF_CHECKS = (
    "configuration.metrics",
    "configuration.config_pillars",
    "configuration.config_version",
    "intermediate.int_unmeasured_metrics",
)


def copied_tables(manifest: Mapping[str, Any]) -> Iterator[CopiedTable]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["fqn"][1] == "health":
            yield published_table(node)
    yield from map(CopiedTable, OF_CHECKS)


def published_table(node: Mapping[str, Any]) -> CopiedTable:
    columns = node["columns"].values()
    comments = {column["name"]: column["description"].strip() for column in columns}
    view = view_of(node) if node["config"]["materialized"] == "view" else None
    return CopiedTable(
        f"health.{node['name']}",
        {column["name"]: column["data_type"] + constraint_of(column) for column in columns},
        {None: node["description"].strip(), **comments},
        view,
    )


def constraint_of(column: Mapping[str, Any]) -> str:
    kinds = [constraint["type"] for constraint in column.get("constraints") or ()]
    return " not null" if "not_null" in kinds else ""


def view_of(node: Mapping[str, Any]) -> str:
    """The SQL of a view over published tables."""
    template = jinja2.Environment().from_string(node["raw_code"])
    return template.render(config=lambda **_: "", ref=lambda name: f"health.{name}")
