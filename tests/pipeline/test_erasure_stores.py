"""Rows of those who are erased, or of dates to come, go from DuckDB's tables and from Spark's."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import click
import duckdb
import pytest
from spark_cluster import Cluster as RunningCluster

from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.erasure.dates import dates_since
from orchestration.erasure.rows import count_rows, first_date_with_them, remove_rows
from orchestration.erasure.stores import PUBLICATIONS, Cluster, Store, WarehouseFile
from orchestration.stewardship.forget import forget_dates
from orchestration.warehouse import spark, spark_erasures, spark_scratch
from orchestration.warehouse.erasure_list import Erasure

ACCOUNT, USER = "acct-it's 10", "user-\\77"
ERASED = [Erasure("account", ACCOUNT), Erasure("user", USER)]
DAY, NEXT, LAST = (date(2026, 11, day) for day in (20, 21, 22))
# Each table's columns, and its rows as SQL: {account} and {user} are erased.
TABLES = {
    "health.account_health_history": (
        "health_date date, account_id string, parent_account_id string, main_reason string,"
        " config_version string",
        "(date '2026-11-20', {account}, null, null, 'v1'),"
        " (date '2026-11-20', 'a', {account}, concat('parent is ', {account}), 'v0'),"
        " (date '2026-11-21', 'a', 'acct-2', 'parent is acct-2', 'v1'),"
        " (date '2026-11-22', 'a', null, null, 'v1')",
    ),
    "health.account_signals": (
        "health_date date, account_id string, signal_id string, observed string",
        "(date '2026-11-22', 'a', 'parent_account_id', {account}),"
        " (date '2026-11-22', 'a', 'region', {account})",
    ),
    "health.int_properties": (
        "account_id string, property_id string, value_text string",
        "('a', 'parent_account_id', {account}), ('a', 'region', {account})",
    ),
    "health.account_rollup": (
        "health_date date, parent_account_id string",
        "(date '2026-11-22', {account}), (date '2026-11-22', 'acct-2')",
    ),
    "health.rejected_records": (
        "table_name string, record_key string, record string",
        "('users', {user}, null), ('tickets', {user}, null),"
        " ('events', '1', concat('{{\"account_id\": \" ', {account}, ' \"}}')),"
        " ('events', '2', '{{\"account_id\": \"a\"}}')",
    ),
    "health.source_status": (
        "health_date date, table_name string, rows_before_date bigint",
        "(date '2026-11-20', 'tickets', 1), (date '2026-11-21', 'tickets', 1),"
        " (date '2026-11-22', 'tickets', 3)",
    ),
    "health.health_config_versions": (
        "config_version string, first_used_on date, last_used_on date",
        "('v0', date '2026-11-20', date '2026-11-20'),"
        " ('v1', date '2026-11-20', date '2026-11-22'),"
        " ('v2', date '2026-11-22', date '2026-11-22')",
    ),
    "intermediate.int_source_days": (
        "table_name string, event_day date, rows_read bigint, rows_rejected bigint",
        "('tickets', date '2026-11-19', 3, 1)",
    ),
    "intermediate.int_validated_events": (
        "event_day date, account_id string, user_id string",
        "(date '2026-11-18', 'a', {user}), (date '2026-11-19', 'a', 'user-7')",
    ),
    "intermediate.int_account_days": ("event_day date, account_id string", "(null, 'a')"),
    "intermediate.int_users_compacted": ("user_id string", "('user-7')"),
    "operations.alert_deliveries": (
        "health_date date, account_id string, status string",
        "(date '2026-11-22', 'a', 'sent'), (date '2026-11-22', 'a', 'failed')",
    ),
}
MANIFEST = {
    "nodes": {
        name: {
            "resource_type": "model",
            "schema": name.split(".")[0],
            "name": name.split(".")[1],
            "config": {"materialized": "view" if name.endswith("view") else "table"},
        }
        for name in (*TABLES, "health.some_view", "health.not_there_yet")
        if not name.startswith("operations.")
    }
}


@pytest.fixture(params=["duckdb", "spark"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """The tables, in a file of DuckDB's or on a cluster."""
    if request.param == "spark":
        yield request.getfixturevalue("filled_on_spark")
        return
    with duckdb.connect() as connection:
        found = WarehouseFile(connection)
        fill(found)
        yield found


