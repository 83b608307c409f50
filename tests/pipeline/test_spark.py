"""Health on Spark has the rows that DuckDB has: a small company, a first load and a night.

`make spark` installs Spark, and compares more.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest
import spark_cluster
from both_engines import Company, one_form
from spark_cluster import Cluster

from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.sample_data import write_sample
from orchestration.warehouse.duckdb_files import in_memory

END = date(2026, 11, 22)
TIMES = [
    *("2026-11-22", "2026/1/5", "20261122", "2026-11-22T09:05", "2026-11-22 9:05:07"),
    *("2026-11-22 09:05:07.123456789", "2026-11-22T09:05:07,5Z", "2026-11-22 09:05 utc"),
    *("2026-11-22T23:30:00-01:45", "2026-11-22T00:30:00+0530", "2026-11-22 10:00 +02 UTC"),
    *("1763805907", "1763805907123", "1763805907123456", "176380590"),
    *("2026-02-30", "2026-13-01", "2026-1/5", "0000-01-01", "2026-11-22T24:00", "yesterday", "-"),
    *("2026-11-22T09", "2026-11-22 09:05:07 PM", "2026-11-22T09:60"),
]
NUMBERS = [
    *("1", "-1.5", "+2", ".5", "5.", "1e3", "1E-2", "1,234.5", "12,34", "0,123", "1e400", "nan"),
    *("1,234,567", "", "one", "١", "0x10", "1_000", "--1"),
]
TEXTS = ["a", " a ", "\ta\n", "\u00a0a\u3000", " ", "", "it's", "back\\slash", "a b", "\u200ba"]
DOUBLES = [
    *("0.0", "-0.0", "1.0", "1234567.0", "0.1", "123456.789012", "1e14", "1e15", "2.5"),
    *("12345678.5", "0.00025", "-98765432.125"),
]
UNITS = ["days", "open tickets", "status", "units of use", "s", "bus", "mins"]
# What is asked of a text, by the kinds of texts that it is asked of.
EXPRESSIONS = [
    *((TIMES, "parse_time(text)"), (NUMBERS, "parse_number(text)")),
    *((NUMBERS, "parse_grouped_number(text)"), (TEXTS, "trimmed(text)"), (UNITS, "singular(text)")),
    *((DOUBLES, "number_text(number)"), (DOUBLES, "rounded_as_written(number, 1)")),
    (DOUBLES, "native_text(number, 'DOUBLE')"),
    (TEXTS, "json_record(['text', 'nothing'])"),
    (TEXTS, "record_as_known(json_record(['text', 'nothing']))"),
]


class SparkMacros(DbtMacros):
    """The macros as Spark spells them."""

    def dispatched(self, name: str, package: str | None = None):
        own = f"spark__{name}"
        return self.macro(own) if own in self.texts else super().dispatched(name, package)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if not spark_cluster.is_installed():
        pytest.skip("Spark is not installed; `make spark` does so, and needs Java 17")
    with spark_cluster.running(tmp_path_factory.mktemp("spark")) as running:
        yield running


@pytest.fixture(scope="module")
def company(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("company")
    write_sample(folder / "raw", accounts=30, days=60, end_date=END)
    spark_cluster.load_raw(cluster, folder / "raw")
    return Company(folder / "raw", folder, cluster)


@pytest.mark.parametrize(("texts", "expression"), EXPRESSIONS, ids=lambda value: str(value)[:40])
def test_a_value_reads_the_same(cluster: Cluster, texts: list[str], expression: str) -> None:
    with in_memory() as connection:
        expected = values(connection, DbtMacros(connection), texts, expression)
    with in_memory() as connection, cluster.cursor() as cursor:
        assert values(cursor, SparkMacros(connection), texts, expression) == expected


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


def test_a_first_load_and_a_night_have_the_rows_of_duckdb(company: Company) -> None:
    company.load_configuration()
    for day in (END - timedelta(days=2), END - timedelta(days=1)):
        company.calculate_on_duckdb(day, day)
        company.calculate_on_spark(day, day)
        sentences, tables, rows = company.differences()
        assert not sentences, "\n".join(sentences)
        assert tables > 25 and rows > 5_000
