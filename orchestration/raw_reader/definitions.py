"""The raw tables and their columns, from the one place that defines them
(`models/staging/_staging__sources.yml`)."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from orchestration.settings import DBT_PROJECT

SOURCES = DBT_PROJECT / "models" / "staging" / "_staging__sources.yml"


@cache
def raw_definitions() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """By table, the meta of each column by its name, in the order of the contract."""
    [source] = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    return {
        table["name"]: {
            column["name"]: column.get("config", {}).get("meta", {}) for column in table["columns"]
        }
        for table in source["tables"]
    }
