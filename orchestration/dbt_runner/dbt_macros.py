"""The dbt project's macros, called without dbt on a connection to DuckDB, or to a Spark cluster.

What a raw check calls a row, a time or a rejected record, and what makes a configuration wrong,
must be what the pipeline calls so. The dbt project says it; this module calls its macros with as
much of dbt around them as they use. A test compares what they make with what dbt makes of them.
Turned down: asking dbt itself, which takes seconds and the lock of the warehouse; saying it twice.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import duckdb
import jinja2

from orchestration.base import clock
from orchestration.base.dbt_project import configuration_files, variables
from orchestration.base.settings import DBT_PROJECT, ROOT, Settings
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.raw_reader.functions import add_functions, seed_rows
from orchestration.warehouse.duckdb_files import in_memory
from orchestration.warehouse.spark import Session, connected

MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)\(.*?\{%-?\s*endmacro\s*-?%\}", re.DOTALL)
# Of dbt's own macros, those that the project's call.
OF_DBT = {
    "dbt.include.global_project": ("concat.sql", "hash.sql", "listagg.sql", "split_part.sql"),
    "dbt.include.duckdb": ("listagg.sql", "splitpart.sql"),
}
# Schemas of Spark whose tables dbt reads and does not make.
OF_OTHERS = ("raw", "operations")
SEEDS = ROOT / "seeds"
TEXT_TYPES = {"duckdb": "TEXT", "spark": "string"}


class CompilerError(Exception):
    """A macro refused to go on; its message is for the user."""


class Returned(Exception):
    """Carries what a macro returns when that is no text."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Cells(tuple):
    """A row or a column of a query result, as the macros read it."""

    def values(self) -> "Cells":
        return self


class Connection(Protocol):
    """What the macros ask of a connection: DuckDB's, or a session of Spark's."""

    @property
    def description(self) -> Any: ...

    def execute(self, sql: str) -> Any: ...


