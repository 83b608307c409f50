"""What readers see: whole, in one step, the same in the file and as Parquet, and never spoilt."""

import os
import random
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click import ClickException
from pyarrow import dataset
from small_warehouse import DAY, calculate, make, query

from orchestration.base.settings import Settings
from orchestration.publishing import integrity, publication
from orchestration.publishing.publication import PublishingRefused, publish
from orchestration.warehouse.connections import writing
from orchestration.warehouse.published import reading_published

YESTERDAY = DAY - timedelta(days=1)
OBJECTS = """
    select table_name, column_name, data_type, is_nullable, comment
    from duckdb_columns()
    where schema_name = 'health' and table_name not like 'publication%'
    order by all
"""
COMMENTS = """
    select table_name, comment
    from duckdb_tables()
    where schema_name = 'health' and table_name not like 'publication%'
    union all
    select view_name, comment from duckdb_views() where schema_name = 'health'
    order by all
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make(tmp_path)


def parquet(settings: Settings, table: str) -> str:
    return f"read_parquet('{settings.published}/parquet/{table}/**/*.parquet')"


def lake(settings: Settings, table: str) -> list[tuple]:
    """The rows of a table as Parquet, its columns in the order of their names."""
    sql = f"from {parquet(settings, table)}"
    names = sorted(column[0] for column in duckdb.sql(f"describe {sql}").fetchall())
    return duckdb.sql(f"select {', '.join(names)} {sql} order by all").fetchall()


def warehouse_rows(settings: Settings, table: str) -> list[tuple]:
    names = sorted(row[0] for row in query(settings.warehouse, f"describe health.{table}"))
    return query(settings.warehouse, f"select {', '.join(names)} from health.{table} order by all")


def seen(settings: Settings) -> dict[str, bytes]:
    """Every byte that readers can get at."""
    paths = [settings.published_file, *(settings.published / "parquet").rglob("*")]
    return {
        str(path.relative_to(settings.published)): path.read_bytes()
        for path in paths
        if path.is_file()
    }


def files(settings: Settings) -> dict[str, int]:
    """Inode of each Parquet file: a new one means that it was rewritten."""
    folder = settings.published / "parquet"
    return {
        str(path.relative_to(folder)): path.stat().st_ino
        for path in folder.rglob("*.parquet")
        if not path.relative_to(folder).parts[0].startswith("publication")
    }


def test_readers_get_the_tables_and_views_of_schema_health(settings: Settings) -> None:
    publish(settings, "run-1", YESTERDAY, DAY)
    file = settings.published_file
    in_warehouse = OBJECTS.replace("where", "where not internal and")
    assert query(file, in_warehouse) == query(settings.warehouse, in_warehouse)
    comments = [row for row in query(settings.warehouse, COMMENTS) if row[1]]
    assert len(comments) == 2
    assert [row for row in query(file, COMMENTS) if row[1]] == comments
    schemas = "select distinct schema_name from duckdb_tables()"
    assert query(file, schemas) == [("health",)]
    for table in ("account_health_history", "account_health_last_60_days", "account_churn"):
        rows = f"from health.{table} order by all"
        assert query(file, rows) == query(settings.warehouse, rows) != []


def test_a_publication_says_what_it_carries(settings: Settings) -> None:
    publication = publish(settings, "run-1", YESTERDAY, DAY)
    [row] = query(settings.published_file, "from health.publication")
    assert row[:6] == ("run-1", "first", YESTERDAY, DAY, DAY - timedelta(days=2), DAY)
    assert row[6] == publication.published_at
    assert row[8:] == (duckdb.__version__, "v1.4.0")
    assert lake(settings, "publication") == [
        tuple(value for _, value in sorted(zip(names(settings), row, strict=True)))
    ]


def names(settings: Settings) -> list[str]:
    return [row[0] for row in query(settings.published_file, "describe health.publication")]


def test_older_clients_can_open_the_file_however_often_it_was_published(settings: Settings) -> None:
    for run in range(3):
        calculate(settings, DAY, score=run)
        publish(settings, f"run-{run}", DAY, DAY)
        [(tags,)] = query(
            settings.published_file, "select tags from duckdb_databases() where not internal"
        )
        assert tags["storage_version"].startswith("v1.4.0")
        # An older client reads no log of changes that a newer one left beside the file.
        folder = settings.published_file.resolve().parent
        assert {path.name for path in folder.iterdir()} == {
            *("account_health.duckdb", "parquet", integrity.FILE)
        }


def test_parquet_holds_the_same_rows_by_health_date(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    for table in ("account_health_history", "account_churn", "health_alerts", "rejected_records"):
        assert lake(settings, table) == warehouse_rows(settings, table)
    partitions = {path.split("/")[1] for path in files(settings) if "account_health" in path}
    assert partitions == {f"health_date={DAY - timedelta(days=days)}" for days in range(3)}
    assert [path for path in files(settings) if "churn" in path] == ["account_churn/data_0.parquet"]


def test_a_table_without_rows_has_its_columns_in_parquet_too(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    for table in ("health_alerts", "rejected_records"):
        described = duckdb.sql(f"describe from {parquet(settings, table)}").fetchall()
        assert {row[0] for row in described} == {
            row[0] for row in query(settings.warehouse, f"describe health.{table}")
        }


def test_only_what_changed_is_written(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    before = files(settings)
    calculate(settings, DAY, state="poor", score=1.0)
    assert publish(settings, "run-2", DAY, DAY).partitions == 2
    after = files(settings)
    assert {path for path in after if after[path] != before[path]} == {
        f"{table}_history/health_date={DAY}/data_0.parquet"
        for table in ("account_health", "pillar_health")
    }
    states = "select distinct overall_state from health.account_health_history where health_date"
    assert query(settings.published_file, f"{states} = '{DAY}'") == [("poor",)]
    assert query(settings.published_file, f"{states} < '{DAY}'") == [("good",)]
    changed = "select table_name, health_date from health.publication_partitions"
    latest = "where published_at = (select published_at from health.publication) order by all"
    assert query(settings.published_file, f"{changed} {latest}") == [
        ("account_health_history", DAY),
        ("pillar_health_history", DAY),
    ]


def add_column(settings: Settings, score: float) -> None:
    """What a run of a new version does: a table gains a column, which old rows have no value in."""
    with writing(settings) as warehouse:
        warehouse.execute("alter table health.account_health_history add column trend double")
    calculate(settings, DAY, score=score)
    with writing(settings) as warehouse:
        warehouse.execute(
            "update health.account_health_history set trend = 0.5 where health_date = ?", [DAY]
        )


def test_a_table_that_gained_a_column_has_it_in_every_partition(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    before = files(settings)
    add_column(settings, score=1)
    publish(settings, "run-2", DAY, DAY, only=["health_alerts"])
    after = files(settings)
    written = {path.split("/")[0] for path in after if after[path] != before[path]}
    assert written == {"account_health_history"}  # the only one that has other columns
    assert lake(settings, "account_health_history") == warehouse_rows(
        settings, "account_health_history"
    )
    folder = settings.published / "parquet" / "account_health_history"
    schemas = {str(pq.read_schema(path)) for path in folder.rglob("*.parquet")}
    assert len(schemas) == 1
    changed = "select distinct published_at from health.publication_partitions where table_name = "
    table = "'account_health_history'"
    assert len(query(settings.published_file, changed + table)) == 1


def test_readers_of_the_folder_see_the_new_column_without_an_option(settings: Settings) -> None:
    """Each takes the columns of one file for those of all, and none is told to look at all."""
    publish(settings, "run-1", DAY, DAY)
    add_column(settings, score=1)
    publish(settings, "run-2", DAY, DAY)
    folder = settings.published / "parquet" / "account_health_history"
    wanted = [(YESTERDAY - timedelta(days=1), None), (YESTERDAY, None), (DAY, 0.5)]
    trends = "select distinct health_date, trend from read_parquet({}) order by all"
    assert duckdb.sql(trends.format(f"'{folder}/*/*.parquet'")).fetchall() == wanted
    frames = {
        "pandas": pandas.read_parquet(folder),
        "Polars": polars.read_parquet(folder, hive_partitioning=True).to_pandas(),
        "pyarrow, as Spark: the columns of one file": dataset.dataset(
            folder, schema=schema_of_one_file(folder), partitioning="hive"
        )
        .to_table()
        .to_pandas(),
    }
    for reader, frame in frames.items():
        frame["health_date"] = pandas.to_datetime(frame["health_date"].astype(str)).dt.date
        found = frame[["health_date", "trend"]].drop_duplicates().sort_values("health_date")
        rows = found.astype(object).where(found.notna(), None).itertuples(index=False, name=None)
        assert list(rows) == wanted, reader


def schema_of_one_file(folder: Path) -> pa.Schema:
    oldest = min(folder.glob("*/*.parquet"))
    return pq.read_schema(oldest).append(pa.field("health_date", pa.string()))


def test_another_description_writes_no_rows(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    before = files(settings)
    with writing(settings) as warehouse:
        warehouse.execute("comment on table health.account_health_history is 'Other words.'")
        warehouse.execute("comment on column health.account_health_history.overall_state is null")
        warehouse.execute("comment on column health.account_health_history.account_id is 'It.'")
    assert publish(settings, "run-2", DAY, DAY).partitions == 0
    assert files(settings) == before
    objects = OBJECTS.replace("where", "where not internal and")
    assert query(settings.published_file, objects) == query(settings.warehouse, objects)
    assert ("account_health_history", "Other words.") in query(settings.published_file, COMMENTS)


def test_a_publication_of_another_version_is_rebuilt(settings: Settings) -> None:
    """What it notes of its partitions may not say what this version asks."""
    publish(settings, "run-1", DAY, DAY)
    with duckdb.connect(str(settings.published_file.resolve())) as file:
        file.execute("alter table health.publication_partitions drop column fingerprint")
    integrity.write(settings.published_file.resolve().parent, integrity.Carried())
    publish(settings, "run-2", DAY, DAY)
    for table in ("account_health_history", "account_churn"):
        assert lake(settings, table) == warehouse_rows(settings, table)
    noted = "select count(fingerprint) from health.publication_partitions"
    assert query(settings.published_file, noted) == [(7,)]


def test_a_command_that_asks_a_former_publication_for_more_says_what_to_run(
    settings: Settings,
) -> None:
    publish(settings, "run-1", DAY, DAY)
    missing = "select clause from health.account_health_history"
    with pytest.raises(duckdb.BinderException), reading_published(settings) as connection:
        connection.execute(missing)
    with duckdb.connect(str(settings.published_file.resolve())) as file:
        file.execute("update health.publication set product_version = '0.0.1'")
    with (
        pytest.raises(ClickException, match="of version 0.0.1 .* `health run` brings it up"),
        reading_published(settings) as connection,
    ):
        connection.execute(missing)


def test_what_was_written_without_a_run_is_published_by_the_next(settings: Settings) -> None:
    """`dbt build` may be run by hand, and explanations of old dates are forgotten."""
    publish(settings, "run-1", DAY, DAY)
    calculate(settings, YESTERDAY, state="average")
    with writing(settings) as warehouse:
        warehouse.execute(
            "delete from health.pillar_health_history where health_date < ?", [YESTERDAY]
        )
        warehouse.execute("insert into health.rejected_records values ('users', '{}')")
    publish(settings, "run-2", DAY, DAY)
    for table in ("account_health_history", "pillar_health_history", "rejected_records"):
        rows = f"from health.{table} order by all"
        assert query(settings.published_file, rows) == query(settings.warehouse, rows)
        assert lake(settings, table) == warehouse_rows(settings, table)
    first = DAY - timedelta(days=2)
    assert f"pillar_health_history/health_date={first}/data_0.parquet" not in files(settings)


def test_tables_come_go_and_change_their_columns(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    with writing(settings) as warehouse:
        warehouse.execute("drop table health.rejected_records")
        warehouse.execute("create table health.new_table (health_date date, number integer)")
        warehouse.execute("alter table health.account_churn add column churned_at timestamp")
        warehouse.execute("comment on table health.pillar_health_history is 'Now described.'")
        warehouse.execute("drop view health.account_health_last_60_days")
    publish(settings, "run-2", DAY, DAY)
    assert query(settings.published_file, OBJECTS) == query(settings.warehouse, OBJECTS)
    assert query(settings.published_file, COMMENTS) == query(settings.warehouse, COMMENTS)
    folder = settings.published / "parquet"
    assert {path.name for path in folder.iterdir()} == {
        *("publication", "publication_partitions", "new_table", "account_churn", "health_alerts"),
        *("account_health_history", "pillar_health_history"),
    }
    # A table that had no rows loses the file that held its columns.
    with writing(settings) as warehouse:
        warehouse.execute("insert into health.new_table values (?, 1)", [DAY])
    publish(settings, "run-3", DAY, DAY)
    assert lake(settings, "new_table") == [(DAY, 1)]


def test_the_file_does_not_grow_with_reruns(settings: Settings) -> None:
    calculate(settings, DAY, accounts=10_000)
    publish(settings, "run-0", DAY, DAY)
    size = settings.published_file.stat().st_size
    for run in range(6):
        calculate(settings, DAY, score=run, accounts=10_000)
        publish(settings, f"run-{run}", DAY, DAY)
    assert settings.published_file.stat().st_size < 3 * size


def test_views_work_where_the_file_is_attached_under_another_name(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{settings.published_file}' as elsewhere (read_only)")
        rows = connection.execute("from elsewhere.health.account_health_last_60_days").fetchall()
    assert len(rows) == 12


@pytest.mark.parametrize("step", ["scope", "swap", "point"])
def test_a_run_that_fails_leaves_what_readers_see_to_the_byte(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    publish(settings, "run-1", DAY, DAY)
    before = seen(settings)
    calculate(settings, DAY, state="poor")

    def fail(*_: object) -> None:
        raise OSError("no space left on the disk")

    with monkeypatch.context() as failing:
        failing.setattr(publication, step, fail)
        with pytest.raises(OSError, match="no space"):
            publish(settings, "run-2", DAY, DAY)
    assert seen(settings) == before
    publish(settings, "run-3", DAY, DAY)
    [(run,)] = query(settings.published_file, "select run_id from health.publication")
    assert run == "run-3"


def test_without_an_account_in_scope_nothing_is_published(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    before = seen(settings)
    tomorrow = DAY + timedelta(days=1)
    with pytest.raises(PublishingRefused, match=f"No account is in scope on {tomorrow}"):
        publish(settings, "run-2", tomorrow, tomorrow)
    assert seen(settings) == before


def test_leftovers_are_removed_but_not_what_readers_may_still_open(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    first = settings.published_file.resolve().parent
    (first.parent / "20260101T000000.000000.unfinished").mkdir()
    publish(settings, "run-2", DAY, DAY)
    second = settings.published_file.resolve().parent
    assert set(first.parent.iterdir()) == {first, second, first.parent / "current"}
    long_ago = time.time() - publication.KEEP_REPLACED.total_seconds() - 60
    os.utime(first, (long_ago, long_ago))
    os.utime(second, (long_ago, long_ago))
    publish(settings, "run-3", DAY, DAY)
    third = settings.published_file.resolve().parent
    assert set(first.parent.iterdir()) == {second, third, first.parent / "current"}


def test_the_published_folder_can_be_thrown_away(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    shutil.rmtree(settings.published)
    publish(settings, "run-2", DAY, DAY)
    assert query(settings.published_file, "select count(*) from health.account_churn") == [(4,)]


# Readers beside writers, each in a process of its own

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
PUBLISH = """
import sys
from datetime import date
from pathlib import Path
from small_warehouse import DAY, calculate
from orchestration.base.settings import Settings
from orchestration.publishing.publication import publish
from orchestration.warehouse.connections import writing

