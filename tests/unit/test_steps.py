"""Models in steps (`macros/dates/steps.sql`): all steps together, and each by itself."""

from collections.abc import Iterator

import duckdb
import pytest
from jinja2 import ChainableUndefined, Environment

from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.warehouse.duckdb_files import in_memory

MODEL = """
-- The numbers.
{% for step in in_steps(steps) -%}
{{ step.opening }}
with

numbers as (

    select range as number from range(10)

)

select number from numbers
where number between {{ step.first }} and {{ step.last }}
order by number
{{ step.closing }}
{%- endfor %}
"""
NUMBERS = [(number,) for number in range(10)]


@pytest.fixture
def macros() -> Iterator[DbtMacros]:
    with in_memory() as connection:
        yield DbtMacros(connection)


def sql_of(macros: DbtMacros, *steps: tuple[int, int]) -> str:
    given = [{"first": first, "last": last} for first, last in steps]
    return macros.jinja.from_string(MODEL).render(steps=given)


def rows(macros: DbtMacros, sql: str) -> list[tuple]:
    return macros.connection.execute(sql).fetchall()


def test_one_step_is_the_plain_statement(macros: DbtMacros) -> None:
    sql = sql_of(macros, (0, 9))
    assert "union all" not in sql
    assert macros.statements_in_steps(sql) == [sql]
    assert rows(macros, sql) == NUMBERS


def test_several_steps_are_right_together_and_one_by_one(macros: DbtMacros) -> None:
    sql = sql_of(macros, (0, 3), (4, 8), (9, 9))
    assert sorted(rows(macros, sql)) == NUMBERS
    parts = [rows(macros, statement) for statement in macros.statements_in_steps(sql)]
    assert parts == [NUMBERS[:4], NUMBERS[4:9], NUMBERS[9:]]


def test_a_step_knows_whether_it_is_the_first_and_the_last(macros: DbtMacros) -> None:
    steps = macros.in_steps([{}, {}, {}])
    assert [step["is_first"] for step in steps] == [True, False, False]
    assert [step["is_last"] for step in steps] == [False, False, True]


def test_a_filter_by_no_step_is_no_sql(macros: DbtMacros) -> None:
    """dbt renders what is not defined as nothing, and so does this environment."""
    outside = "select * from range(10) where range between {{ step.first }} and {{ step.last }}"
    sql = Environment(undefined=ChainableUndefined).from_string(outside).render()
    with pytest.raises(duckdb.ParserException):
        rows(macros, sql)
