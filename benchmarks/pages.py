"""`python -m benchmarks.pages`: how fast the pages answer, beside the SQL that they rest on.

The publication has as many accounts as asked for, and is made cheaply: the sample of some hundred
accounts is calculated and published on 65 dates, and its accounts are copied, each with an id, a
name and users of its own, in tables with the same columns and order. So states, reasons and texts
repeat as they would not among customers; counts and sizes are those of a company as large.
`pillar_metrics_history`, the largest table, which no page reads, stays empty.

`health serve` runs as a process of its own. The bare query is the SQL that a page ran, run by this
process on a plain connection to the same file. Only ratios of one run count.
"""

import asyncio
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote, unquote

import click
import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.pipeline import Pipeline
from benchmarks.sizes import NIGHT
from orchestration.base.settings import ROOT, STORAGE_VERSION, Settings
from orchestration.pages.app import build
from orchestration.pages.people import LOOPBACK, SignIn
from orchestration.publishing import open_publication
from orchestration.publishing.generation import FILE
from orchestration.publishing.publication import publish
from orchestration.sample_data import write_sample
from orchestration.warehouse.duckdb_files import in_memory, literal
from orchestration.warehouse.published import opened_locked

DATES = 65
SAMPLED = 300  # accounts at most that are calculated; the others are copies of them
NOT_COPIED = "pillar_metrics_history"
# What a copy has of its own, by column. All ids begin alike, as those of many systems do, so that
# statistics of DuckDB, which know the first 8 bytes of a text, tell none from another.
ID = "printf('account_%04d_', copy) || {}"
OWN = {
    name: ID.format(name)
    for name in ("account_id", "parent_account_id", "user_id", "override_id", "record_key")
} | {
    "account_name": "account_name || ' ' || copy",
    "csm_email": "(copy % 40) || '-' || csm_email",
    "value_text": f"if(property_id = 'parent_account_id', {ID.format('value_text')}, value_text)",
    "record": 'replace(record, \'"account_id":"\', \'"account_id":"\''
    " || printf('account_%04d_', copy))",
}
KEYS = ("account_id", "parent_account_id", "record")  # a table with one of them is of accounts
TABLES = """
    select tables.table_name, any_value(sql), list(column_name order by column_index)
    from duckdb_tables() as tables
    inner join duckdb_columns() as columns using (database_name, table_name)
    where database_name = 'base'
    group by tables.table_name
"""
# Milliseconds at the median with 50,000 accounts on 2 cores.
AIMS = {"first table": 300, "filter": 100, "account": 150, "trend, filtered": 200}
RATE, SECONDS = 20, 60  # requests a second of the load, and how long
# How often a kind is asked for in a turn of the load; what is not named is asked for once.
OFTEN = {"first table": 6, "filter": 20, "sorted": 3, "account": 20, "trend, filtered": 3}
WHOLE = "CSV of all"  # which nobody asks for every other second: not part of the load
LIMIT = 100  # seconds until an answer counts as an error