@pytest.fixture
def on_spark(asked: None) -> Iterator[Cluster]:
    with spark.connected() as session:
        others = [name for name in session.schemas() if name != "default"]
        spark_scratch.drop(session, others)
        yield Cluster(session, MANIFEST)


@pytest.fixture
def filled_on_spark(on_spark: Cluster) -> Cluster:
    fill(on_spark)
    return on_spark


def fill(store: Store) -> None:
    using = " using iceberg" if isinstance(store, Cluster) else ""
    literal = spark.literal if isinstance(store, Cluster) else duckdb_literal
    for schema in sorted({table.split(".")[0] for table in TABLES}):
        store.execute(f"create schema {schema}")
    for table, (columns, rows) in TABLES.items():
        named = [column.split(" ") for column in columns.split(", ")]
        typed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in named)
        values = rows.format(account=literal(ACCOUNT), user=literal(USER))
        store.execute(
            f"create table {table}{using} as select {typed} from (values {values})"
            f" as given ({', '.join(name for name, _ in named)})"
        )


def duckdb_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def remove(store: Store) -> dict[str, int]:
    store.name_erased(ERASED)
    counts = count_rows(store, report)
    remove_rows(store, counts, report)
    return counts


def report(done: int, total: int, table: str) -> None:
    assert 0 <= done < total
    assert "." in table


def test_rows_of_them_go_and_those_of_others_stay(store: Store) -> None:
    counts = remove(store)
    assert counts == {
        "health.account_health_history": 1,
        "health.account_rollup": 1,
        "health.rejected_records": 2,
        "intermediate.int_validated_events": 1,
    }
    assert store.rows("select account_id from health.account_health_history") == [("a",)] * 3
    assert store.rows("select parent_account_id from health.account_rollup") == [("acct-2",)]
    assert store.rows("select user_id from intermediate.int_validated_events") == [("user-7",)]
    assert sorted(store.rows("select table_name, record_key from health.rejected_records")) == [
        ("events", "2"),
        ("tickets", USER),
    ]
    assert count_rows(store, report) == {}

    # What others' rows say of a parent goes too.
    assert store.rows(
        "select parent_account_id, main_reason from health.account_health_history"
        " order by health_date"
    ) == [(None, None), ("acct-2", "parent is acct-2"), (None, None)]
    observed = "select observed from health.account_signals order by signal_id"
    assert store.rows(observed) == [(None,), (ACCOUNT,)]
    assert store.rows("select property_id from health.int_properties") == [("region",)]

    # Sums of events are made again from those that are kept, where there were any of them.
    assert "intermediate.int_account_days" not in map(str, store.tables())
    assert store.rows("select * from intermediate.int_users_compacted") == []
    store.execute("insert into intermediate.int_users_compacted values ('user-7')")
    remove(store)
    assert store.rows("select * from intermediate.int_users_compacted") == [("user-7",)]


def test_dates_are_calculated_again_where_only_they_make_the_difference(store: Store) -> None:
    store.name_erased(ERASED)
    since = first_date_with_them(store)
    assert since == date(2026, 11, 18)
    dates = dates_since(store, since, events_from=date(2026, 11, 18))
    assert dates.again == [(NEXT, NEXT)]
    assert dates.out_of_raw == [(LAST, LAST)], "three tickets then, two now"
    assert dates.previous_configuration == [(DAY, DAY)]
    # Events are read again from three days before a date on, and there are earlier ones.
    assert dates_since(store, since, events_from=date(2026, 11, 19)).again == []
    assert dates_since(store, since, events_from=None).again == [(NEXT, NEXT)]
    assert dates_since(store, None, events_from=None).again == []


def test_dates_to_come_are_forgotten(store: Store) -> None:
    forget_dates(store, NEXT)
    for table in ("account_health_history", "source_status"):
        assert store.rows(f"select max(health_date) from health.{table}") == [(NEXT,)]
    assert store.rows("select status from operations.alert_deliveries") == [("sent",)]
    used = "select config_version, last_used_on from health.health_config_versions order by 1"
    assert store.rows(used) == [("v0", DAY), ("v1", NEXT)]


