"""What docs/other_engines.md says that sqlglot says of the models is what it says."""

from pathlib import Path

import sqlglot

from docs import write_other_engines
from docs.write_other_engines import FAILS, NOT_READ, compiled_models, counted, kinds_in, renewed


def test_the_page_has_the_counts(tmp_path: Path) -> None:
    page = write_other_engines.PAGE.read_text(encoding="utf-8")
    assert renewed(page, counted(compiled_models(tmp_path))) == page, "run: make engines"


def test_what_an_engine_lacks_is_a_kind() -> None:
    model = sqlglot.parse_one(
        "select first_value(a ignore nulls) over (), fsum(b) from t", read="duckdb"
    )
    assert list(kinds_in(model, "snowflake")) == [
        "a function that sqlglot does not know stays as it is: `fsum`"
    ]
    assert "PostgreSQL does not support IGNORE NULLS" in set(kinds_in(model, "postgres"))


def test_plain_sql_has_no_kind() -> None:
    model = sqlglot.parse_one("select a, count(*) as n from t group by a", read="duckdb")
    for engine in write_other_engines.ENGINES:
        assert not {FAILS, NOT_READ} & set(kinds_in(model, engine))
        assert not list(kinds_in(model, engine))
