"""Health on Spark has the rows that DuckDB has: the first load of a small company.

In one process; `make spark` installs Spark, and compares more on a cluster.
"""

import math
from datetime import date, timedelta

import duckdb
import pytest
import spark_cluster
from both_engines import Company, one_form
from raw_texts import NUMBERS, TEXTS, TIMES, write_texts
from spark_cluster import Cluster

from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.sample_data import write_sample
from orchestration.warehouse.duckdb_files import in_memory

END = date(2026, 11, 22)
# The others are tables of texts, with rows that break the rules.
TYPED = ("invoices", "risk_assessments", "subscriptions", "touchpoints")
DOUBLES = [
    *("0.0", "-0.0", "1.0", "1234567.0", "0.1", "123456.789012", "1e14", "1e15", "2.5"),
    *("12345678.5", "0.00025", "-98765432.125"),
]
SCORES = [(7.142857142857, 0.3), (10.0, 0.25), (3.333333333333, 0.2), (6.666666666667, 0.15)]
UNITS = ["days", "open tickets", "status", "units of use", "s", "bus", "mins"]
# What is asked of a text, by the kinds of texts that it is asked of.
EXPRESSIONS = [
    *((TIMES, "parse_time(text)"), (NUMBERS, "parse_number(text)")),
    *((NUMBERS, "parse_grouped_number(text)"), (TEXTS, "trimmed(text)"), (UNITS, "singular(text)")),
    *((DOUBLES, "number_text(number)"), (DOUBLES, "rounded_as_written(number, 1)")),
    ([*DOUBLES, "nan", "inf", "-inf"], "native_text(number, 'DOUBLE')"),
    (TEXTS, "json_record(['text', 'nothing'])"),
    (TEXTS, "record_as_known(json_record(['text', 'nothing']))"),
]


@pytest.fixture(scope="module")
def company(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("company")
    write_sample(folder / "sample", accounts=30, days=30, end_date=END)
    write_texts(folder / "sample", folder / "raw", TYPED)
    spark_cluster.load_raw(cluster, folder / "raw")
    return Company(folder / "raw", folder, cluster)


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
