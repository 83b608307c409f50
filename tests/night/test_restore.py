"""A damaged warehouse: told in words, and built again from what is published."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner, Result
from nights import Night
from receiver import Receiver, receiving
from small_warehouse import DAY, calculate, make, query, raise_alerts
from turning_poor import write_turning_poor

import expectations
from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.publishing.publication import publish
from orchestration.runs.health_run import damage_in_words, failures_in_words
from orchestration.stewardship.restore import problem_of
from orchestration.warehouse import damage, erasure_steps
from orchestration.warehouse.connections import writing
from orchestration.warehouse.erasure_list import erasure_list
from orchestration.warehouse.growing_tables import ensure_table

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
NOT_COMPARED = {"publication", "publication_partitions"}  # when and by whom, not what
HEADER = 4096 + 20
DATA = 12_288 + 100


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse of three dates up to today, with alerts, published."""
    settings = make(tmp_path, accounts=50)
    (tmp_path / "raw").mkdir()
    calculate(settings, TODAY, accounts=50)
    raise_alerts(settings, TODAY, "a1", "a2", "a3")
    with writing(settings) as warehouse:
        warehouse.execute(
            "update health.health_alerts set status = 'sent', sent_at = ? where account_id = 'a1'",
            [datetime(2026, 11, 22, 0, 3)],
        )
        warehouse.execute(
            "insert into operations.alert_deliveries by name select health_date, alert_id,"
            " account_id, pillar_id, status, sent_at from health.health_alerts"
            " where account_id <> 'a3'"
        )
        warehouse.execute("create table operations.announcements (last_date date)")
        warehouse.execute("create schema checks; create table checks.filled_columns (a integer)")
        warehouse.execute("insert into checks.filled_columns values (7)")
    publish(settings, "run-1", DAY, TODAY)
    return settings


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env=settings.environment)


