"""dbt without Dagster, on a warehouse that is not there yet: each command on a file of its own."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from nights import END
from pipeline import Run, dbt

from orchestration.sample_data import write_sample

Command = Callable[..., Run]
# Those that are written anew each night ask for it (`meta.uncompressed`).
HOW_IDS_ARE_STORED = {
    "health.user_feature_adoption": "Uncompressed",
    "health.feature_adoption": "Uncompressed",
    "health.nearest_flips": "Uncompressed",
    "pillars.metric_values": "Uncompressed",
    "staging.base_users": "Uncompressed",
    "health.pillar_metrics_history": "DICT_FSST",
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_sample(folder, accounts=12, days=20, end_date=END)
    return folder


@pytest.fixture
def fresh(raw: Path, tmp_path: Path) -> Command:
    """Runs commands on a new file, in a folder that does not exist either."""
    environment = {
        "HEALTH_RAW_DIR": str(raw),
        "HEALTH_DB_PATH": str(tmp_path / "new" / "folder" / "warehouse.duckdb"),
        "HEALTH_DATE": END.isoformat(),
    }
    return lambda *command: dbt(tmp_path, *command, environment=environment)


@pytest.mark.parametrize("command", [("compile",), ("docs", "generate"), ("seed",)], ids=" ".join)
def test_what_needs_no_tables_works(fresh: Command, command: tuple[str, ...]) -> None:
    run = fresh(*command)
    assert run.exit_code == 0, run.output


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("run", "--select", "account_health"),
        ("build", "--select", "account_health"),
        ("show", "--select", "account_health"),
        ("show", "--inline", "select * from {{ ref('account_health') }}"),
        ("test",),
        ("test", "--select", "test_type:unit"),
    ],
    ids=" ".join,
)
def test_what_needs_tables_says_in_a_line_what_to_run_first(
    fresh: Command, command: tuple[str, ...]
) -> None:
    run = fresh(*command)
    assert run.exit_code != 0
    [line] = {line.strip() for line in run.output.splitlines() if "this warehouse" in line}
    assert line.startswith("Run `dbt build` first: this warehouse does not have ")
    assert line.endswith(f"which `dbt {command[0]}` reads here.")
    assert "Traceback" not in run.output and "Catalog Error" not in run.output


def test_a_part_and_then_all_can_be_built_and_looked_at(fresh: Command) -> None:
    """With unit tests, and tests of what was not built yet left out of the part."""
    for command in (
        ("build", "--select", "+account_health"),
        ("show", "--select", "account_health"),
        ("build",),
        ("run", "--select", "account_health"),
    ):
        run = fresh(*command)
        assert run.exit_code == 0, run.output
        assert " SKIP=0 " in run.output or command[0] == "show", run.output


def test_all_can_be_built_at_once(fresh: Command, tmp_path: Path) -> None:
    run = fresh("build")
    assert run.exit_code == 0, run.output
    assert " ERROR=0 SKIP=0 " in run.output
    with duckdb.connect(str(tmp_path / "new" / "folder" / "warehouse.duckdb")) as warehouse:
        for table, compression in HOW_IDS_ARE_STORED.items():
            found = warehouse.sql(
                f"select distinct compression from pragma_storage_info('{table}')"
                " where column_name in ('account_id', 'user_id') and segment_type = 'VARCHAR'"
            ).fetchall()
            assert found == [(compression,)], table


def test_a_folder_that_cannot_be_made_is_a_line(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "warehouse.duckdb"
    environment = {"HEALTH_RAW_DIR": str(raw), "HEALTH_DB_PATH": str(path)}
    run = dbt(tmp_path, "build", environment=environment)
    assert run.exit_code != 0
    assert f"The folder {path.parent} of the warehouse cannot be made" in run.output
    assert "Traceback" not in run.output
