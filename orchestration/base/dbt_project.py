"""What the dbt project says of its own: its vars, its catalogue, and what YAML says of `seeds/`.

Facts that SQL and Python share stand there, once, and both read them.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from orchestration.base.settings import DBT_PROJECT

SEEDS_YAML = DBT_PROJECT / "models" / "configuration" / "_configuration__seeds.yml"


@dataclass(frozen=True)
class ConfigurationFile:
    """A file of `seeds/`: the meta of each column by its name, and its own."""

    columns: Mapping[str, Mapping[str, Any]]
    meta: Mapping[str, Any]

    @property
    def subject(self) -> tuple[str, ...]:
        """The columns of its key that say what a row is about; the others say what of it."""
        compared = {"scaled_by"}
        for condition in self.meta.get("conditions", ()):
            compared |= {condition["operator"], condition["threshold"]}
        return tuple(column for column in self.meta["key"] if column not in compared)


@cache
def variables(project: Path = DBT_PROJECT) -> Mapping[str, Any]:
    """The vars of `dbt_project.yml`."""
    text = (project / "dbt_project.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text).get("vars") or {}


@cache
def catalogue(name: str) -> tuple[Mapping[str, str], ...]:
    """The rows of a file of `catalogue/`: `measures`, `measure_columns` or `operands`."""
    file = DBT_PROJECT / "catalogue" / f"{name}.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        return tuple(csv.DictReader(lines))


@cache
def configuration_files() -> Mapping[str, ConfigurationFile]:
    """The files of `seeds/` by their names, the checks of the data among them."""
    described = yaml.safe_load(SEEDS_YAML.read_text(encoding="utf-8"))["seeds"]
    return {
        seed["name"]: ConfigurationFile(
            {
                column["name"]: column.get("config", {}).get("meta", {})
                for column in seed["columns"]
            },
            seed["config"].get("meta", {}),
        )
        for seed in described
    }
