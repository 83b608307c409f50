"""What runs keep in the state folder may be damaged: it is set aside or made again, and said."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import click
import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError

from orchestration.base.cache import read_cached, write_cached
from orchestration.base.settings import ROOT, Settings
from orchestration.console import dagster_programs
from orchestration.console.dagster_programs import be_the_only_daemon
from orchestration.dbt_runner import manifest as dbt_manifest
from orchestration.instance import run_records
from orchestration.instance.dagster_instance import instance
from orchestration.instance.run_records import RECORDS, renew_damaged_records
from orchestration.raw_reader import read_folder
from orchestration.runs.abandoned_runs import end_abandoned_runs
from orchestration.warehouse.run_lock import AnotherRun, holder_text, write_lock


@dg.op
def nothing() -> None:
    pass


@dg.job(name="health")
def job() -> None:
    nothing()


@cache
def recorded() -> Path:
    """Dagster's state after a run, and with one that is at work."""
    folder = Path(tempfile.mkdtemp(prefix="records-"))
    settings = Settings(folder / "raw", folder / "warehouse.duckdb")
    with instance(settings) as dagster:
        job.execute_in_process(instance=dagster)
        dagster.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    return settings.state


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    shutil.copytree(recorded(), tmp_path / "state")
    return Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def fill_with_garbage(file: Path) -> None:
    file.write_bytes(os.urandom(file.stat().st_size))


def flip_bytes(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for place in range(100, len(content), 1000):
        content[place] ^= 0x11
    file.write_bytes(content)


def flip_the_heading(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[3] ^= 0x10
    file.write_bytes(content)


def make_a_folder_of(file: Path) -> None:
    file.unlink()
    file.mkdir()


HARMS = (cut, fill_with_garbage, flip_bytes, flip_the_heading, make_a_folder_of)


def renewed(settings: Settings) -> list[str]:
    said: list[str] = []
    renew_damaged_records(settings, said.append)
    return said


def check_usable(settings: Settings) -> None:
    """A run can be recorded, and what is there be read."""
    with instance(settings) as dagster:
        assert job.execute_in_process(instance=dagster).success
        assert dagster.get_run_records(limit=10)
        end_abandoned_runs(settings, dagster)
        dagster.all_instigator_state()


def test_whole_records_stay(settings: Settings) -> None:
    assert renewed(settings) == []
    with instance(settings) as dagster:
        assert len(dagster.get_run_records()) == 2


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("harm", HARMS, ids=lambda it: it.__name__)
def test_a_damaged_record_is_set_aside_and_begun_again(
    settings: Settings, name: str, harm: Callable[[Path], None]
) -> None:
    file = settings.state / "dagster" / name
    harm(file)
    damaged = file.read_bytes() if file.is_file() else None
    [said] = renewed(settings)
    [aside] = file.parent.glob(f"{name}.set-aside-*")
    assert (aside.read_bytes() if aside.is_file() else None) == damaged
    assert f"Dagster's record {file}" in said
    assert f"set aside as {aside.name} and begun again" in said
    check_usable(settings)
    assert renewed(settings) == []


def test_what_goes_with_a_damaged_record_is_set_aside_with_it(settings: Settings) -> None:
    file = settings.state / "dagster" / "runs.db"
    make_a_folder_of(file)
    log = file.with_name("runs.db-wal")
    log.write_bytes(b"what was written last")
    assert len(renewed(settings)) == 1
    [aside] = file.parent.glob("runs.db-wal.set-aside-*")
    assert aside.read_bytes() == b"what was written last"
    check_usable(settings)


def test_a_cell_that_dagster_cannot_read_is_damage_too(settings: Settings) -> None:
    """SQLite's pages are in order, and every start would fail on it."""
    with sqlite3.connect(settings.state / "dagster" / "runs.db") as connection:
        connection.execute("update runs set run_body = replace(run_body, '{', '[')")
    with pytest.raises(Exception), instance(settings) as dagster:  # noqa: B017, PT011
        dagster.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    assert any("runs.db" in said for said in renewed(settings))
    check_usable(settings)


def test_the_events_of_single_runs_are_looked_at_in_turns(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    [file] = [
        path
        for path in (settings.state / "dagster").glob("*.db")
        if path.name not in RECORDS and path.stat().st_size
    ]
    fill_with_garbage(file)
    monkeypatch.setattr(run_records, "is_turn", lambda name, today: False)
    assert renewed(settings) == []
    monkeypatch.setattr(run_records, "is_turn", lambda name, today: True)
    [said] = renewed(settings)
    assert "the events of one run" in said
    check_usable(settings)


def test_a_record_that_somebody_writes_is_not_damaged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_records, "BUSY_SECONDS", 0)
    with sqlite3.connect(settings.state / "dagster" / "runs.db") as connection:
        connection.execute("pragma locking_mode = exclusive")
        connection.execute("begin exclusive")
        assert run_records.problem_of(settings.state / "dagster" / "runs.db") is None


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_CANTOPEN,  # also where the process has too many files open
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_ERROR,  # no such column: a migration is pending
    ],
)
@pytest.mark.parametrize("is_in_dagster", [False, True])
def test_a_record_that_cannot_be_opened_is_not_damaged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, code: int, is_in_dagster: bool
) -> None:
    def refuse(*_: object, **__: object) -> None:
        problem = sqlite3.OperationalError("unable to open database file")
        problem.sqlite_errorcode = code
        if is_in_dagster:
            raise OperationalError("select", {}, problem) from problem
        raise problem

    if is_in_dagster:
        monkeypatch.setattr(dg.DagsterInstance, "get_run_records", refuse)
    else:
        monkeypatch.setattr(sqlite3, "connect", refuse)
    assert renewed(settings) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_a_record_of_another_account_is_told_in_words() -> None:
    """Root ran it once, and now the account of the service does."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        shutil.copytree(recorded(), place / "state")
        for path in (place, *place.rglob("*")):
            os.chown(path, 54323, -1)
        record = place / "state" / "dagster" / "schedules.db"
        os.chown(record, 0, 0)
        record.chmod(0o600)
        code = """
