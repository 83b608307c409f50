"""A Spark cluster as Python asks it: a connection to its Thrift server, and its problems in words.

dbt has a connection of its own (`profiles.yml`), with the same settings. What is asked here is
small: notes, metadata, and rows that are copied in batches (`spark_copy`).
"""

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import date, datetime
from itertools import takewhile
from threading import Thread
from typing import Any, TypeVar

import click

Answer = TypeVar("Answer")
ROWS_AT_ONCE = 10_000
SESSION = {
    # As in profiles.yml, which says why.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.legacy.ctePrecedencePolicy": "CORRECTED",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.variable.substitute": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    # The server hands rows on as they come, instead of holding all of them first.
    "spark.sql.thriftServer.incrementalCollect": "true",
}
WITHOUT_ICEBERG = re.compile(r"data source: iceberg|DATA_SOURCE_NOT_FOUND|iceberg is not a valid")


class SparkProblem(click.ClickException):
    """What Spark, or the way to it, has to say against it; in one line."""


class Session:
    """A connection to a cluster; it answers like one of DuckDB's, as far as the macros ask it."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        cursor.arraysize = ROWS_AT_ONCE

    def execute(self, sql: str) -> "Session":
        with in_words():
            self.cursor.execute(sql)
        return self

    def fetchall(self) -> list[tuple]:
        return [row for rows in self.fetched() for row in rows]

    def fetched(self) -> Iterator[list[tuple]]:
        """The rows of the last statement, some at a time."""
        while rows := self.next_rows():
            yield rows

    def next_rows(self) -> list[tuple]:
        with in_words():
            rows = self.cursor.fetchmany(ROWS_AT_ONCE)
        dates = [place for place, column in enumerate(self.description) if column[1] == "DATE_TYPE"]
        return [with_dates(row, dates) for row in rows] if dates else rows

    @property
    def description(self) -> Sequence[tuple]:
        return self.cursor.description or ()

    def rows(self, sql: str) -> list[tuple]:
        return self.execute(sql).fetchall()

    def has(self, table: str) -> bool:
        """Whether a table or view `schema.name` is there."""
        schema, name = table.split(".")
        return name in self.tables(schema)

    def schemas(self) -> list[str]:
        return [name for (name,) in self.rows("show schemas")]

    def tables(self, schema: str) -> list[str]:
        """The tables and views of a schema; none where it is not there. Spark lists temporary views
        with those of each, without a schema."""
        if schema not in self.schemas():
            return []
        found = self.rows(f"show tables in {schema}")
        return [name for of_schema, name, *_ in found if of_schema == schema]

    def views(self, schema: str) -> list[str]:
        """The views of a schema that is there."""
        found = self.rows(f"show views in {schema}")
        return [name for of_schema, name, *_ in found if of_schema == schema]

    def columns(self, table: str) -> tuple[dict[str, str], list[str]]:
        """The type of each column, and the columns that the table is partitioned by."""
        described = [(name, kind) for name, kind, *_ in self.rows(f"describe table {table}")]
        names = [name for name, _ in described]
        end = next((place for place, name in enumerate(names) if not name or name[0] == "#"), None)
        columns = dict(described[:end])
        partitioned = [name for name in names[end:] if name in columns] if end else []
        return columns, partitioned


def with_dates(row: Sequence[Any], places: Sequence[int]) -> tuple:
    """A row whose dates, which the client leaves as texts, are dates."""
    cells = list(row)
    for place in places:
        if cells[place] is not None:
            cells[place] = date.fromisoformat(cells[place])
    return tuple(cells)


def address() -> tuple[str, int]:
    """The host and the port of the Thrift server. Raises click.ClickException."""
    port = os.environ.get("HEALTH_SPARK_PORT") or "10000"
    if not port.isdecimal():
        raise click.ClickException(f"HEALTH_SPARK_PORT is {port!r}; it has to be a number.")
    return os.environ.get("HEALTH_SPARK_HOST") or "127.0.0.1", int(port)


@contextmanager
def connected() -> Iterator[Session]:
    """A connection to the cluster that the environment names. Raises SparkProblem."""
    try:
        from pyhive import hive
    except ImportError as problem:
        raise SparkProblem(
            "HEALTH_TARGET is spark, and the extra `spark`, which speaks to it, is not installed:"
            " `.venv/bin/pip install -e '.[spark]'` in the checkout."
        ) from problem
    # What it logs is said by what it raises, in words.
    logging.getLogger("thrift").setLevel(logging.CRITICAL)
    host, port = address()
    with in_words():
        connection = hive.connect(
            host=host,
            port=port,
            username=os.environ.get("HEALTH_SPARK_USER") or "health",
            auth=os.environ.get("HEALTH_SPARK_AUTH") or "NONE",
        )
    try:
        session = Session(connection.cursor())
        for name, value in SESSION.items():
            session.execute(f"set {name}={value}")
        yield session
    finally:
        with suppress(Exception):  # the server is gone, which whoever asked it has been told
            connection.close()


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """What a cluster answers in time. Raises SparkProblem, where it does not as well.

    Nothing ends a call of the client's: its thread goes on by itself, and keeps no process alive.
    """
    answer: Future[Answer] = Future()

    def wait() -> None:
        try:
            answer.set_result(ask())
        except BaseException as problem:
            answer.set_exception(problem)

    Thread(target=wait, daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError as late:
        host, port = address()
        raise SparkProblem(
            f"Spark's Thrift server at {host}:{port} has not answered in {seconds:.0f} seconds."
        ) from late


@contextmanager
def in_words() -> Iterator[None]:
    """Raise what the client raises as a SparkProblem."""
    from pyhive.exc import Error
    from thrift.Thrift import TException

    try:
        yield
    except Error as problem:
        raise SparkProblem(words_of(problem)) from problem
    except (TException, OSError) as problem:
        host, port = address()
        raise SparkProblem(
            f"Spark's Thrift server at {host}:{port} does not answer ({one_line(problem)}):"
            " HEALTH_SPARK_HOST and HEALTH_SPARK_PORT say where it is."
        ) from problem


def words_of(problem: Exception) -> str:
    """What Spark says of a statement, without its traces."""
    status = getattr(problem.args[0], "status", None) if problem.args else None
    text = getattr(status, "errorMessage", None) or str(problem)
    host, port = address()
    if WITHOUT_ICEBERG.search(text):
        return (
            f"Spark at {host}:{port} knows no Iceberg tables: docs/spark.md says what its"
            " configuration needs."
        )
    return f"Spark at {host}:{port} says: {cause(text)}"


def cause(text: str) -> str:
    """The words of an error that matter: without traces and names of Java's classes."""
    lines = text.splitlines()
    said = list(takewhile(lambda line: not line.startswith("\tat "), lines))
    causes = [line for line in lines if line.startswith("Caused by: ")]
    words = said[0]
    if words.rstrip(" \b").endswith(":") and len(said) > 1:
        words = " ".join(said)
    elif "Job aborted" in words and causes:
        words = causes[-1]
    words = re.split(r"\(TID \d+\) \(.*? executor \w+\): ", words)[-1]
    words = re.sub(r"^.*?HiveSQLException: *", "", words)
    words = re.sub(r"^(Error running query: *|Caused by: *)?(\[[\w.]+\] )?", "", words)
    words = re.sub(r"^(([a-z]\w*\.)+[A-Z]\w*(Exception|Error): )+", "", words)
    return re.sub(r"[\s\b]+", " ", words).strip()


def one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())


def literal(value: object) -> str:
    """A value as a literal of Spark SQL."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"timestamp '{value.replace(tzinfo=None)}'"
    if isinstance(value, date):
        return f"date '{value}'"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
