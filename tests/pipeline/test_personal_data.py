"""Personal data: which published columns hold some, and publications that show none.

Every raw column that may hold personal data is filled with unmistakable values. Where they come out
is the list of published columns that have to be marked, whatever is added later.
"""

import hmac
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import planted
import pytest
import yaml
from pipeline import Warehouse
from planted import END
from small_warehouse import query

import expectations
from orchestration.base.settings import Settings
from orchestration.publishing.personal_data import PUBLISHED, published_columns
from orchestration.publishing.publication import publish

START = END - timedelta(days=3)
# Raw texts that tell of a company or its product, or are words of a vocabulary.
OF_NO_PERSON = {
    "accounts": {"account_id", "account_name", "parent_account_id", "lifecycle_stage", "industry"}
    | {"region"},
    "account_attributes": {"account_id", "attribute"},
    "account_tags": {"account_id", "tag"},
    "users": {"account_id"},
    "events": {"event_id", "account_id", "feature", "module", "product"},
    "subscriptions": {"subscription_id", "account_id", "plan_id"},
    "invoices": {"invoice_id", "account_id"},
    "tickets": {"ticket_id", "account_id"},
    "touchpoints": {"touchpoint_id", "account_id", "direction"},
    "survey_responses": {"response_id", "account_id"},
    "risk_assessments": {"assessment_id", "account_id"},
    "health_overrides": {"override_id", "account_id"},
    "health_entries": {"entry_id", "account_id", "tag", "refers_to"},
}