class DbtMacros:
    """The macros of a project, each an attribute; a relation is asked for by its name alone.

    engine: whose spelling it is, that of the connection.
    raw_folder: where the raw files are. dates: the first and last health date.
    notes: where what was learnt of raw files is kept. erasures: the list of who is to be erased.
    names: what shall stand for names of dbt or for macros.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        engine: str = "duckdb",
        project: Path = DBT_PROJECT,
        raw_folder: Path | None = None,
        dates: tuple[date, date] | None = None,
        notes: Path | None = None,
        erasures: Path | None = None,
        names: Mapping[str, Any] | None = None,
    ) -> None:
        self.connection = connection
        self.engine = engine
        if isinstance(connection, duckdb.DuckDBPyConnection):
            add_functions(connection, notes, erasures)
        values = dict(variables(project))
        environment = dict(os.environ)
        if dates:
            values |= {"start_date": dates[0].isoformat(), "end_date": dates[1].isoformat()}
        if raw_folder:
            environment["HEALTH_RAW_DIR"] = str(raw_folder)
        self.texts = macros(project)
        self.compiled: dict[str, Any] = {}
        self.jinja = jinja2.Environment(extensions=["jinja2.ext.do"])
        self.jinja.globals = {
            **{name: self.macro(name) for name in self.texts},
            "adapter": SimpleNamespace(
                dispatch=self.dispatched,
                get_relation=cache(self.relation_if_there),
                get_columns_in_relation=cache(self.columns_in),
            ),
            "api": SimpleNamespace(Column=SimpleNamespace(translate_type=lambda name: name)),
            "env_var": lambda name, default="": environment.get(name, default),
            "exceptions": SimpleNamespace(raise_compiler_error=refuse),
            "execute": True,
            "flags": SimpleNamespace(PROJECT_DIR=str(project), WHICH="build"),
            "fromjson": json.loads,
            "get_column_schema_from_query": self.columns_of,
            "graph": graph(),
            "modules": SimpleNamespace(re=re),
            "ref": lambda name: name,
            "return": hand_back,
            "run_query": self.run_query,
            "run_started_at": clock.now(),
            "source": lambda _, name: name,
            "target": SimpleNamespace(database="memory"),
            "var": values.get,
            **(names or {}),
        }
        self.jinja.globals["dbt"] = SimpleNamespace(
            **{**self.jinja.globals, "type_string": lambda: TEXT_TYPES[engine]}
        )

    def __getattr__(self, name: str) -> Any:
        """The macro of this name."""
        return self.macro(name)

    def macro(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if name not in self.compiled:
                module = self.jinja.from_string(self.texts[name]).module
                self.compiled[name] = getattr(module, name)
            try:
                return self.compiled[name](*arguments, **named)
            except Returned as returned:
                return returned.value

        return call

    def dispatched(self, name: str, package: str | None = None) -> Any:
        own = f"{self.engine}__{name}"
        return self.macro(own if own in self.texts else f"default__{name}")

    def rendered(self, file: Path) -> str:
        """The SQL of a model."""
        return self.jinja.from_string(file.read_text(encoding="utf-8")).render()

    def relation_if_there(self, _: object, schema: str, name: str) -> str | None:
        """A table that others give Spark; there is no warehouse to look for those of runs in."""
        if schema in OF_OTHERS and isinstance(self.connection, Session):
            found = f"{schema}.{name}"
            return found if self.connection.has(found) else None
        return None

    def columns_in(self, relation: str) -> list[SimpleNamespace]:
        """The columns of a table on Spark."""
        assert isinstance(self.connection, Session)
        types, _ = self.connection.columns(relation)
        return [SimpleNamespace(name=name, dtype=kind) for name, kind in types.items()]

    def run_query(self, sql: str) -> SimpleNamespace:
        rows = [Cells(row) for row in self.connection.execute(sql).fetchall()]
        width = len(self.connection.description or ())
        columns = [Cells(row[place] for row in rows) for place in range(width)]
        return SimpleNamespace(rows=rows, columns=columns)

    def columns_of(self, sql: str) -> list[SimpleNamespace]:
        names = self.connection.execute(f"describe {sql}").fetchall()
        return [SimpleNamespace(name=name) for name, *_ in names]


@contextmanager
def macros_of_raw_tables(
    settings: Settings, dates: tuple[date, date] | None = None, seeds: Path = SEEDS
) -> Iterator[DbtMacros]:
    """The macros on a connection that reads the raw tables: the raw folder, or a cluster's schema.

    On Spark what the seed `raw_values` declares is read from its file, whether or not dbt has
    loaded it.
    """
    if not settings.is_on_spark:
        with in_memory(settings.spill) as connection:
            yield DbtMacros(
                connection,
                raw_folder=settings.raw,
                dates=dates,
                notes=settings.state,
                erasures=settings.erasures,
            )
        return
    with connected() as session:
        macros = DbtMacros(session, engine="spark")
        declared = rows_as_sql(
            macros, macros.raw_value_columns(), json.loads(seed_rows(f"{seeds}/raw_values.csv"))
        )
        names = {"raw_values": lambda: declared}
        yield DbtMacros(session, engine="spark", dates=dates, names=names)


def rows_as_sql(
    macros: DbtMacros, columns: Sequence[str], rows: Sequence[Mapping[str, str | None]]
) -> str:
    """A query of texts, trimmed, with these rows."""

    def text(row: Mapping[str, str | None], column: str) -> str:
        cell = (row.get(column) or "").strip()
        return f"cast({macros.quoted(cell) if cell else 'null'} as string) as {column}"

    texts = (", ".join(text(row, column) for column in columns) for row in rows or [{}])
    selects = " union all ".join(f"select {listed}" for listed in texts)
    return selects if rows else f"{selects} where false"


def hand_back(value: Any) -> None:
    raise Returned(value)


def refuse(message: str) -> None:
    raise CompilerError(message)


@cache
def macros(project: Path) -> Mapping[str, str]:
    """The text of each macro by its name."""

    def files() -> Iterator[Path]:
        for package, names in OF_DBT.items():
            found = find_spec(package)
            assert found and found.submodule_search_locations, package
            [place] = found.submodule_search_locations
            yield from (Path(place) / "macros" / "utils" / name for name in names)
        yield from (project / "macros").rglob("*.sql")

    texts = [file.read_text(encoding="utf-8") for file in files()]
    return {match[1]: match[0] for text in texts for match in MACRO.finditer(text)}


@cache
def graph() -> SimpleNamespace:
    """dbt's graph, as far as the macros look: what YAML says of seeds, and the raw tables."""
    return SimpleNamespace(
        nodes={
            f"seed.health.{name}": SimpleNamespace(
                config=SimpleNamespace(meta=file.meta),
                columns={
                    column: SimpleNamespace(config=SimpleNamespace(meta=meta))
                    for column, meta in file.columns.items()
                },
            )
            for name, file in configuration_files().items()
        },
        sources={
            name: SimpleNamespace(
                name=name,
                source_name="raw",
                meta=table.meta,
                columns={
                    column: SimpleNamespace(name=column, config=SimpleNamespace(meta=meta))
                    for column, meta in table.columns.items()
                },
            )
            for name, table in raw_definitions().items()
        },
    )