from orchestration.instance.run_records import renew_damaged_records
from orchestration.base.settings import ROOT, Settings
import os, click
os.setgid(54323)
os.setuid(54323)
try:
    renew_damaged_records(Settings.from_environment(), print)
except click.ClickException as problem:
    print(problem.message)
"""
        answer = subprocess.run(
            [sys.executable, "-c", code],
            env={
                **os.environ,
                **Settings(place / "raw", place / "warehouse.duckdb").environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"Dagster's record {record} cannot be written by the account" in answer.stdout
        assert "`chown -R`" in answer.stdout
        assert not [*place.rglob("*.set-aside-*")]


@pytest.mark.parametrize("content", ["run_storage: 1", "no_such_setting: {}", "]"])
def test_a_wrong_configuration_is_no_damage(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "dagster.yaml").write_text(content)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert renewed(settings) == []


def test_records_kept_elsewhere_do_not_tell_of_those_here(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(settings.state / "dagster", elsewhere)
    with sqlite3.connect(elsewhere / "runs.db") as connection:
        connection.execute("update runs set run_body = replace(run_body, '{', '[')")
    text = (ROOT / "dagster.yaml").read_text()
    (tmp_path / "dagster.yaml").write_text(
        text.replace("{env: DAGSTER_STATE_DIR}", json.dumps(str(elsewhere)))
    )
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert renewed(settings) == []


@pytest.mark.parametrize("program", [("dagster", "dev"), ("dagster-daemon", "run")])
def test_the_daemon_begins_with_whole_records(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: tuple[str, ...],
) -> None:
    """Before it looks into them for times to come."""
    for name, value in settings.environment.items():
        monkeypatch.setenv(name, value)
    fill_with_garbage(settings.state / "dagster" / "schedules.db")
    monkeypatch.setattr(dbt_manifest, "manifest", lambda settings: None)
    monkeypatch.setattr(dagster_programs, "be_the_only_daemon", lambda settings: None)
    monkeypatch.setattr(os, "chdir", lambda folder: None)
    begun: list[list[str]] = []
    monkeypatch.setattr(os, "execve", lambda path, arguments, _: begun.append(arguments))
    dagster_programs.start(*program)
    assert begun == [list(program)]
    assert "schedules.db" in capsys.readouterr().out
    check_usable(settings)


def test_no_record_is_no_damage(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    assert renewed(settings) == []


def test_dagster_programs_begin_with_whole_records(settings: Settings) -> None:
    """`health ui` and the daemon go the same way in, and say so before they start."""
    fill_with_garbage(settings.state / "dagster" / "schedules.db")
    shutil.copytree(manifest_state(), settings.state / "dbt")
    answer = subprocess.run(
        [sys.executable, "-m", "orchestration", "dagster", "dagster", "run", "list"],
        env={**os.environ, **settings.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "schedules.db" in answer.stdout
    assert "begun again" in answer.stdout


# What can be found out again


@cache
def manifest_state() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="manifest-"))
    settings = Settings(folder / "raw", folder / "warehouse.duckdb")
    dbt_manifest.manifest(settings, log=lambda text: None)
    return settings.state / "dbt"


@pytest.mark.parametrize("harm", [cut, fill_with_garbage, flip_bytes], ids=lambda it: it.__name__)
def test_a_damaged_manifest_is_made_again(
    tmp_path: Path, harm: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    shutil.copytree(manifest_state(), settings.state / "dbt")
    file = settings.state / "dbt" / "manifest.json"
    whole = read_cached(file)
    assert whole
    harm(file)
    parsed = []

    def parse(folder: Path, settings: Settings) -> None:
        parsed.append(folder)
        write_cached(folder / "manifest.json", whole)

    monkeypatch.setattr(dbt_manifest, "parse", parse)
    assert dbt_manifest.manifest(settings, log=lambda text: None) == whole
    assert len(parsed) == 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b"[]", b'{"a": 1}', bytes(range(128, 256))]
)
def test_a_kept_file_that_does_not_hold_reads_as_absent(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "kept.json"
    assert read_cached(file) is None
    write_cached(file, {"a": [1, None, "ä"]})
    assert read_cached(file) == {"a": [1, None, "ä"]}
    file.write_bytes(content)
    assert read_cached(file) is None


def test_each_flipped_bit_of_a_kept_file_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    write_cached(file, {"row_count": 17, "column": "account_id"})
    whole = file.read_bytes()
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        file.write_bytes(flipped)
        assert read_cached(file) is None, place


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A raw table that is read from a copy of its file."""
    folder = tmp_path / "raw"
    folder.mkdir()
    rows = [
        {"account_id": f"a{number}", "account_name": "Acme", "created_at": "2026-01-01"}
        for number in range(500)
    ]
    (folder / "accounts.json").write_text(json.dumps(rows))
    return folder