# Marked for what they could hold: words of files that are no tables, and the keys, owners and
# details of failing checks, of which this world has none that names a person.
MARKED_ALL_THE_SAME = {
    ("raw_files", "columns_ignored"),
    ("raw_files", "problem"),
    ("check_failures", "record_key"),
    ("check_failures", "observed"),
    ("check_failures", "owner"),
    ("check_failures", "detail"),
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A warehouse of planted data, published as a whole and in both ways without."""
    folder = tmp_path_factory.mktemp("planted")
    planted.plant(folder / "raw")
    warehouse = Warehouse(folder / "w.duckdb", folder / "raw", planted.seeds(folder / "seeds"))
    patch = pytest.MonkeyPatch()
    patch.setenv("HEALTH_PUBLISH_PROFILES", "bi=without,team=pseudonyms")
    patch.setenv("HEALTH_PSEUDONYM_KEY", "a secret that nobody knows")
    patch.setenv("HEALTH_DB_PATH", str(warehouse.path))
    patch.setenv("HEALTH_RAW_DIR", str(warehouse.raw))
    settings = warehouse.settings
    reports = [expectations.run_raw_checks(settings, START, END)]
    warehouse.calculate(START, END)
    reports.append(expectations.run_pillar_checks(settings, START, END))
    reports.append(expectations.run_health_checks(settings, START, END))
    expectations.write_check_tables(settings, reports)
    publish(settings, "run", START, END)
    yield settings
    patch.undo()


def columns_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return connection.execute(
        """
        select table_name, column_name
        from duckdb_columns()
        where not internal and schema_name = 'health' and table_name not like 'publication%'
        """
    ).fetchall()


def test_every_raw_text_is_marked_or_of_no_person() -> None:
    unknown = {
        (table, name)
        for table, columns in planted.raw_columns().items()
        for name, meta in columns.items()
        if meta.get("kind", "text") == "text"
        and not meta.get("pii")
        and name not in OF_NO_PERSON.get(table, ())
    }
    assert not unknown, "say in the YAML whether they hold personal data (`meta: {pii: ...}`)"


def test_published_columns_with_personal_data_are_marked(settings: Settings) -> None:
    """Walks every text of every published table and view."""
    marked = {
        (table, column)
        for table, columns in published_columns().items()
        for column, mark in columns.items()
        if mark
    }
    came_out: dict[tuple[str, str], set] = {}
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        for table, column in columns_of(connection):
            rows = connection.execute(
                f'select distinct cast("{column}" as varchar) from health."{table}"'
                f' where "{column}" is not null'
            ).fetchall()
            found = set().union(*(planted.plants_in(text) for (text,) in rows))
            if found:
                came_out[table, column] = found
    assert set(came_out) - marked == set(), "mark them in the YAML with `meta: {pii: ...}`"
    assert marked - set(came_out) == set(MARKED_ALL_THE_SAME)


@pytest.mark.parametrize("name", ["bi", "team"])
def test_a_profile_has_no_value_of_a_marked_column(settings: Settings, name: str) -> None:
    folder = settings.published.with_name(f"published-{name}")
    file = folder / "account_health.duckdb"
    assert planted_bytes(settings.published), "the whole publication has some"
    assert not planted_bytes(folder)
    with duckdb.connect(str(file), read_only=True) as connection:
        columns = columns_of(connection)
        for table, column in columns:
            rows = connection.execute(f'select "{column}"::varchar from health."{table}"')
            assert not planted.plants_in(str(rows.fetchall())), (table, column)
    for path in (folder / "parquet").rglob("*.parquet"):
        assert not planted.plants_in(str(duckdb.sql(f"from '{path}'").fetchall())), path
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        assert columns_of(connection) == columns


@pytest.mark.parametrize("name", ["bi", "team"])
def test_a_profile_has_the_same_rows_and_keys(settings: Settings, name: str) -> None:
    """All that is not marked is the same, and no key of a table is null or lost."""
    file = settings.published.with_name(f"published-{name}") / "account_health.duckdb"
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        connection.execute(f"attach '{file}' as profile (read_only)")
        for table, columns in published_columns().items():
            kept = ", ".join(column for column, mark in columns.items() if not mark)
            keys = ", ".join(column for column, mark in columns.items() if mark and mark.is_key)
            for one, other in (("", "profile."), ("profile.", "")):
                assert not connection.execute(
                    f"select {kept} from {one}health.{table}"
                    f" except all select {kept} from {other}health.{table}"
                ).fetchall(), table
            if keys:
                [whole, hidden] = (
                    connection.execute(
                        f"select count(*), count(distinct row({keys})), {counts(keys)}"
                        f" from {database}health.{table}"
                    ).fetchall()
                    for database in ("", "profile.")
                )
                assert whole == hidden, table


def counts(columns: str) -> str:
    return ", ".join(f"count({column})" for column in columns.split(", "))


def test_keys_of_tables_are_marked_as_such() -> None:
    """What the tests of the models say is unique is what must not become null."""
    for file in sorted(PUBLISHED.rglob("*.yml")):
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", []):
            unique = {
                column
                for test in model.get("data_tests", [])
                if "unique_rows" in test
                for column in test["unique_rows"]["arguments"]["columns"]
            }
            unique |= {
                column["name"]
                for column in model["columns"]
                if "unique" in column.get("data_tests", [])
            }
            marks = published_columns()[model["name"]]
            keys = {column for column, mark in marks.items() if mark and mark.is_key}
            assert keys == {column for column in unique if marks[column]}, model["name"]


def test_number_signals_keep_their_values(settings: Settings) -> None:
    file = settings.published.with_name("published-bi") / "account_health.duckdb"
    sql = "select count(observed), count(*) from health.health_explanations where gap is not null"
    assert query(file, sql) == query(settings.published_file, sql)
    assert query(file, sql)[0][0] > 100


def test_a_person_has_one_pseudonym_everywhere(settings: Settings) -> None:
    folder = settings.published.with_name("published-team")
    managers = [
        {
            row[0]
            for row in query(
                folder / "account_health.duckdb", f"select distinct csm_email from health.{table}"
            )
        }
        for table in ("account_health", "account_health_history", "portfolio_health_history")
    ]
    assert managers[0] <= managers[1] == managers[2]
    assert len(managers[1]) == len(
        query(
            settings.published_file, "select distinct csm_email from health.account_health_history"
        )
    )
    [email] = query(
        settings.published_file, "select csm_email from health.account_health order by all limit 1"
    )[0]
    expected = hmac.new(b"a secret that nobody knows", email.lower().encode(), "sha256")
    assert expected.hexdigest()[:24] in managers[0]


def planted_bytes(folder: Path) -> set[str]:
    """Files below a folder with a planted value in their bytes."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and planted.plants_in(path.read_bytes().decode("latin-1"))
    }
