"""The steps of an erasure, each by itself: what is deleted, what stays, where it was killed."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import AssetStatusCacheValue
from small_warehouse import make, query

from orchestration.base.settings import Settings
from orchestration.base.stopping import scratch_folder
from orchestration.erasure import removal
from orchestration.erasure.dagster_records import delete_entries, searching
from orchestration.warehouse import erasure_steps
from orchestration.warehouse.connections import writing
from orchestration.warehouse.erasure_steps import PUBLISHED, REMOVED, WRITTEN
from orchestration.warehouse.growing_tables import ensure_table

ID = "acct-10"
PLANNED = "insert into event_logs (event) values (?)"


def note_step(settings: Settings, step: str) -> None:
    with writing(settings) as warehouse:
        ensure_table(warehouse, erasure_steps.TABLE, erasure_steps.COLUMNS)
        warehouse.execute(f"delete from {erasure_steps.TABLE}")
        warehouse.execute(f"insert into {erasure_steps.TABLE} values ('previous', ?)", [step])


def record(file: Path, events: Iterable[str]) -> Path:
    """A record of Dagster's with some events in it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as database:
        database.execute("create table event_logs (event text)")
        database.executemany(PLANNED, [(event,) for event in events])
        database.commit()
    return file


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("acct-10", True),
        ('{"account_id": "acct-10"}', True),
        ("Rows of acct-10.", True),
        ("(acct-10): 3, of/acct-10/2", True),
        (r"{\"message\": \"first\nacct-10\"}", True),
        (r"\u2026acct-10\u2026", True),
        ("acct-100 and acct-10-b", False),
        ("acct-10.5", False),
        ("my-acct-10, xacct-10", False),
        (None, False),
    ],
)
def test_an_id_is_named_where_it_is_a_word_of_its_own(text: str | None, is_named: bool) -> None:
    assert searching([ID])(text) is is_named


@pytest.mark.parametrize("text", [r"of o\"hare 1", r"of o\\\"hare 1", 'of o"hare 1'])
def test_an_id_is_found_as_json_writes_it(text: str) -> None:
    assert searching(['o"hare 1'])(text)


def test_short_ids_are_not_looked_for() -> None:
    assert not searching(["of", "1234"])("of 1234")


def test_answers_of_checks_and_what_assets_were_last_are_deleted(tmp_path: Path) -> None:
    """As Dagster writes them: each event is in several tables, of the asset and of its check."""
    key = dg.AssetKey("accounts")

    @dg.asset(key=key, check_specs=[dg.AssetCheckSpec("unique", asset=key)])
    def accounts() -> Iterable[dg.MaterializeResult | dg.AssetCheckResult]:
        yield dg.MaterializeResult(metadata={"record": f"of {ID}"})
        yield dg.AssetCheckResult(passed=False, metadata={"record": f"of {ID}"})

    dagster = tmp_path / "dagster"
    dagster.mkdir()
    with dg.DagsterInstance.local_temp(str(dagster)) as instance:
        dg.materialize([accounts], instance=instance)
        instance.event_log_storage.update_asset_cached_status_data(
            key, AssetStatusCacheValue(1, ID)
        )

    deleted, left = delete_entries(dagster, [ID])
    assert deleted >= 4
    assert left == []
    assert not [file for file in dagster.rglob("*") if file.is_file() and ID in text_of(file)]
    with dg.DagsterInstance.local_temp(str(dagster)) as instance:
        assert key in instance.all_asset_keys()
        assert instance.get_latest_materialization_event(key) is None
        check = dg.AssetCheckKey(key, "unique")
        storage = instance.event_log_storage
        assert not storage.get_asset_check_execution_history(check, limit=5)


def text_of(file: Path) -> str:
    return file.read_bytes().decode("latin-1")


def test_events_of_others_stay(tmp_path: Path) -> None:
    file = record(tmp_path / "run.db", ["of acct-10", "of acct-100", "of acct-10-b"])
    assert delete_entries(tmp_path, [ID]) == (1, [])
    with closing(sqlite3.connect(file)) as database:
        events = [event for (event,) in database.execute("select event from event_logs")]
    assert events == ["of acct-100", "of acct-10-b"]


def test_what_dagster_deleted_before_leaves_no_bytes(tmp_path: Path) -> None:
    file = record(tmp_path / "run.db", ["of acct-10", "of others"])
    with closing(sqlite3.connect(file)) as database:
        database.execute("pragma secure_delete = off")
        database.execute("delete from event_logs where event = 'of acct-10'")
        database.commit()
    assert ID in text_of(file)
    assert delete_entries(tmp_path, [ID]) == (0, [])
    assert ID not in text_of(file)