folder = Path(sys.argv[1])
settings = Settings(folder / "raw", folder / "warehouse.duckdb")
for score in range(int(sys.argv[2]), 1_000_000):
    if sys.argv[3] == "growing":
        with writing(settings) as warehouse:
            warehouse.execute(
                f"alter table health.account_health_history add column in_{score} double"
            )
    calculate(settings, DAY, score=score)
    publish(settings, str(score), DAY, DAY)
    print("published", flush=True)
"""
READ = """
import os
import sys
import duckdb

folder = sys.argv[1]
reads = states = 0
last = None
while True:
    with duckdb.connect(f"{folder}/account_health.duckdb", read_only=True) as connection:
        [run] = connection.execute("select run_id from health.publication").fetchone()
        scores = connection.execute(
            "select health_date, overall_score, count(*) from health.account_health_history"
            " group by all order by all"
        ).fetchall()
    assert [count for _, _, count in scores] == [4, 4, 4], scores
    assert scores[-1][1] == float(run), (run, scores)
    lake = os.path.realpath(f"{folder}/parquet")
    [[run_of_lake]] = duckdb.sql(
        f"select run_id from '{lake}/publication/data_0.parquet'"
    ).fetchall()
    scores = duckdb.sql(
        "select health_date, overall_score, count(*)"
        f" from '{lake}/account_health_history/*/*.parquet' group by all order by all"
    ).fetchall()
    assert [count for _, _, count in scores] == [4, 4, 4], scores
    assert scores[-1][1] == float(run_of_lake) >= float(run), (run_of_lake, run, scores)
    if sys.argv[2] == "growing":
        # Each file has all columns of its publication, or this would be an error.
        duckdb.sql(
            f"select in_{run_of_lake} from '{lake}/account_health_history/*/*.parquet'"
        ).fetchall()
    states += run != last
    last, reads = run, reads + 1
    print(reads, states, flush=True)
