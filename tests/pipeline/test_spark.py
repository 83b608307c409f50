"""Health on Spark has the rows that DuckDB has: the first load of a small company.

In one process; `make spark` installs Spark, and compares more on a cluster.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import click
import duckdb
import pytest
import spark_cluster
from both_engines import Company, one_form
from click.testing import CliRunner, Result
from raw_texts import NUMBERS, TEXTS, TIMES, write_texts
from spark_cluster import Cluster
from time_formats import TIME_FORMATS, TIMES_IN_FORMATS, WRONG_TIME_FORMATS

from orchestration.cli import main
from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.sample_data import write_sample
from orchestration.warehouse import spark_raw
from orchestration.warehouse.duckdb_files import in_memory

END = date(2026, 11, 22)
# The others are tables of texts, with rows that break the rules.
TYPED = ("invoices", "risk_assessments", "subscriptions", "touchpoints")
# Registered as files; the others are Iceberg tables.
REGISTERED = ("tickets", "touchpoints")
DOUBLES = [
    *("0.0", "-0.0", "1.0", "1234567.0", "0.1", "123456.789012", "1e14", "1e15", "2.5"),
    *("12345678.5", "0.00025", "-98765432.125"),
]
SCORES = [(7.142857142857, 0.3), (10.0, 0.25), (3.333333333333, 0.2), (6.666666666667, 0.15)]
UNITS = ["days", "open tickets", "status", "units of use", "s", "bus", "mins"]
FORMATS = [*WRONG_TIME_FORMATS, *TIME_FORMATS, *TIMES_IN_FORMATS, "a" * 9_000, "%d" * 200, ""]
# What is asked of a text, by the kinds of texts that it is asked of.
EXPRESSIONS = [
    *((TIMES, "parse_time(text)"), (NUMBERS, "parse_number(text)")),
    *((NUMBERS, "parse_grouped_number(text)"), (TEXTS, "trimmed(text)"), (UNITS, "singular(text)")),
    *((DOUBLES, "number_text(number)"), (DOUBLES, "rounded_as_written(number, 1)")),
    ([*DOUBLES, "nan", "inf", "-inf"], "native_text(number, 'DOUBLE')"),
    (TEXTS, "json_record(['text', 'nothing'])"),
    (TEXTS, "record_as_known(json_record(['text', 'nothing']))"),
    *(
        (texts, f"parse_time(text, {[time_format]})")
        for time_format, texts in TIMES_IN_FORMATS.items()
    ),
    (["1/2/2024", "13/2/2024", "2/13/2024"], "parse_time(text, ['%d/%m/%Y', '%m/%d/%Y'])"),
    # Before and after all that Python calls a time.
    (TIMES, "epoch_seconds(parse_time(text, ['%Y-%d-%m', '%Y-%m-%dT%H', '%Y-%m-%d %T %p']))"),
    (["0", "1", "0001", "9999"], "epoch_seconds(parse_time(text, ['%Y']))"),
    (["0000 +99", "1 +01", "9999 -99"], "epoch_seconds(parse_time(text, ['%Y %z']))"),
    (FORMATS, "is_time_format(text)"),
]


@pytest.fixture(scope="module")
def company(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("company")
    write_sample(folder / "sample", accounts=30, days=30, end_date=END)
    write_texts(folder / "sample", folder / "raw", TYPED)
    split(folder / "raw" / "touchpoints.parquet")
    spark_cluster.load_raw(cluster, folder / "raw", REGISTERED)
    company = Company(folder / "raw", folder, cluster)
    for table, path in (("tickets", "tickets.parquet"), ("touchpoints", "touchpoints")):
        done = register(company, table, company.raw / path)
        assert done.exit_code == 0, done.output
    return company


def split(file: Path) -> None:
    """A folder of two Parquet files in place of one; the second, deeper, lacks columns."""
    deeper = file.with_suffix("") / "deeper"
    deeper.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.read_parquet(str(file)).create("rows")
        half = "touchpoint_id in (select touchpoint_id from rows order by all limit 50)"
        for sql, target in (
            (f"select * from rows where {half}", deeper.parent / "first.parquet"),
            (
                f"select * exclude (subject, direction) from rows where not {half}",
                deeper / "second.parquet",
            ),
        ):
            connection.execute(f"copy ({sql}) to '{target}' (format parquet)")
    file.unlink()


def register(company: Company, table: str, path: Path | str) -> Result:
    """What `health register` answers."""
    environment = {
        **asking(company.cluster),
        "HEALTH_RAW_DIR": str(company.folder / "no raw files"),
        "HEALTH_DB_PATH": str(company.folder / "registering" / "warehouse.duckdb"),
    }
    return CliRunner().invoke(main, ["register", table, str(path)], env=environment)


def asking(cluster: Cluster) -> Mapping[str, str]:
    """The environment in which health asks the cluster."""
    return {"HEALTH_TARGET": "spark", "HEALTH_SPARK_PORT": str(cluster.port)}


@pytest.fixture(scope="module")
def first_load(company: Company) -> Company:
    """Calculated on both engines."""
    day = END - timedelta(days=1)
    company.calculate_on_duckdb(day, day)
    company.load_configuration()
    company.calculate_on_spark(day, day)
    return company


@pytest.mark.parametrize(("texts", "expression"), EXPRESSIONS, ids=lambda value: str(value)[:40])
def test_a_value_reads_the_same(cluster: Cluster, texts: list[str], expression: str) -> None:
    with in_memory() as connection:
        expected = values(connection, DbtMacros(connection), texts, expression)
    with in_memory() as connection, cluster.cursor() as cursor:
        assert values(cursor, DbtMacros(connection, engine="spark"), texts, expression) == expected


def values(
    connection: duckdb.DuckDBPyConnection, macros: DbtMacros, texts: list[str], expression: str
) -> dict[str, object]:
    """What an expression of macros makes of each text, or of the number that it says."""
    rows = " union all ".join(
        f"select {macros.quoted(text)} as text, {place} as place"
        for place, text in enumerate(texts)
    )
    sql = macros.jinja.from_string("{{ " + named(expression) + " }}").render()
    connection.execute(
        f"select {sql} from (select text, place, cast(null as string) as nothing"
        f"{', cast(text as double) as number' if 'number' in expression else ''}"
        f" from ({rows}) as texts) as given order by place"
    )
    return dict(zip(texts, (one_form(value) for [value] in connection.fetchall()), strict=True))


def named(expression: str) -> str:
    """The columns of an expression as texts, which is how macros take them."""
    return expression.replace("(text", "('text'").replace("(number", "('number'")


def test_sums_of_doubles_are_the_same_in_any_order(cluster: Cluster) -> None:
    groups = [
        *([0.1] * 10, [1e15, 0.1, -1e15, 0.1], [7.123456789012, 0.35, 2.5, 1e-12]),
        *([score * weight for score, weight in SCORES], [3.3, None, 1.1], [None], [None, 2.0]),
    ]
    with in_memory() as connection:
        expected = sums(connection, DbtMacros(connection), groups)
    assert expected == [
        math.fsum(known) if (known := [number for number in group if number is not None]) else None
        for group in groups
    ]
    with in_memory() as connection, cluster.cursor() as cursor:
        macros = DbtMacros(connection, engine="spark")
        for ordered in (groups, [group[::-1] for group in groups]):
            assert sums(cursor, macros, ordered) == expected


def sums(
    connection: duckdb.DuckDBPyConnection, macros: DbtMacros, groups: list[list[float | None]]
) -> list[float | None]:
    """The exact sum of each group."""
    rows = " union all ".join(
        f"select {place} as place, cast('{number!r}' as double) as number"
        if number is not None
        else f"select {place} as place, cast(null as double) as number"
        for place, group in enumerate(groups)
        for number in group
    )
    total = macros.jinja.from_string("{{ exact_sum('number') }}").render()
    connection.execute(f"select {total} from ({rows}) as numbers group by place order by place")
    return [total for [total] in connection.fetchall()]


def test_a_first_load_has_the_rows_of_duckdb(first_load: Company) -> None:
    sentences, tables, rows = first_load.differences()
    assert not sentences, "\n".join(sentences)
    assert tables > 25 and rows > 5_000


def test_no_raw_row_is_compared_with_every_account(first_load: Company, cluster: Cluster) -> None:
    """A nested loop over events and accounts has the same rows, and no end where both are many."""
    files = [
        file
        for file in (first_load.folder / "spark" / "target" / "compiled").rglob("*.sql")
        if file.stem.startswith("base_") or file.stem == "int_validated_events"
    ]
    assert len(files) > 10
    with cluster.cursor() as cursor:
        for file in files:
            cursor.execute(f"explain {file.read_text()}")
            [[plan]] = cursor.fetchall()
            assert "Scan" in plan, file.stem
            assert "NestedLoop" not in plan and "Cartesian" not in plan, f"{file.stem}:\n{plan}"


@pytest.mark.parametrize("table", ["pillar_metrics_history", "account_properties"])
def test_files_are_in_the_order_of_accounts(
    first_load: Company, cluster: Cluster, table: str
) -> None:
    """So that who asks for one account passes over most of a file."""
    with cluster.cursor() as cursor:
        cursor.execute(f"select _file, account_id from health.{table} order by _file, _pos")
        stored = cursor.fetchall()
    assert len(stored) > 100
    assert stored == sorted(stored)


@pytest.fixture
def rates(company: Company) -> Iterator[Path]:
    """A folder for Parquet files, hard to quote; nothing of them stays on the cluster."""
    folder = company.folder / "rates" / "it's `odd` \"%20 #:é,;$&="
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    with company.cluster.cursor() as cursor:
        cursor.execute("drop table if exists raw.exchange_rates")
    for file in folder.iterdir():
        file.unlink()


def write(file: Path, sql: str) -> None:
    with duckdb.connect() as connection:
        connection.sql(sql).write_parquet(str(file))


def rows_of(cluster: Cluster, columns: str = "*") -> list[tuple]:
    """The rows of the raw table as a new session sees them."""
    with cluster.cursor() as cursor:
        cursor.execute(f"select {columns} from raw.exchange_rates order by currency")
        return cursor.fetchall()


def fingerprint(cluster: Cluster) -> str:
    """What tells the sensor whether raw data have changed."""
    with asked_in_here(cluster):
        return spark_raw.fingerprint(raw_definitions())


def register_again(cluster: Cluster) -> list[str]:
    """What a run does when it begins."""
    with asked_in_here(cluster):
        return spark_raw.register_again(raw_definitions())


@contextmanager
def asked_in_here(cluster: Cluster) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in asking(cluster).items():
            patch.setenv(name, value)
        yield


EURO = "select 'eur' as currency, date '1850-01-01' as rate_on, 1.5 as rate"


def test_files_are_read_where_they_are(company: Company, rates: Path) -> None:
    write(rates / "a.parquet", EURO)
    write(rates / "b.parquet", f"{EURO.replace('eur', 'gbp')}, 'x' as note")
    done = register(company, "exchange_rates", rates)
    assert "2 rows" in done.output and "Columns ignored: note." in done.output, done.output
    day = date(1850, 1, 1)
    columns = "currency, cast(rate_on as string), cast(rate as double), note"
    assert rows_of(company.cluster, columns) == [
        ("eur", str(day), 1.5, None),
        ("gbp", str(day), 1.5, "x"),
    ]


def test_files_that_are_added_are_read_and_noticed(company: Company, rates: Path) -> None:
    write(rates / "a.parquet", EURO)
    assert register(company, "exchange_rates", rates).exit_code == 0
    before = fingerprint(company.cluster)
    assert fingerprint(company.cluster) == before
    write(rates / "b.parquet", f"{EURO.replace('eur', 'gbp')}, 'x' as note")
    assert fingerprint(company.cluster) != before
    # A column that is new is read when the next run has begun.
    assert [len(row) for row in rows_of(company.cluster)] == [3, 3]
    assert register_again(company.cluster) == ["exchange_rates"]
    assert [len(row) for row in rows_of(company.cluster)] == [4, 4]
    assert register_again(company.cluster) == []
    write(rates / "c.parquet", EURO.replace("1.5", "2"))
    with pytest.raises(click.ClickException, match=r"from file to file: rate \("):
        register_again(company.cluster)


def test_names_of_folders_are_texts_of_a_column(company: Company, rates: Path) -> None:
    folder = company.folder / "partitioned rates"
    for currency in ("007", "008"):
        (folder / f"currency={currency}").mkdir(parents=True)
    write(folder / "currency=007" / "a.parquet", "select date '2026-01-01' as rate_on, 1.5 as rate")
    assert register(company, "exchange_rates", folder).exit_code == 0
    write(folder / "currency=008" / "a.parquet", "select date '2026-01-01' as rate_on, 2.5 as rate")
    assert rows_of(company.cluster, "currency") == [("007",), ("008",)]


def test_a_snapshot_is_noticed(company: Company, rates: Path) -> None:
    with company.cluster.cursor() as cursor:
        cursor.execute("create table raw.exchange_rates (currency string) using iceberg")
        empty = fingerprint(company.cluster)
        cursor.execute("insert into raw.exchange_rates values ('eur')")
        assert fingerprint(company.cluster) != empty


def test_a_table_of_somebody_else_is_not_replaced(company: Company, rates: Path) -> None:
    write(rates / "a.parquet", EURO)
    with company.cluster.cursor() as cursor:
        cursor.execute("create view raw.exchange_rates as select 'own' as currency")
        try:
            done = register(company, "exchange_rates", rates)
            assert rows_of(company.cluster) == [("own",)]
        finally:
            cursor.execute("drop view raw.exchange_rates")
    assert "was not registered" in done.output


def text(folder: Path) -> None:
    (folder / "a.csv").write_text("currency,rate_on,rate\n")


def no_parquet(folder: Path) -> None:
    (folder / "part-0").write_text("currency,rate_on,rate\n")


def other_types(folder: Path) -> None:
    write(folder / "a.parquet", EURO)
    write(folder / "b.parquet", EURO.replace("date '", "'"))


def unfit_types(folder: Path) -> None:
    write(folder / "a.parquet", "select 'eur' as currency, [1.5] as rate")


def of_delta(folder: Path) -> None:
    write(folder / "a.parquet", EURO)
    (folder / "_delta_log").mkdir()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (text, "a.csv, which Spark reads by other rules than docs/raw_tables.md"),
        (no_parquet, "part-0 is not a Parquet file"),
        (other_types, "the type of a column differs from file to file: rate_on ("),
        (unfit_types, "column rate is of type array<decimal(2,1)>"),
        (unfit_types, "column rate_on is missing"),
        (of_delta, "is a table of Delta"),
        (lambda folder: None, "holds no files with data"),
        (Path.rmdir, "Path does not exist"),
    ],
    ids=["text", "no_parquet", "clash", "unfit", "missing", "delta", "empty", "no_folder"],
)
def test_what_cannot_be_registered_is_told_in_a_line(
    company: Company, tmp_path: Path, make: Callable[[Path], object], words: str
) -> None:
    make(tmp_path)
    done = register(company, "exchange_rates", tmp_path)
    assert done.exit_code == 1 and words in done.output, done.output
    assert str(tmp_path) in done.output and len(done.output.splitlines()) == 1
    with company.cluster.cursor() as cursor:
        cursor.execute("show tables in raw like 'exchange_rates'")
        assert not cursor.fetchall()
