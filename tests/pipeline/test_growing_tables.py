"""Tables whose rows outlive a run gain columns: in the warehouse, and in what is published.

`upgrades/` has the tables of former versions as they stood, from which a warehouse of that version
is made (`former_tables.py`).
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import click
import duckdb
import pytest
from former_tables import FOLDER, tables_of
from nights import END, Night
from pipeline import ROOT, Run, Warehouse
from small_warehouse import query

from orchestration.base.dbt_project import variables
from orchestration.base.settings import Settings
from orchestration.dbt_runner.dbt_build import copied_project
from orchestration.dbt_runner.dbt_process import DBT
from orchestration.publishing.publication import publish
from orchestration.sample_data import write_sample
from orchestration.warehouse.growing_tables import ensure_table

YESTERDAY = END - timedelta(days=1)
START = END - timedelta(days=3)
UPGRADES = sorted(FOLDER.glob("*.json"))
# Columns that nothing of a later date is made from: taken away as well, so that each kind of table
# gains one, whatever has been added since the version.
ALSO_NEW = {
    "health.account_health": "worst_pillar_id",
    "health.check_failures": "detail",
    "health.check_results": "what_to_do",
    "health.health_explanations": "gap",
    "health.portfolio_health_history": "mrr",
    "health.rejected_records": "record_time",
    "health.segment_health_history": "mrr",
}
# What depends on how far back events were read: what is compacted, and what is kept by day instead.
# All that is made of both is compared.
READING_OF_EVENTS = {
    "intermediate.int_events_compacted",
    "intermediate.int_features_compacted",
    "intermediate.int_users_compacted",
    "staging.event_read_range",
}
# The present name of a table by the one that it had.
RENAMED = {
    before: f"{before.split('.')[0]}.{name}"
    for before, name in variables()["renamed_tables"].items()
}
# What differs between two runs of the same date.
OF_THE_RUN = ("run_id", "announced_at")


# A warehouse of a former version


def take_back(warehouse: Path, former: Mapping[str, Mapping[str, str]]) -> None:
    """Make the tables of a warehouse what they were; what is rebuilt by each run is dropped."""
    present = tables_of(warehouse)
    assert former.keys() <= present.keys(), "a table is gone, and its rows with it"
    with duckdb.connect(str(warehouse)) as connection:
        for table, columns in present.items():
            if table not in former:
                connection.execute(f"drop table {table}")
                continue
            for column, kind in columns.items():
                if column not in former[table]:
                    connection.execute(f"alter table {table} drop column {column}")
                elif kind != former[table][column]:
                    assert f"{kind} not null" == former[table][column], (table, column)
                    connection.execute(f"alter table {table} alter column {column} set not null")
        # Views keep the columns that they were made with.
        views = connection.execute(
            "select sql from duckdb_views() where schema_name = 'health' and not internal"
        ).fetchall()
        for (definition,) in views:
            connection.execute(definition.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1))
        # What that version left behind, of which no run makes any more.
        for schema, names in variables()["gone_tables"].items():
            for name in names:
                connection.execute(f"create table {schema}.{name} (account_id varchar)")
        for before, table in RENAMED.items():
            if table in former:
                connection.execute(f"alter table {table} rename to {before.split('.')[1]}")


def former_tables(definitions: Path) -> dict[str, dict[str, str]]:
    """The tables of that version, by the names that they have now."""
    former = json.loads(definitions.read_text(encoding="utf-8"))
    former = {RENAMED.get(table, table): columns for table, columns in former.items()}
    for table, column in ALSO_NEW.items():
        assert not former[table].pop(column).endswith("not null")
    return former


@pytest.fixture(scope="module", params=UPGRADES, ids=lambda path: path.stem)
def upgraded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Night, Night, dict[str, dict[str, str]]]:
    """A warehouse of a former version after a plain run, one of this version after the same, and
    the tables of the former version."""
    folder = tmp_path_factory.mktemp("upgrade")
    write_sample(folder / "raw", accounts=12, days=30, end_date=END)
    fresh = Night(Settings(folder / "raw", folder / "fresh" / "warehouse.duckdb"))
    assert fresh.run("--start", str(START), "--end", str(YESTERDAY)).exit_code == 0
    grown = Night(Settings(folder / "raw", folder / "grown" / "warehouse.duckdb"))
    grown.settings.warehouse.parent.mkdir()
    shutil.copyfile(fresh.settings.warehouse, grown.settings.warehouse)
    former = former_tables(request.param)
    take_back(grown.settings.warehouse, former)
    publish(grown.settings, "former", START, YESTERDAY)
    for night in (fresh, grown):
        answer = night.run("--date", str(END))
        assert answer.exit_code == 0, answer.output
    return fresh, grown, former


def test_a_warehouse_of_a_former_version_is_upgraded_by_a_plain_run(
    upgraded: tuple[Night, Night, dict[str, dict[str, str]]],
) -> None:
    fresh, grown, former = upgraded
    wanted = tables_of(fresh.settings.warehouse)
    found = tables_of(grown.settings.warehouse)
    assert found.keys() == wanted.keys()
    for table, columns in wanted.items():
        nullable = {column: kind.removesuffix(" not null") for column, kind in columns.items()}
        assert {
            column: kind.removesuffix(" not null") for column, kind in found[table].items()
        } == nullable, table
    for table in former.keys() - READING_OF_EVENTS:
        compare(fresh.settings.warehouse, grown.settings.warehouse, table, former[table])
    # A new table begins with the run.
    for table in wanted.keys() - former.keys():
        if table.startswith("health.") and "health_date" in wanted[table]:
            rows = f"select * from {table} where health_date = '{END}' order by all"
            files = (fresh.settings.warehouse, grown.settings.warehouse)
            assert query(files[0], rows) == query(files[1], rows), table


def test_what_is_published_is_upgraded_with_it(
    upgraded: tuple[Night, Night, dict[str, dict[str, str]]],
) -> None:
    _, grown, _ = upgraded
    warehouse = tables_of(grown.settings.warehouse)
    published = tables_of(grown.settings.published_file)
    assert published == {
        table: columns for table, columns in warehouse.items() if table.startswith("health.")
    }
    for table in published:
        name = table.removeprefix("health.")
        files = f"{grown.settings.published}/parquet/{name}/**/*.parquet"
        columns = ", ".join(warehouse[table])
        with duckdb.connect(str(grown.settings.published_file), read_only=True) as connection:
            rows = connection.execute(f"select {columns} from {table} order by all").fetchall()
            # Without `union_by_name`: DuckDB refuses files that lack a column of the first.
            lake = f"select {columns} from read_parquet('{files}') order by all"
            assert connection.execute(lake).fetchall() == rows, table


def compare(fresh: Path, grown: Path, table: str, former: Mapping[str, str]) -> None:
    """All rows of both are the same, but that old ones may lack what is new."""
    columns = [column for column in tables_of(fresh)[table] if column not in OF_THE_RUN]
    old = [column for column in columns if column in former]
    new = [column for column in columns if column not in former]
    dated = "health_date" if "health_date" in columns else None
    sql = f"select {', '.join(old + new)} from {table} order by {', '.join(old)}"
    rows = {file: query(file, sql) for file in (fresh, grown)}
    seen = {file: [row[: len(old)] for row in rows[file]] for file in rows}
    assert seen[fresh] == seen[grown], table
    for fresh_row, grown_row in zip(rows[fresh], rows[grown], strict=True):
        is_old = dated is None or fresh_row[old.index(dated)] != END
        for there, here in zip(fresh_row[len(old) :], grown_row[len(old) :], strict=True):
            assert here == there or (is_old and here is None), (table, fresh_row, grown_row)


# A project whose tables change


class ChangedProject:
    """A copy of the dbt project whose models are changed one by one."""

    def __init__(self, folder: Path) -> None:
        self.path = copied_project(folder, ROOT / "seeds")

    def model(self, name: str) -> Path:
        [path] = (self.path / "models").rglob(f"{name}.sql")
        return path

    def select(self, name: str, columns: str) -> None:
        """Have a model select other columns from what it selects now."""
        config, sql = self.model(name).read_text(encoding="utf-8").split("}}\n", 1)
        changed = f"{config}}}}}\nselect {columns} from (\n{sql}\n) as unchanged\n"
        self.model(name).write_text(changed, encoding="utf-8")

    def declare(self, name: str, pattern: str, replacement: str) -> None:
        """Change how the columns of a published table are declared."""
        for path in (self.path / "models" / "health").rglob("_*__models.yml"):
            models = re.split(r"(?m)^(?=  - name: )", path.read_text(encoding="utf-8"))
            for place, model in enumerate(models):
                if model.startswith(f"  - name: {name}\n"):
                    models[place], count = re.subn(pattern, replacement, model, count=1)
                    assert count == 1
                    path.write_text("".join(models), encoding="utf-8")

    def build(self, warehouse: Warehouse, day: date, *arguments: str) -> Run:
        """In a process that parses the project, which the one for other tests does not."""
        kinds = ("--exclude-resource-type", "unit_test", "test")
        answer = subprocess.run(
            [DBT, "--no-use-colors", "build", *kinds, *arguments],
            cwd=self.path,
            env={
                **os.environ,
                "DBT_TARGET_PATH": str(self.path / "target"),
                "DBT_LOG_PATH": str(self.path / "logs"),
                "HEALTH_RAW_DIR": str(warehouse.raw),
                "HEALTH_DB_PATH": str(warehouse.path),
                "HEALTH_START_DATE": day.isoformat(),
                "HEALTH_END_DATE": day.isoformat(),
            },
            capture_output=True,
            text=True,
        )
        return Run(answer.returncode, answer.stdout + answer.stderr)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("built")
    write_sample(folder / "raw", accounts=12, days=20, end_date=END)
    warehouse = Warehouse(folder / "built" / "warehouse.duckdb", folder / "raw")
    warehouse.path.parent.mkdir()
    warehouse.calculate(YESTERDAY)
    return warehouse


@pytest.fixture
def warehouse(built: Warehouse, tmp_path: Path) -> Warehouse:
    copy = Warehouse(tmp_path / "warehouse.duckdb", built.raw)
    shutil.copyfile(built.path, copy.path)
    return copy


@pytest.fixture
def project(tmp_path: Path) -> ChangedProject:
    return ChangedProject(tmp_path / "checkout")


COLUMNS = r"    columns:\n"
NOTE = "    columns:\n      - {name: note, data_type: text, description: New.}\n"
# A model may read its new column from the rows that it has already.
OWN_NOTE = (
    "*, 'new' || {% if is_incremental() %}"
    "coalesce((select max(own.note) from {{ this }} as own), '')"
    "{% else %}''{% endif %} as note"
)


@pytest.mark.parametrize("arguments", [(), ("--full-refresh",)], ids=["plain", "full refresh"])
def test_a_new_column_is_added_in_place(
    warehouse: Warehouse, project: ChangedProject, arguments: tuple[str, ...]
) -> None:
    for name in ("account_health_history", "account_health_last_60_days", "rejected_records"):
        project.declare(name, COLUMNS, NOTE)
    for name in ("account_health_history", "rejected_records"):
        project.select(name, OWN_NOTE)
    for name in ("int_validated_events", "int_state_starts", "int_event_load"):
        project.select(name, "*, 'new' as note")
    run = project.build(warehouse, END, *arguments)
    assert run.exit_code == 0, run.output
    notes = "select distinct health_date, note from {} order by all"
    wanted = [(YESTERDAY, None), (END, "new")]
    assert warehouse.query(notes.format("health.account_health_history")) == wanted
    kept = warehouse.query(notes.format("intermediate.int_state_starts"))
    assert kept[0] == wanted[0] and set(kept) <= set(wanted)
    assert warehouse.query("select distinct note from health.rejected_records") == [("new",)]
    assert warehouse.query("select note from intermediate.int_event_load") == [("new",)]
    read_again = warehouse.query(
        "select note, count(*) > 0 from intermediate.int_validated_events"
        " group by note order by all"
    )
    assert read_again == ([("new", True)] if arguments else [("new", True), (None, True)])


@pytest.mark.parametrize(
    ("columns", "pattern", "declared", "told"),
    [
        (
            "* exclude (coverage)",
            r"      - name: coverage\n(        .*\n)*",
            "",
            (
                "column coverage (DOUBLE) is in the table only",
                'alter table "health"."account_health_history" drop column coverage;',
            ),
        ),
        (
            "* replace (cast(mrr as varchar) as mrr)",
            r"(name: mrr\n        data_type: )double",
            r"\1text",
            (
                "column mrr is DOUBLE in the table and VARCHAR in its model",
                'alter table "health"."account_health_history" alter column mrr type VARCHAR;',
            ),
        ),
        (
            "*, 'new' as note",
            COLUMNS,
            NOTE.replace("}", ", constraints: [{type: not_null}]}"),
            ("column note is new and declared not null", "declare it without `not_null`"),
        ),
    ],
    ids=["removed", "retyped", "not null"],
)
def test_another_change_of_a_history_stops_with_the_way_on(
    warehouse: Warehouse,
    project: ChangedProject,
    columns: str,
    pattern: str,
    declared: str,
    told: tuple[str, ...],
) -> None:
    project.select("account_health_history", columns)
    project.declare("account_health_history", pattern, declared)
    before = tables_of(warehouse.path)
    run = project.build(warehouse, END, "--select", "account_health_history")
    assert run.exit_code != 0
    for words in (*told, 'health"."account_health_history', "run that version"):
        assert words in run.output
    assert tables_of(warehouse.path) == before


def test_a_table_that_a_full_refresh_rebuilds_says_so(
    warehouse: Warehouse, project: ChangedProject
) -> None:
    project.select("int_account_days", "* exclude (event_count), 'x' as event_count")
    run = project.build(warehouse, END, "--select", "int_account_days")
    assert "column event_count is DOUBLE in the table and VARCHAR in its model" in run.output
    assert "`dbt build --full-refresh` in dbt_project/" in run.output


def test_a_column_may_become_nullable(warehouse: Warehouse, project: ChangedProject) -> None:
    project.select("account_health_history", "* replace (cast(null as double) as coverage)")
    project.declare(
        "account_health_history",
        r"(      - name: coverage\n(?:        (?!constraints).*\n)*)        constraints: .*\n",
        r"\1",
    )
    run = project.build(warehouse, END, "--select", "account_health_history")
    assert run.exit_code == 0, run.output
    unknown = "select count(*) from health.account_health_history where coverage is null"
    assert warehouse.query(unknown) != [(0,)]


# Tables that Python writes


def test_a_table_of_python_gains_columns() -> None:
    with duckdb.connect() as connection:
        assert ensure_table(connection, "notes.runs", {"run": "text not null"})
        connection.execute("insert into notes.runs values ('a')")
        wanted = {"begun_at": "timestamp not null", "run": "text not null"}
        assert not ensure_table(connection, "notes.runs", wanted)
        assert not ensure_table(connection, "notes.runs", wanted)
        rows = connection.execute("select run, begun_at from notes.runs").fetchall()
        assert rows == [("a", None)]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {"day": "date"},
            r"column run \(VARCHAR\) is in the table only: alter table .* drop column",
        ),
        ({"run": "bigint"}, "column run is VARCHAR in the table and BIGINT here: alter table"),
    ],
)
def test_another_change_of_a_table_of_python_is_refused(columns: dict[str, str], told: str) -> None:
    with duckdb.connect() as connection:
        ensure_table(connection, "notes.runs", {"run": "text"})
        with pytest.raises(click.ClickException, match=told):
            ensure_table(connection, "notes.runs", columns)