def flip(file: Path, place: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        [byte] = opened.read(1)
        opened.seek(place)
        opened.write(bytes([byte ^ 0x10]))


def block_of(settings: Settings, table: str) -> int:
    """A place in the file that holds data of the table."""
    [(block,)] = query(
        settings.warehouse,
        f"select min(block_id) from pragma_storage_info('{table}') where block_id >= 0",
    )
    return 12_288 + block * 262_144 + 5000


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def fill_with_garbage(file: Path) -> None:
    file.write_bytes(os.urandom(50_000))


def flip_header(file: Path) -> None:
    for header in (HEADER, HEADER + 4096):
        flip(file, header)


def flip_data(file: Path) -> None:
    for place in range(DATA, file.stat().st_size, 50_000):
        flip(file, place)


DAMAGES = pytest.mark.parametrize(
    "harm", [cut, empty, fill_with_garbage, flip_header, flip_data], ids=lambda it: it.__name__
)


def health(settings: Settings) -> dict[str, list[tuple]]:
    tables = query(
        settings.warehouse,
        "select table_name from duckdb_tables() where schema_name = 'health' order by all",
    )
    return {
        name: query(settings.warehouse, f"from health.{name} order by all") for (name,) in tables
    }


@pytest.mark.parametrize(
    "harm", [empty, fill_with_garbage, flip_header], ids=lambda it: it.__name__
)
def test_a_damaged_warehouse_is_told_with_its_cure(
    settings: Settings, harm: Callable[[Path], None]
) -> None:
    harm(settings.warehouse)
    before = settings.warehouse.read_bytes()
    for arguments in (["run", "--date", str(TODAY)], ["check"], ["failures"]):
        answer = run(settings, *arguments)
        assert answer.exit_code == 1
        [line] = answer.output.splitlines()
        assert f"The warehouse {settings.warehouse} is damaged" in line
        assert f"with health up to {TODAY}" in line
        assert "`health restore`" in line
    assert settings.warehouse.read_bytes() == before


@pytest.mark.parametrize("harm", [cut, flip_data], ids=lambda it: it.__name__)
def test_damage_that_shows_in_the_middle_of_a_run_is_told(
    settings: Settings, harm: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.environment.items():
        monkeypatch.setenv(name, value)
    harm(settings.warehouse)
    with pytest.raises(dg.Failure) as failure, failures_in_words():
        publish(settings, "run-2", DAY, TODAY)
    assert f"The warehouse {settings.warehouse} is damaged" in failure.value.description
    assert "`health restore`" in failure.value.description
    assert not failure.value.allow_retries


def test_a_damaged_warehouse_without_a_publication_is_told(settings: Settings) -> None:
    shutil.rmtree(settings.published)
    flip_header(settings.warehouse)
    answer = run(settings, "run", "--date", str(TODAY))
    assert answer.exit_code == 1
    assert "nothing is published in" in answer.output
    assert "put a backup in its place" in answer.output
    answer = run(settings, "restore")
    assert answer.exit_code == 1
    assert "There is nothing to build a warehouse from" in answer.output


@pytest.mark.parametrize("kind", [RuntimeError, expectations.CheckRaised])
def test_damage_that_others_hand_on_is_told_as_well(
    settings: Settings, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbt and Great Expectations read the warehouse too, and put DuckDB's words in their own."""
    for name, value in settings.environment.items():
        monkeypatch.setenv(name, value)
    words = "Corrupt database file: computed checksum 1 does not match stored checksum 2"
    with pytest.raises(Exception, match="`health restore`"), damage_in_words():
        raise kind(f"Database Error in model x\n  {words}")


@pytest.mark.parametrize(
    "text",
    [
        'Could not read enough bytes from file "/raw/tickets.csv"',
        'IO Error: Could not set lock on file "warehouse.duckdb"',
        "Catalog Error: Table with name x does not exist!",
    ],
)
def test_other_errors_are_not_taken_for_damage(settings: Settings, text: str) -> None:
    assert damage.of_warehouse(settings, text) is None


@DAMAGES
def test_a_new_warehouse_has_what_was_published(
    settings: Settings, harm: Callable[[Path], None]
) -> None:
    expected = health(settings)
    columns = "from duckdb_columns() select * exclude (database_oid, schema_oid, table_oid)"
    described = query(settings.warehouse, f"{columns} where schema_name = 'health' order by all")
    harm(settings.warehouse)
    damaged = settings.warehouse.read_bytes()
    answer = run(settings, "restore")
    assert answer.exit_code == 0, answer.output
    assert health(settings) == expected
    assert problem_of(settings.warehouse) is None
    assert described == query(
        settings.warehouse, f"{columns} where schema_name = 'health' order by all"
    )
    [aside] = settings.warehouse.parent.glob("warehouse.duckdb.set-aside-*")
    assert aside.read_bytes() == damaged
    assert str(aside) in answer.output
    assert "Next: `health run`" in answer.output
    assert publish(settings, "run-2", TODAY, TODAY).partitions == 0
    # Clients of the oldest version that we promise can open it.
    [(tags,)] = query(settings.warehouse, "select tags from duckdb_databases() where not internal")
    assert tags["storage_version"].startswith("v1.4.0")


def test_alerts_keep_what_became_of_them(settings: Settings) -> None:
    raise_alerts(settings, DAY - timedelta(days=30), "a9")  # nobody came to decide on it
    publish(settings, "run-2", DAY, TODAY)
    flip_header(settings.warehouse)
    assert run(settings, "restore").exit_code == 0
    deliveries = "select account_id, status, sent_at from operations.alert_deliveries order by all"
    assert query(settings.warehouse, deliveries) == [
        ("a1", "sent", datetime(2026, 11, 22, 0, 3)),
        ("a2", "pending", None),
        ("a3", "pending", None),
        ("a9", "suppressed", None),
    ]
    announced = "select last_date from operations.announcements"
    assert query(settings.warehouse, announced) == [(TODAY,)]


def test_notes_are_taken_from_the_damaged_file_where_it_still_has_them(settings: Settings) -> None:
    flip(settings.warehouse, block_of(settings, "health.account_health_history"))
    answer = run(settings, "restore")
    assert answer.exit_code == 0, answer.output
    assert query(settings.warehouse, "from checks.filled_columns") == [(7,)]
    assert "checks.filled_columns could not be read" not in answer.output
    noted = query(settings.warehouse, "select account_id from operations.alert_deliveries")
    assert sorted(noted) == [("a1",), ("a2",)]


def test_notes_that_had_another_name_are_taken_by_that(settings: Settings) -> None:
    """The next run carries them over, as it does in a warehouse that was not restored."""
    with writing(settings) as warehouse:
        warehouse.execute("create schema intermediate")
        warehouse.execute("create table intermediate.int_milestone_turns (account_id varchar)")
        warehouse.execute("insert into intermediate.int_milestone_turns values ('a1')")
    flip(settings.warehouse, block_of(settings, "health.account_health_history"))
    answer = run(settings, "restore")
    assert answer.exit_code == 0, answer.output
    assert query(settings.warehouse, "from intermediate.int_milestone_turns") == [("a1",)]
    assert "int_milestone" not in answer.output


def test_lost_notes_are_told_with_what_follows(settings: Settings) -> None:
    flip_header(settings.warehouse)
    output = run(settings, "restore").output
    assert "checks.filled_columns could not be read: a column that vanished before" in output
    assert "operations.unfinished_dates could not be read" in output


def test_the_log_of_a_damaged_warehouse_is_set_aside_with_it(settings: Settings) -> None:
    """Beside another database it would keep that from being opened."""
    log = settings.warehouse.with_name("warehouse.duckdb.wal")
    log.write_bytes(b"what was written last")
    flip_header(settings.warehouse)
    assert run(settings, "restore").exit_code == 0
    [aside] = settings.warehouse.parent.glob("warehouse.duckdb.wal.set-aside-*")
    assert aside.read_bytes() == b"what was written last"
    assert problem_of(settings.warehouse) is None


def test_a_warehouse_that_is_gone_is_restored(settings: Settings) -> None:
    expected = health(settings)
    settings.warehouse.unlink()
    assert run(settings, "restore").exit_code == 0
    assert health(settings) == expected


def test_a_whole_warehouse_is_not_restored_unasked(settings: Settings) -> None:
    before = settings.warehouse.read_bytes()
    answer = run(settings, "restore")
    assert answer.exit_code == 1
    assert "there is nothing to restore" in answer.output
    assert settings.warehouse.read_bytes() == before
    assert run(settings, "restore", "--even-if-whole").exit_code == 0


def test_an_older_publication_stands_in_for_a_damaged_one(settings: Settings) -> None:
    expected = health(settings)
    publish(settings, "run-2", DAY, TODAY)
    fill_with_garbage(settings.published_file.resolve())
    flip_header(settings.warehouse)
    answer = run(settings, "restore")
    assert answer.exit_code == 0, answer.output
    assert health(settings) == expected


def test_without_a_whole_publication_nothing_is_touched(settings: Settings) -> None:
    cut(settings.published_file.resolve())
    cut(settings.warehouse)
    before = settings.warehouse.read_bytes()
    answer = run(settings, "restore")
    assert answer.exit_code == 1
    assert f"{settings.published_file} is damaged" in answer.output
    assert "`--from` names a copy" in answer.output
    assert settings.warehouse.read_bytes() == before
    assert list(settings.warehouse.parent.glob("*set-aside*")) == []


def test_a_copy_of_the_warehouse_or_of_the_publication_will_do(
    settings: Settings, tmp_path: Path
) -> None:
    expected = health(settings)
    for file in (settings.warehouse, settings.published_file):
        copied = Path(shutil.copy(file, tmp_path / "backup.duckdb"))
        flip_header(settings.warehouse)
        shutil.rmtree(settings.published, ignore_errors=True)
        answer = run(settings, "restore", "--from", str(copied))
        assert answer.exit_code == 0, answer.output
        assert health(settings) == expected
        publish(settings, "run-2", DAY, TODAY)


def test_the_publication_of_a_profile_will_not_do(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashes would stand in the history in place of people, for good."""
    monkeypatch.setenv("HEALTH_PUBLISH_PROFILES", "bi=without")
    for run_id in ("run-2", "run-3"):
        publish(settings, run_id, DAY, TODAY)
    file = settings.published.with_name("published-bi") / settings.published_file.name
    copied = Path(shutil.copy(file, tmp_path / "backup.duckdb"))
    flip_header(settings.warehouse)
    before = settings.warehouse.read_bytes()
    for source in (file, copied):
        answer = run(settings, "restore", "--from", str(source))
        assert answer.exit_code == 1
        [_, line] = answer.output.splitlines()
        assert f"{source} is of the profile `bi`" in line
        assert settings.warehouse.read_bytes() == before
    assert not list(tmp_path.glob("*set-aside*"))
    assert run(settings, "restore").exit_code == 0


def note_erasure(settings: Settings, step: str) -> None:
    """As if whom the list names had been erased, as far as that step."""
    settings.erasures.write_text("kind,id,requested_at,reason\nuser,u-12345,2026-11-22,\n")
    entries = erasure_list(settings.erasures)
    with writing(settings) as warehouse:
        ensure_table(warehouse, erasure_steps.TABLE, erasure_steps.COLUMNS)
        warehouse.execute(
            f"insert into {erasure_steps.TABLE} values (?, ?)",
            [erasure_steps.list_hash(entries), step],
        )


def test_an_erasure_that_is_done_is_not_done_again(settings: Settings) -> None:
    """It would delete the damaged file."""
    note_erasure(settings, erasure_steps.PUBLISHED)
    flip(settings.warehouse, block_of(settings, "health.account_health_history"))
    answer = run(settings, "restore")
    assert answer.exit_code == 0, answer.output
    assert not erasure_steps.is_due(settings)
    assert "removes" not in answer.output


@pytest.mark.parametrize("case", ["not published", "lost", "from a backup"])
def test_an_erasure_that_may_not_be_done_is_done_again_and_told(
    settings: Settings, case: str, tmp_path: Path
) -> None:
    backup = Path(shutil.copy(settings.published_file, tmp_path / "backup.duckdb"))
    note_erasure(
        settings, erasure_steps.WRITTEN if case == "not published" else erasure_steps.PUBLISHED
    )
    if case == "lost":
        flip_header(settings.warehouse)
    else:
        flip(settings.warehouse, block_of(settings, "health.account_health_history"))
    answer = run(settings, "restore", *(["--from", str(backup)] if case == "from a backup" else []))
    assert answer.exit_code == 0, answer.output
    assert erasure_steps.is_due(settings)
    assert f"removes whom {settings.erasures} names" in answer.output
    assert "set aside" in answer.output.splitlines()[-1]


# The whole of it, with the job of the night


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def tables(night: Night) -> dict[str, list[tuple]]:
    """All that is published, but for the time at which an alert was sent."""
    names = night.published("select table_name from duckdb_tables() where schema_name = 'health'")
    return {
        name: night.published(
            f"select * replace (sent_at is not null as sent_at) from health.{name} order by all"
            if name == "health_alerts"
            else f"from health.{name} order by all"
        )
        for (name,) in names
        if name not in NOT_COMPARED
    }


def test_restored_and_run_again_equals_the_undamaged_one(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_ALERT_DESTINATION", receiver.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    raw = tmp_path / "raw"
    write_turning_poor(raw, on=YESTERDAY)
    (tmp_path / "undamaged").mkdir()
    undamaged = Night(Settings(raw, tmp_path / "undamaged" / "warehouse.duckdb"))
    first = TODAY - timedelta(days=15)
    assert undamaged.run("--start", str(first), "--end", str(YESTERDAY)).exit_code == 0
    sent = [key for key, _ in receiver.requests]
    assert sent
    receiver.requests.clear()
    damaged = Night(Settings(raw, tmp_path / "damaged" / "warehouse.duckdb"))
    shutil.copytree(tmp_path / "undamaged", tmp_path / "damaged", symlinks=True)
    flip_header(damaged.settings.warehouse)
    refused = damaged.run("--date", str(TODAY))
    assert refused.exit_code == 1
    assert "`health restore`" in refused.output
    restored = CliRunner().invoke(main, ["restore"], env=damaged.environment)
    assert restored.exit_code == 0, restored.output

    answer = damaged.run("--date", str(TODAY))
    assert answer.exit_code == 0, answer.output
    sent_after_damage = [key for key, _ in receiver.requests]
    assert not set(sent_after_damage) & set(sent)
    receiver.requests.clear()
    assert undamaged.run("--date", str(TODAY)).exit_code == 0
    # A slow machine may have had to send one again, which the receiver knows by its key.
    assert {key for key, _ in receiver.requests} == set(sent_after_damage)
    expected, found = tables(undamaged), tables(damaged)
    assert found.keys() == expected.keys()
    for name, rows in expected.items():
        assert found[name] == rows, name
    assert expected["milestone_progress"]
    with duckdb.connect(str(damaged.settings.warehouse), read_only=True) as connection:
        last = "select max(last_date) from operations.announcements"
        assert connection.execute(last).fetchall() == [(TODAY,)]