"""


@pytest.mark.parametrize("columns", ["the same", "growing"])
def test_killed_writers_never_disturb_a_reader(settings: Settings, columns: str) -> None:
    with writing(settings) as warehouse:
        warehouse.execute("alter table health.account_health_history add column in_0 double")
    calculate(settings, DAY, score=0)
    publish(settings, "0", DAY, DAY)
    reader = subprocess.Popen(
        [sys.executable, "-c", READ, str(settings.published), columns],
        stdout=subprocess.PIPE,
        text=True,
    )
    reads = states = 0
    for kill in range(8):
        writer = subprocess.Popen(
            [
                *(sys.executable, "-c", PUBLISH),
                *(str(settings.warehouse.parent), str(100 * kill + 1), columns),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        assert writer.stdout and writer.stdout.readline() == "published\n"
        time.sleep(random.uniform(0, 0.6))
        writer.kill()
        writer.wait()
        seen_before = states
        while states <= seen_before:
            assert reader.stdout
            line = reader.stdout.readline()
            assert line, "the reader met an error or half a state"
            reads, states = (int(number) for number in line.split())
    reader.kill()
    reader.wait()
    assert reads >= states >= 8
    publish(settings, "7", DAY, DAY)
    leftovers = list((settings.published / ".generations").glob("*.unfinished"))
    assert leftovers == []


def test_an_open_connection_keeps_what_it_saw_and_a_new_process_sees_the_new(
    settings: Settings,
) -> None:
    publish(settings, "run-1", DAY, DAY)
    run = "select run_id from health.publication"
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        publish(settings, "run-2", DAY, DAY)
        assert connection.execute(run).fetchall() == [("run-1",)]
        code = "import sys, small_warehouse; print(small_warehouse.query(*sys.argv[1:]))"
        process = subprocess.run(
            [sys.executable, "-c", code, str(settings.published_file), run],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
        )
    assert process.stdout == "[('run-2',)]\n"