def test_a_damaged_record_of_one_run_is_deleted(tmp_path: Path) -> None:
    damaged = tmp_path / "0aa.db"
    damaged.write_bytes(b"of acct-10" * 1000)
    damaged.with_name("0aa.db-wal").write_bytes(b"of acct-10")
    record(tmp_path / "run.db", ["of acct-10"])
    assert delete_entries(tmp_path, [ID]) == (1, [])
    assert [path.name for path in tmp_path.iterdir()] == ["run.db"]


def test_a_record_that_cannot_be_searched_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged one of all runs, which a daemon may have open, and one that is in use."""
    monkeypatch.setattr("orchestration.erasure.dagster_records.BUSY_SECONDS", 0)
    (tmp_path / "index.db").write_bytes(b"of acct-10" * 1000)
    file = record(tmp_path / "run.db", ["of acct-10"])
    with closing(sqlite3.connect(file)) as other:
        other.execute("begin exclusive")
        deleted, left = delete_entries(tmp_path, [ID])
    assert deleted == 0
    assert (tmp_path / "index.db").exists()
    assert [words in line for words, line in zip(["index.db", "run.db"], left, strict=True)]
    found = removal.Removal(1, 0, records_left=left)
    assert set(left) < set(found.in_words())


def test_what_was_set_aside_or_left_behind_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "w.duckdb")
    monkeypatch.setenv("HEALTH_DOCS_DIR", str(tmp_path / "docs"))
    goes = [
        "w.duckdb.set-aside-20261122T000000.000000",
        "w.duckdb.wal.set-aside-20261122T000000.000000",
        ".w.duckdb.restored",
        ".w.duckdb.restored.wal",
        ".w.duckdb.new",
        "state/run.lock.set-aside-20261122T000000.000000",
        "state/dagster/index.db.set-aside-20261122T000000.000000",
        "state/dagster/index.db-wal.set-aside-20261122T000000.000000",
        "state/raw_files/accounts.csv",
        "docs/index.html",
        "published-bi/.generations/2026.set-aside-20261122T000000.000000",
    ]
    stays = [
        "w.duckdb",
        "state/dagster/index.db",
        "state/health-backup-20261122/accounts.csv",
        "published/account_health.duckdb",
    ]
    for place in [*goes, *stays]:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(f"of {ID}")
    for prefix in ("health-what-if-", "health-backtest-", "health-lint-"):
        with scratch_folder(prefix, settings.state) as folder:
            killed = folder
        killed.mkdir()  # as `kill -9` leaves it
        (killed / "copy.duckdb").write_text(f"of {ID}")
    removal.delete_copies(settings)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(stays)


def test_the_log_that_a_run_writes_is_emptied_and_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "state" / "health_run.log"
    log.parent.mkdir()
    code = f"""
from pathlib import Path
from orchestration.console.in_process import everything_else_to
from orchestration.erasure.removal import delete_copies
from orchestration.base.settings import Settings

with everything_else_to(Path({str(log)!r})):
    print("of {ID}", flush=True)
    delete_copies(Settings.from_environment())
    print("and on", flush=True)
"""
    environment = {**os.environ, "HEALTH_DB_PATH": str(tmp_path / "w.duckdb")}
    environment |= {"HEALTH_DOCS_DIR": str(tmp_path / "docs"), "HEALTH_STATE_DIR": str(log.parent)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert log.read_bytes() == b"and on\n"


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make(tmp_path)
    before = query(settings.warehouse, "from health.account_health_history order by all")

    def no_place(path: Path, target: Path) -> None:
        assert path.exists()
        raise OSError("no place")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no place"):
        patch.setattr(Path, "replace", no_place)
        removal.rewrite_file(settings)
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    removal.rewrite_file(settings)
    assert query(settings.warehouse, "from health.account_health_history order by all") == before


def test_only_a_removal_that_came_to_its_end_is_finished(tmp_path: Path) -> None:
    """A publication of a part may come between a removal that was killed and the next run."""
    settings = make(tmp_path)
    for step, afterwards in ((REMOVED, REMOVED), (WRITTEN, PUBLISHED)):
        note_step(settings, step)
        erasure_steps.finish(settings)
        assert erasure_steps.noted(settings) == ("previous", afterwards)
        # Also where the list names nobody any more.
        assert erasure_steps.is_due(settings) is (afterwards == REMOVED)
