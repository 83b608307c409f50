"""The raw tables and their columns, from the one place that defines them
(`models/staging/_staging__sources.yml`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from orchestration.base.settings import DBT_PROJECT

SOURCES = DBT_PROJECT / "models" / "staging" / "_staging__sources.yml"


@dataclass(frozen=True)
class Definition:
    """A raw table: the meta of each column by its name, in the order of the contract, and its own:
    its `key`, and which column is the `main_time` of a record."""

    columns: Mapping[str, Mapping[str, Any]]
    meta: Mapping[str, Any]

    @property
    def main_time(self) -> str:
        return self.meta["main_time"]

    @property
    def required(self) -> list[str]:
        return [name for name, meta in self.columns.items() if meta.get("required")]


@cache
def raw_definitions() -> Mapping[str, Definition]:
    """The definition of each raw table."""
    [source] = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    return {
        table["name"]: Definition(
            {
                column["name"]: column.get("config", {}).get("meta", {})
                for column in table["columns"]
            },
            table["config"]["meta"],
        )
        for table in source["tables"]
    }