def test_no_file_of_a_cluster_has_them(cluster: RunningCluster, filled_on_spark: Cluster) -> None:
    """A deleted row lies in the files of former snapshots, by which publications are read."""
    session = filled_on_spark.session
    session.execute(f"create table {PUBLICATIONS} (run_id string) using iceberg")
    session.execute(f"insert into {PUBLICATIONS} values ('r1')")
    session.execute("create table health.of_an_old_model (account_id string) using iceberg")
    session.execute("create view health.some_view as select 1 as one")
    session.execute("create view health.not_there_yet as select 1 as a_view_so_far")
    scratch = f"{spark_scratch.PREFIX}20261122_0a1b2c3d_health"
    session.execute(f"create schema {scratch}")
    session.execute(
        f"create table {scratch}.copied using iceberg as"
        " select * from health.account_health_history"
    )
    assert names_in_files(cluster) == {ACCOUNT, USER}
    remove(filled_on_spark)
    assert names_in_files(cluster) == {ACCOUNT, USER}
    filled_on_spark.delete_copies(report)
    # Whose rows say it of something else, and the list.
    left = ("account_signals", "int_properties", "rejected_records", "erasure_list")
    assert names_in_files(cluster, left) == set()
    assert not bounds_of_files_that_are_gone(session, map(str, filled_on_spark.tables()))
    assert session.rows(f"select * from {PUBLICATIONS}") == []
    assert scratch not in session.schemas()
    assert filled_on_spark.unknown_tables() == ["health.of_an_old_model"]


def bounds_of_files_that_are_gone(session: spark.Session, tables: Iterable[str]) -> list[str]:
    """Tables whose manifests still say of such a file what its columns held at least and most."""
    deleted = "select count(*) from {}.entries where status = 2"
    return [table for table in tables if session.rows(deleted.format(table)) != [(0,)]]


def names_in_files(cluster: RunningCluster, left_out: tuple[str, ...] = ()) -> set[str]:
    """Who is named in the files of tables, as far as these are of rows."""
    found = set()
    for file in cluster.events.parent.rglob("*.parquet"):
        if not any(name in file.parts for name in left_out):
            text = str(duckdb.sql(f"from '{file}'").fetchall())
            found |= {name for name in (ACCOUNT, USER) if name in text or repr(name)[1:-1] in text}
    return found


def test_the_list_of_a_cluster_is_the_one_of_the_house(on_spark: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "erasures.csv"

    def send(*entries: Erasure) -> list[str]:
        """Of which kinds somebody is to be erased, to a session that begins afterwards."""
        rows = [f'{entry.kind},"{entry.id}",2026-11-22' for entry in entries]
        file.write_text("\n".join(["kind,id,requested_at", *rows]))
        spark_erasures.send(file)
        with spark.connected() as session:
            return DbtMacros(session, engine="spark").erased_kinds()

    assert DbtMacros(on_spark.session, engine="spark").erased_kinds() == [], "no list was sent"
    for _ in range(2):
        assert send(*ERASED) == ["account", "user"]
        with spark.connected() as session:
            assert set(session.rows(f"select kind, id from {spark_erasures.TABLE}")) == {
                ("account", ACCOUNT),
                ("user", USER),
            }
            [(commits,)] = session.rows(f"select count(*) from {spark_erasures.TABLE}.snapshots")
            assert commits == 1, "nothing is written where nothing changed"
    assert send(ERASED[1]) == ["user"]
    file.unlink()
    with pytest.raises(click.ClickException, match="no .*erasures.csv, and the cluster's"):
        spark_erasures.send(file)
    assert send() == []
    file.unlink()
    spark_erasures.send(file)


def test_a_file_of_a_warehouse_is_named_as_it_is(tmp_path: Path) -> None:
    """Whatever somebody has called a table of their own."""
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        store = WarehouseFile(connection)
        store.execute('create table "of ""mine" (account_id varchar)')
        store.execute(f'insert into "of ""mine" values ({duckdb_literal(ACCOUNT)})')
        assert remove(store) == {'main.of "mine': 1}
        assert store.rows('from "of ""mine"') == []