@click.command()
@click.option("--accounts", type=click.IntRange(min=100), default=2000, show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--load", is_flag=True, help=f"Then {RATE} requests a second for {SECONDS} s.")
@click.option("--seconds", type=click.IntRange(min=1), default=SECONDS, help="Of the load.")
@click.option("--keep", is_flag=True, help="Take the publication that is there already.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=ROOT / "data" / "benchmark" / "pages",
    help="Where data and results go.  [default: data/benchmark/pages]",
)
def main(accounts: int, repeats: int, load: bool, seconds: int, keep: bool, folder: Path) -> None:
    """Measure the pages, and with --load many requests at a time."""
    folder = folder.resolve()
    console = Console()
    settings = Settings(folder / "raw", folder / "warehouse.duckdb")
    if not (keep and settings.published_file.exists()):
        console.print(f"A publication of {accounts:,} accounts ...")
        shutil.rmtree(folder, ignore_errors=True)
        write_publication(settings, accounts)
    with opened_locked(settings.published_file) as connection:
        kinds = addresses(connection)
        [(found,)] = connection.execute("select count(*) from health.account_health").fetchall()
    result: dict[str, Any] = {"accounts": found, "repeats": repeats}
    console.print("Each page, and its SQL alone, in turn ...")
    result["first table, cold"] = statistics.median(cold(settings) for _ in range(3))
    with serving(settings) as server:
        result["pages"] = measure(settings, server, kinds, repeats)
        result["peak_mb"] = server.peak_mb()
    if load:
        console.print(f"{RATE} requests a second for {seconds} s ...")
        with serving(settings) as server:
            result["load"] = under_load(server, kinds, seconds)
    result["machine_load"] = os.getloadavg()[0]
    file = folder.with_suffix(".json")
    file.write_text(json.dumps(result, indent=2) + "\n")
    print_tables(result, console)
    console.print(f"\nAll figures: {file}")


# The publication


def write_publication(settings: Settings, accounts: int) -> None:
    """A publication of that many accounts or a few more in the published folder."""
    sampled = Settings(settings.raw, settings.warehouse, settings.warehouse.with_name("sampled"))
    first = NIGHT - timedelta(days=DATES - 1)
    write_sample(settings.raw, accounts=min(accounts, SAMPLED), days=DATES + 55, end_date=NIGHT)
    Pipeline(settings.raw, settings.warehouse, settings.warehouse.with_name("target")).build(
        first, NIGHT
    )
    publish(sampled, "benchmark", first, NIGHT)
    settings.published.mkdir()
    multiply(sampled.published_file, settings.published / FILE, accounts)


def multiply(base: Path, file: Path, accounts: int) -> None:
    """Write a publication with copies of all accounts of another, until there are enough."""
    with in_memory() as connection:
        connection.execute(f"attach {literal(base)} as base (read_only)")
        connection.execute(
            f"attach {literal(file)} as copies (storage_version '{STORAGE_VERSION}')"
        )
        connection.execute("use copies")
        connection.begin()
        connection.execute("create schema health")
        [(there,)] = connection.execute(
            "select count(*) from base.health.account_health"
        ).fetchall()
        copies = f"(select range as copy from range({-(-accounts // there)}))"
        for table, definition, columns in connection.execute(TABLES).fetchall():
            connection.execute(definition)
            own = ", ".join(f"{OWN[name]} as {name}" for name in columns if name in OWN)
            keys = [name for name in KEYS if name in columns]
            if not keys:
                connection.execute(f"insert into health.{table} from base.health.{table}")
                continue
            if table == NOT_COPIED:
                continue
            # A date at a time, so that little is sorted at once.
            day = "health_date" if "health_date" in columns else "null"
            rows = f"base.health.{table} as original"
            days = connection.execute(f"select distinct {day} from {rows} order by all").fetchall()
            for values in days:
                connection.execute(
                    f"insert into health.{table} select * exclude (copy) replace ({own}) from ("
                    f"from {rows}, {copies} where {day} is not distinct from ?"
                    f" order by copy, original.{keys[0]})",
                    values,
                )
        for (view,) in connection.execute(
            "select sql from duckdb_views() where database_name = 'base' and not internal"
        ).fetchall():
            connection.execute(view)
        connection.commit()
        connection.execute("checkpoint copies")


# What is asked for


def addresses(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Addresses by kind of page; several where the answer could be kept for the next time."""

    def some(column: str, table: str, number: int) -> list[str]:
        sql = f"select value from (select distinct {column} as value from health.{table})"
        rows = connection.execute(f"{sql} order by hash(value) limit {number}").fetchall()
        return [quote(value, safe="") for (value,) in rows]

    ids = some("account_id", "account_health", 8)
    managers = some("csm_email", "account_health where csm_email is not null", 4)
    words = some("account_name[:5]", "account_health", 4)
    segments = some("segment_id", "account_health where segment_id is not null", 2)
    since = NIGHT - timedelta(days=30)
    filters = [
        *(f"q={word}" for word in words),
        *(f"manager={manager}" for manager in managers),
        *(f"segment={segment}" for segment in segments),
        "state=poor&mrr_from=1000",
        "pillar=service&pillar_state=poor",
        "changed=14",
        "property=region&property_is=emea",
    ]
    sorts = ("score", "-since", "account", "pillar:service", "-risk")
    return {
        "first table": ["/?match=all"],
        "filter": [f"/?{one}" for one in filters],
        "sorted": [f"/?match=all&sort={one}" for one in sorts],
        "account": [f"/accounts/{one}" for one in ids],
        "account, a date": [f"/accounts/{one}?date={since}" for one in ids[:4]],
        "trend": ["/trend"],
        "trend, filtered": [f"/trend?{one}" for one in filters[::2]],
        "trend, days": ["/trend?by=day", "/trend?by=day&of=service"],
        "trend, panels": [f"/trend?by=week&panel={one}" for one in ("segment", "manager")],
        "flows": [f"/trend?from={NIGHT - timedelta(days=days)}" for days in (7, 30, 60)],
        "list of a bar": [f"/trend/accounts?date={since}&bar_state=poor"],
        "what changed": ["/changes", f"/changes?since={since}", f"/changes?manager={managers[0]}"],
        "can I trust it": ["/trust"],
        "CSV of a manager": [f"/accounts.csv?manager={one}" for one in managers],
        WHOLE: ["/accounts.csv?match=all"],
    }


# The server and who asks it


class Server:
    """`health serve` as a process."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def get(self, address: str) -> float:
        """Seconds until the whole answer is there; raises where it is none."""
        started = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request("GET", address, headers={"accept-encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise click.ClickException(f"{address}: {answer.status}")
        return time.perf_counter() - started

    def cpu_seconds(self) -> float:
        """All that the process has used of both cores."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        [peak] = (line.split()[1] for line in lines if line.startswith("VmHWM"))
        return int(peak) / 1024


@contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    health = Path(sys.executable).with_name("health")
    environment = {**os.environ, **settings.environment}
    process = subprocess.Popen([health, "serve", "--port", str(port)], env=environment)
    try:
        server = Server(process, port)
        while not is_listening(port):
            if process.poll() is not None:
                raise click.ClickException("The server ended.")
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait()


def is_listening(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def cold(settings: Settings) -> float:
    """The first table of a server that has answered nothing yet."""
    with serving(settings) as server:
        return server.get("/?match=all")


def measure(
    settings: Settings, server: Server, kinds: dict[str, list[str]], repeats: int
) -> dict[str, dict[str, float]]:
    """Median seconds of each kind: the page, CPU of the server, and its SQL alone."""
    found = {}
    statements_of = Statements(settings)
    with opened_locked(settings.published_file.resolve()) as connection:
        for kind, of_kind in kinds.items():
            took: dict[str, list[float]] = {"page": [], "cpu": [], "bare": []}
            for address in of_kind:
                statements = statements_of.of(address)
                server.get(address)
                for _ in range(repeats):
                    before = server.cpu_seconds()
                    took["page"].append(server.get(address))
                    took["cpu"].append(server.cpu_seconds() - before)
                    started = time.perf_counter()
                    for statement, values in statements:
                        connection.execute(statement, values).fetchall()
                    took["bare"].append(time.perf_counter() - started)
            found[kind] = {name: statistics.median(values) for name, values in took.items()}
            found[kind]["cpu"] = statistics.mean(took["cpu"])  # ticks are 10 ms each
            found[kind]["statements"] = len(statements)
    return found


class Recorded:
    """A connection that keeps what it was asked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, ran: list[tuple[str, Any]]) -> None:
        self.connection = connection
        self.ran = ran

    def cursor(self) -> "Recorded":
        return Recorded(self.connection.cursor(), self.ran)

    def execute(self, statement: str, values: Any = None) -> duckdb.DuckDBPyConnection:
        self.ran.append((statement, values))
        return self.connection.execute(statement, values)


class Statements:
    """The SQL of pages, found by asking the application in this process."""

    def __init__(self, settings: Settings) -> None:
        self.ran: list[tuple[str, Any]] = []
        self.application = build(settings, SignIn(user="benchmark"), frozenset(LOOPBACK))

    def of(self, address: str) -> list[tuple[str, Any]]:
        """What the page asks, with the values, when it is not asked for the first time."""
        path, _, query = address.partition("?")
        scope = {
            "type": "http",
            "method": "GET",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost")],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request"}

        async def send(message: dict[str, Any]) -> None:
            if message.get("status", 200) != 200:
                raise click.ClickException(f"{address}: {message['status']}")

        with mock.patch.object(
            open_publication, "opened_locked", lambda file: Recorded(opened_locked(file), self.ran)
        ):
            for _ in range(2):
                self.ran.clear()
                asyncio.run(self.application(dict(scope), receive, send))
        return [*self.ran]


def under_load(server: Server, kinds: dict[str, list[str]], seconds: int) -> dict[str, Any]:
    """Ask at a steady rate, whether or not answers come; times are from when it was due to ask."""
    turns = [kind for kind in kinds if kind != WHOLE for _ in range(OFTEN.get(kind, 1))]
    random.Random(0).shuffle(turns)
    taken = {kind: cycle(of_kind) for kind, of_kind in kinds.items()}
    asked = [next(taken[kind]) for kind in islice(cycle(turns), RATE * seconds)]
    started = time.perf_counter() + 1

    def ask(number: int) -> float | str:
        due = started + number / RATE
        time.sleep(max(0, due - time.perf_counter()))
        try:
            server.get(asked[number])
        except (click.ClickException, OSError, HTTPException) as problem:
            return str(problem)
        return time.perf_counter() - due

    with ThreadPoolExecutor(200) as threads:
        answers = list(threads.map(ask, range(len(asked))))
    times = sorted(answer for answer in answers if isinstance(answer, float))
    errors = [answer for answer in answers if isinstance(answer, str)]
    return {
        "requests": len(answers),
        "errors": errors,
        **{f"p{part}": times[int(len(times) * part / 100)] for part in (50, 95, 99)},
        "most": times[-1],
        "cpu_seconds": server.cpu_seconds(),
        "peak_mb": server.peak_mb(),
    }


def print_tables(result: dict[str, Any], console: Console) -> None:
    """The figures for people."""
    table = Table(title=f"{result['accounts']:,} accounts, medians in ms")
    for title in ("page", "aim", "server", "its CPU", "SQL alone", "ratio"):
        table.add_column(title, justify="left" if title == "page" else "right")
    table.add_row("first table, cold", "", f"{1000 * result['first table, cold']:.0f}")
    for kind, took in result["pages"].items():
        page, cpu, bare = (f"{1000 * took[name]:.0f}" for name in ("page", "cpu", "bare"))
        ratio = f"{took['page'] / took['bare']:.1f}"
        table.add_row(kind, str(AIMS.get(kind, "")), page, cpu, bare, ratio)
    console.print(table)
    console.print(f"Memory of the server at most: {result['peak_mb']:.0f} MB")
    if load := result.get("load"):
        console.print(
            f"{load['requests']} requests, {RATE} a second: {len(load['errors'])} errors; "
            + ", ".join(f"{name} {1000 * load[name]:.0f} ms" for name in ("p50", "p95", "p99"))
            + f", at most {1000 * load['most']:.0f} ms; CPU of the server"
            f" {load['cpu_seconds']:.0f} s, memory {load['peak_mb']:.0f} MB"
        )


if __name__ == "__main__":
    main()