@pytest.mark.parametrize(
    "harm", [cut, fill_with_garbage, flip_bytes, Path.unlink], ids=lambda it: it.__name__
)
@pytest.mark.parametrize("what", ["*.parquet", "looks.json"])
def test_damaged_notes_and_copies_of_raw_files_are_made_again(
    raw: Path, tmp_path: Path, what: str, harm: Callable[[Path], None]
) -> None:
    whole = read_folder(raw, tmp_path / "state")
    [copy] = (tmp_path / "state").rglob("*.parquet")
    content = copy.read_bytes()
    [file] = (tmp_path / "state").rglob(what)
    harm(file)
    assert read_folder(raw, tmp_path / "state") == whole
    assert len(copy.read_bytes()) == len(content)


# Notes of who is at work


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\x00\x01", '{"process": 1}'])
def test_a_damaged_note_of_a_run_is_no_hindrance(tmp_path: Path, content: str) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    settings.state.mkdir()
    note = settings.state / "run.json"
    note.write_text(content)
    assert "Try again when it is done" in holder_text(note)
    with write_lock(settings), pytest.raises(AnotherRun), write_lock(settings):
        pass


def test_a_damaged_note_of_the_daemon_is_told(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    lock = be_the_only_daemon(settings)
    try:
        (settings.state / "daemon.lock").write_bytes(b"\xff\xfe\x1b[2J")
        with pytest.raises(click.ClickException, match="Dagster's daemon is at work already"):
            be_the_only_daemon(settings)
    finally:
        os.close(lock)
