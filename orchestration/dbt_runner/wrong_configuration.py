"""Whether a configuration is wrong, told in a second: before dbt, Dagster or a check is loaded.

The rules are those of the dbt project and stand nowhere else: its model `config_errors`, and what
that refers to, are rendered with the project's macros and dbt's own, and asked of a database in
memory that holds the files of the configuration as dbt reads them. dbt asks the same again
(`config_version`); what cannot be read or rendered here is left to it.
"""

import csv
from pathlib import Path

import click
import duckdb
import jinja2

from orchestration.base.settings import DBT_PROJECT, ROOT
from orchestration.dbt_runner.dbt_macros import CompilerError, DbtMacros
from orchestration.warehouse.duckdb_files import in_memory

SEEDS = ROOT / "seeds"


class WrongConfiguration(click.ClickException):
    """What is wrong with a configuration, in words for the user."""


class CannotTell(Exception):
    """The files cannot be read as dbt would read them."""


def refuse_wrong_configuration(seeds: Path = SEEDS) -> None:
    """Raises WrongConfiguration when the model `config_errors` finds rows to be wrong."""
    try:
        with in_memory(config={"threads": "1"}) as connection:
            project = RenderedProject(seeds, connection)
            project.macros.check_configuration(project.relation("config_errors"))
    except CompilerError as problem:
        raise WrongConfiguration(str(problem)) from problem
    except (CannotTell, jinja2.TemplateError, duckdb.Error):
        return  # dbt has the last word; that nothing ends here unnoticed is tested


class RenderedProject:
    """The models that a model refers to, made in a database, each when it is asked for first."""

    def __init__(self, seeds: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.seeds = {file.stem: file for file in (DBT_PROJECT / "catalogue").glob("*.csv")}
        self.seeds |= {file.stem: file for file in seeds.glob("*.csv")}
        self.models = {file.stem: file for file in (DBT_PROJECT / "models").rglob("*.sql")}
        self.connection = connection
        self.made: set[str] = set()
        self.macros = DbtMacros(
            connection, names={"ref": self.relation, "seeds_folder": lambda: str(seeds)}
        )

    def relation(self, name: str) -> str:
        """Make a model or a seed, unless it is there."""
        if name not in self.made:
            self.made.add(name)
            if name in self.seeds:
                self.make_seed(name)
            elif name in self.models:
                sql = self.macros.rendered(self.models[name])
                self.connection.execute(f"create table {name} as {sql}")
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
