"""Whether a configuration is wrong, told in a second: before dbt, Dagster or a check is loaded.

The rules are those of the dbt project and stand nowhere else: its model `config_errors`, and what
that refers to, are rendered with the project's macros and dbt's own, and asked of a database in
memory that holds the files of the configuration as dbt reads them. dbt asks the same again
(`config_version`); what cannot be read or rendered here is left to it.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import duckdb
import jinja2
import yaml

from expectations.dbt_macros import MACRO, Returned, project_variables, raw_sources
from orchestration.raw_reader.functions import add_functions
from orchestration.settings import DBT_PROJECT, ROOT

SEEDS = ROOT / "seeds"
DBT_MACROS = {
    "dbt.include.global_project": ("concat.sql", "listagg.sql", "split_part.sql"),
    "dbt.include.duckdb": ("listagg.sql", "splitpart.sql"),
}


class WrongConfiguration(click.ClickException):
    """What is wrong with a configuration, in words for the user."""


class CannotTell(Exception):
    """The files cannot be read as dbt would read them."""


def refuse_wrong_configuration(seeds: Path = SEEDS) -> None:
    """Raises WrongConfiguration when the model `config_errors` finds rows to be wrong."""
    try:
        with duckdb.connect(config={"threads": 1}) as connection:
            project = RenderedProject(seeds, connection)
            project.macro("check_configuration")(project.relation("config_errors"))
    except (CannotTell, jinja2.TemplateError, duckdb.Error):
        return  # dbt has the last word; that nothing ends here unnoticed is tested


class RenderedProject:
    """The models that a model refers to, made in a database, each when it is asked for first."""

    def __init__(self, seeds: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.seeds = {file.stem: file for file in (DBT_PROJECT / "catalogue").glob("*.csv")}
        self.seeds |= {file.stem: file for file in seeds.glob("*.csv")}
        self.models = {file.stem: file for file in (DBT_PROJECT / "models").rglob("*.sql")}
        self.connection = connection
        add_functions(connection, None)
        self.made: set[str] = set()
        self.compiled: dict[str, Any] = {}
        self.jinja = jinja2.Environment(extensions=["jinja2.ext.do"])
        self.jinja.globals = {
            **{name: self.macro(name) for name in macros()},
            "execute": True,
            "ref": self.relation,
            "return": self.hand_back,
            "run_query": self.run_query,
            "get_column_schema_from_query": self.columns_of,
            "exceptions": SimpleNamespace(raise_compiler_error=self.refuse),
            "adapter": SimpleNamespace(dispatch=self.dispatched),
            "graph": graph(),
            "var": project_variables(DBT_PROJECT).get,
            "fromjson": json.loads,
            "flags": SimpleNamespace(WHICH="build"),
            "seeds_folder": lambda: str(seeds),
        }
        self.jinja.globals["dbt"] = SimpleNamespace(
            **{**self.jinja.globals, "type_string": lambda: "varchar"}
        )

    def relation(self, name: str) -> str:
        """Make a model or a seed, unless it is there."""
        if name not in self.made:
            self.made.add(name)
            if name in self.seeds:
                self.make_seed(name)
            elif name in self.models:
                model = self.jinja.from_string(self.models[name].read_text(encoding="utf-8"))
                self.connection.execute(f"create table {name} as {model.render()}")
            else:
                raise CannotTell(name)
        return name

    def make_seed(self, name: str) -> None:
        columns, rows = cells_of(self.seeds[name])
        cells = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
        selected = ", ".join(
            f'unnest(cast(? as varchar[])) as "{column.replace(chr(34), chr(34) * 2)}"'
            for column in columns
        )
        try:
            self.connection.execute(f"create table {name} as select {selected}", cells)
        except duckdb.Error as problem:
            raise CannotTell(name) from problem

    def macro(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if name not in self.compiled:
                module = self.jinja.from_string(macros()[name]).module
                self.compiled[name] = getattr(module, name)
            try:
                return self.compiled[name](*arguments, **named)
            except Returned as returned:
                return returned.value

        return call

    def dispatched(self, name: str, package: str | None = None) -> Any:
        own = f"duckdb__{name}"
        return self.macro(own if own in macros() else f"default__{name}")

    @staticmethod
    def hand_back(value: Any) -> None:
        raise Returned(value)

    @staticmethod
    def refuse(message: str) -> None:
        raise WrongConfiguration(message)

    def run_query(self, sql: str) -> SimpleNamespace:
        return SimpleNamespace(rows=self.connection.execute(sql).fetchall())

    def columns_of(self, sql: str) -> list[SimpleNamespace]:
        names = self.connection.execute(f"describe {sql}").fetchall()
        return [SimpleNamespace(name=name) for name, *_ in names]


@cache
def macros() -> Mapping[str, str]:
    """The text of each macro by its name."""

    def files() -> Iterator[Path]:
        for package, names in DBT_MACROS.items():
            [place] = find_spec(package).submodule_search_locations
            yield from (Path(place) / "macros" / "utils" / name for name in names)
        yield from (DBT_PROJECT / "macros").rglob("*.sql")

    texts = [file.read_text(encoding="utf-8") for file in files()]
    return {match[1]: match[0] for text in texts for match in MACRO.finditer(text)}


def graph() -> SimpleNamespace:
    """dbt's graph, as far as the macros look: the columns of seeds, and the raw tables."""
    file = DBT_PROJECT / "models" / "configuration" / "_configuration__seeds.yml"
    described = yaml.safe_load(file.read_text(encoding="utf-8"))["seeds"]
    return SimpleNamespace(
        nodes={
            f"seed.health.{seed['name']}": SimpleNamespace(
                columns={column["name"]: column for column in seed["columns"]}
            )
            for seed in described
        },
        sources=raw_sources(DBT_PROJECT),
    )


def cells_of(file: Path) -> tuple[list[str], list[list[str | None]]]:
    """The columns and rows of a seed, all text, as dbt reads it. Raises CannotTell."""
    from dbt_common.clients.agate_helper import from_csv

    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines), [])
        table = from_csv(str(file), text_columns=header)
    except Exception as problem:  # whatever it is, dbt has words for it
        raise CannotTell(file.name) from problem
    return list(table.column_names), [list(row) for row in table.rows]
