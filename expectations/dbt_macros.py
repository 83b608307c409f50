"""The dbt project's own SQL for reading raw files, used without dbt.

What a raw check calls a row, a time or a rejected record must be what the pipeline calls so. The
macros of the dbt project say it; this module calls them on a connection of its own, with as much of
dbt around them as they use. A test compares what they make with what dbt makes of them. Turned
down: asking dbt itself, which takes seconds and the warehouse's lock; saying the row rules twice.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import yaml

from orchestration.raw_reader.functions import add_functions

MACRO_FILES = ("engine/duckdb.sql", "engine/duckdb_raw_files.sql", "raw.sql", "health_dates.sql")
MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)\(.*?\{%-?\s*endmacro\s*-?%\}", re.DOTALL)


class Returned(Exception):
    """Carries what a macro returns when that is no text."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Cells(tuple):
    """A row or a column of a query result, as the macros read it."""

    def values(self) -> "Cells":
        return self


class DbtMacros:
    """The macros of a dbt project, run on a DuckDB connection for a range of health dates.

    `config_pillars` is the one relation that the macros ask for by name.
    """

    def __init__(
        self,
        project: Path,
        raw_folder: Path,
        connection: duckdb.DuckDBPyConnection,
        first: date,
        last: date,
        notes: Path | None = None,
    ) -> None:
        self.connection = connection
        variables = {
            **project_variables(project),
            "start_date": first.isoformat(),
            "end_date": last.isoformat(),
        }
        add_functions(connection, notes)
        environment = {**os.environ, "HEALTH_RAW_DIR": str(raw_folder)}
        self.names: dict[str, Any] = {
            "return": self.hand_back,
            "fromjson": json.loads,
            "run_query": self.run_query,
            "execute": True,
            "var": lambda name, default=None: variables.get(name, default),
            "env_var": lambda name, default="": environment.get(name, default),
            "flags": SimpleNamespace(PROJECT_DIR=str(project)),
            "modules": SimpleNamespace(re=re),
            "adapter": SimpleNamespace(
                dispatch=lambda name, package: self.names["duckdb__" + name]
            ),
            "dbt": SimpleNamespace(type_string=lambda: "varchar"),
            "ref": lambda name: name,
            "run_started_at": last,
            "graph": SimpleNamespace(sources=raw_sources(project)),
        }
        for name, template in macros(project).items():
            self.names[name] = self.callable_macro(template, name)

    def __getattr__(self, name: str) -> Any:
        """The macro of this name."""
        return self.names[name]

    def callable_macro(self, template: jinja2.Template, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return getattr(template.make_module(self.names), name)(*arguments, **named)
            except Returned as returned:
                return returned.value

        return call

    @staticmethod
    def hand_back(value: Any) -> None:
        raise Returned(value)

    def run_query(self, sql: str) -> SimpleNamespace:
        rows = [Cells(row) for row in self.connection.execute(sql).fetchall()]
        width = len(self.connection.description or ())
        columns = [Cells(row[place] for row in rows) for place in range(width)]
        return SimpleNamespace(rows=rows, columns=columns)


@cache
def project_variables(project: Path) -> Mapping[str, Any]:
    """The vars of `dbt_project.yml`."""
    text = (project / "dbt_project.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text).get("vars") or {}


@cache
def macros(project: Path) -> Mapping[str, jinja2.Template]:
    """Each macro by its name."""
    jinja = jinja2.Environment(extensions=["jinja2.ext.do"])

    def found() -> Iterator[tuple[str, jinja2.Template]]:
        for file in MACRO_FILES:
            text = (project / "macros" / file).read_text(encoding="utf-8")
            yield from ((match[1], jinja.from_string(match[0])) for match in MACRO.finditer(text))

    return dict(found())


@cache
def raw_sources(project: Path) -> Mapping[str, SimpleNamespace]:
    """The raw tables of `_staging__sources.yml`, as dbt's graph shows them."""
    file = project / "models" / "staging" / "_staging__sources.yml"
    [source] = yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]
    return {
        table["name"]: SimpleNamespace(
            name=table["name"],
            source_name="raw",
            meta=SimpleNamespace(**table["config"]["meta"]),
            columns={
                column["name"]: SimpleNamespace(
                    name=column["name"],
                    meta={},
                    config=SimpleNamespace(meta=column.get("config", {}).get("meta", {})),
                )
                for column in table["columns"]
            },
        )
        for table in source["tables"]
    }
