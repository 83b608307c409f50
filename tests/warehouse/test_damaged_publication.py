"""A damaged publication heals: whatever of it does not hold is rewritten from the warehouse."""

import os
import random
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from click import ClickException
from click.testing import CliRunner
from small_warehouse import DAY, calculate, make, query, raise_alerts

from orchestration.base import clock
from orchestration.base.progress import Step, listening
from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.publishing import integrity, publication
from orchestration.publishing.publication import Publication, publish
from orchestration.runs.preflight import refuse_what_cannot_work
from orchestration.warehouse.connections import writing
from orchestration.warehouse.health_dates import missed_dates
from orchestration.warehouse.published import reading_published

OLD = DAY - timedelta(days=2)
HISTORY = "account_health_history"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse of three dates, published."""
    settings = make(tmp_path, accounts=2000)
    publish(settings, "run-1", DAY, DAY)
    return settings


def generation(settings: Settings) -> Path:
    return settings.published_file.resolve().parent


def partition(settings: Settings, day: date = OLD) -> Path:
    return generation(settings) / "parquet" / HISTORY / f"health_date={day}" / "data_0.parquet"


def flip(file: Path, place: int | None = None) -> None:
    """Change a byte, as a disk or a cable does; the size and the times stay."""
    status = file.stat()
    content = bytearray(file.read_bytes())
    content[random.randrange(len(content)) if place is None else place] ^= 0x10
    with file.open("r+b") as opened:  # the file itself, which other generations link to
        opened.write(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def publish_and_listen(
    settings: Settings, only: list[str] | None = None
) -> tuple[Publication, list[str]]:
    """Publish again; what the run says."""
    said: list[Step] = []
    with listening(said.append):
        publication = publish(settings, "run-2", DAY, DAY, only=only)
    return publication, [step.note for step in said if step.note]


def check_whole(settings: Settings) -> None:
    """The file, the Parquet files and the warehouse hold the same rows; all checksums are right."""
    tables = [
        name
        for (name,) in query(
            settings.warehouse,
            "select table_name from duckdb_tables() where schema_name = 'health'",
        )
    ]
    for table in tables:
        columns = ", ".join(
            sorted(row[0] for row in query(settings.warehouse, f"describe health.{table}"))
        )
        rows = f"select {columns} from health.{table} order by all"
        expected = query(settings.warehouse, rows)
        assert query(settings.published_file, rows) == expected, table
        lake = f"read_parquet('{settings.published}/parquet/{table}/**/*.parquet')"
        assert duckdb.sql(f"select {columns} from {lake} order by all").fetchall() == expected
    noted = integrity.read(generation(settings))
    assert noted
    folder = generation(settings)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert set(noted) == files - {integrity.FILE}
    for path, checksum in noted.items():
        assert integrity.problem_of(folder / path, checksum, is_read=True) is None


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def flip_heading(file: Path) -> None:
    flip(file, 20)


def fill_with_garbage(file: Path) -> None:
    file.write_bytes(os.urandom(file.stat().st_size))


@pytest.mark.parametrize(
    "damage", [truncate, empty, flip, fill_with_garbage, Path.unlink], ids=lambda it: it.__name__
)
def test_a_damaged_file_is_rewritten(settings: Settings, damage: Callable[[Path], None]) -> None:
    damage(settings.published_file.resolve())
    calculate(settings, DAY, score=3.0, accounts=2000)
    publication, said = publish_and_listen(settings)
    check_whole(settings)
    assert said == list(publication.notes)
    assert len(said) == 1
    assert "did not hold and was rewritten from the warehouse: account_health.duckdb" in said[0]
    assert publish_and_listen(settings)[1] == []


def test_rows_that_were_published_before_are_no_news_after_a_damage(settings: Settings) -> None:
    [(before,)] = query(settings.published_file, "select published_at from health.publication")
    calculate(settings, DAY, score=3.0, accounts=2000)
    flip(settings.published_file.resolve())
    publish_and_listen(settings)
    news = "select health_date from health.publication_partitions where published_at > ? order by 1"
    with duckdb.connect(str(settings.published_file), read_only=True) as connection:
        assert connection.execute(news, [before]).fetchall() == [(DAY,), (DAY,)]


@pytest.mark.parametrize("what", ["parquet", f"parquet/{HISTORY}", "parquet/account_churn"])
def test_folders_that_are_gone_are_rewritten(settings: Settings, what: str) -> None:
    shutil.rmtree(generation(settings) / what)
    [said] = publish_and_listen(settings)[1]
    check_whole(settings)
    assert "is gone" in said
    assert publish_and_listen(settings)[1] == []


@pytest.mark.parametrize("damage", [truncate, empty, Path.unlink], ids=lambda it: it.__name__)
def test_one_partition_is_rewritten_alone(
    settings: Settings, damage: Callable[[Path], None]
) -> None:
    others = partition(settings, DAY).stat().st_ino
    damage(partition(settings))
    publication, [said] = publish_and_listen(settings)
    check_whole(settings)
    assert publication.partitions == 1
    assert f"parquet/{HISTORY}/health_date={OLD}/data_0.parquet" in said
    assert partition(settings, DAY).stat().st_ino == others


def test_alerts_alone_are_not_published_over_a_damaged_table(settings: Settings) -> None:
    raise_alerts(settings, DAY, "a1")
    partition(settings).unlink()
    publish_and_listen(settings, only=["health_alerts"])
    check_whole(settings)


def test_a_flipped_bit_in_a_linked_file_is_found_within_a_turn(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size is as it was, and nobody reads the file: only its content tells."""
    flip(partition(settings))
    turns = []
    is_turn = integrity.is_turn
    for days in range(integrity.DAYS_OF_A_TURN):

        def of_that_day(path: str, today: date, days: int = days) -> bool:
            return is_turn(path, today + timedelta(days=days))

        monkeypatch.setattr(integrity, "is_turn", of_that_day)
        turns += publish_and_listen(settings)[1]
    [said] = turns
    assert f"{HISTORY}/health_date={OLD}/data_0.parquet has another content than" in said
    check_whole(settings)


def test_each_file_has_its_turn_once_and_a_day_has_a_share_of_them() -> None:
    paths = [f"parquet/table_{number % 20}/health_date={number}" for number in range(3000)]
    days = [DAY + timedelta(days=days) for days in range(integrity.DAYS_OF_A_TURN)]
    shares = [[path for path in paths if integrity.is_turn(path, day)] for day in days]
    assert sorted(path for share in shares for path in share) == sorted(paths)
    assert max(map(len, shares)) < 3 * len(paths) / len(days)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"parquet": 1}', b"\xff\xfe\x00"])
def test_without_its_checksums_a_generation_is_rewritten(
    settings: Settings, content: bytes | None
) -> None:
    file = generation(settings) / integrity.FILE
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    partition(settings).write_bytes(b"nobody knows what it was")
    [said] = publish_and_listen(settings)[1]
    unreadable = "the checksums of its files cannot be read"
    assert ("has no checksums, as before" if content is None else unreadable) in said
    check_whole(settings)


def test_checksums_lead_to_no_file_elsewhere(settings: Settings) -> None:
    file = generation(settings) / integrity.FILE
    secret = settings.warehouse.parent / "secret"
    secret.write_text("secret")
    known = file.read_text()
    checksum = f'{{"size": 6, "digest": "{integrity.digest(iter([b"secret"]))}"}}'
    file.write_text(f'{{"../../../secret": {checksum}, "{secret}": {checksum}, {known[1:]}')
    publish_and_listen(settings)
    check_whole(settings)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_publication_that_was_copied_without_its_links_is_published_over(
    settings: Settings, is_damaged: bool
) -> None:
    copied = settings.published.with_name("copied")
    shutil.copytree(settings.published, copied)
    shutil.rmtree(settings.published)
    copied.rename(settings.published)
    if is_damaged:
        flip(settings.published / ".generations" / "current" / "account_health.duckdb")
    publish_and_listen(settings)
    check_whole(settings)
    publish_and_listen(settings)
    check_whole(settings)
    # What was a folder of its own is not thrown away.
    assert len(list(settings.published.glob("parquet.set-aside-*"))) == 1


def test_a_generation_that_is_gone_is_rebuilt(settings: Settings) -> None:
    shutil.rmtree(generation(settings))
    [said] = publish_and_listen(settings)[1]
    assert "all of its files are gone" in said
    check_whole(settings)


def test_what_is_no_generation_hinders_nobody(settings: Settings) -> None:
    generations = settings.published / ".generations"
    (generations / "notes.txt").write_text("mine")
    publish_and_listen(settings)
    assert (generations / "notes.txt").read_text() == "mine"


def test_what_readers_see_stays_where_the_warehouse_cannot_be_read(settings: Settings) -> None:
    before = settings.published_file.read_bytes()
    with settings.warehouse.open("r+b") as file:
        file.seek(5000)
        file.write(os.urandom(settings.warehouse.stat().st_size - 5000))
    with pytest.raises(duckdb.Error):
        publish(settings, "run-2", DAY, DAY)
    assert settings.published_file.read_bytes() == before


def test_a_dozen_generations_of_the_last_hour_are_kept(settings: Settings) -> None:
    generations = settings.published / ".generations"
    made = [generation(settings).name]
    for number in range(20):
        publish(settings, f"run-{number}", DAY, DAY)
        made.append(generation(settings).name)
    kept = {path.name for path in generations.iterdir() if not path.is_symlink()}
    assert kept == set(made[-1 - publication.KEEP_AT_MOST :])


def test_a_clock_that_was_ahead_hides_no_publication(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is published is dated later than what was before, and what was replaced goes in time."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=10))
    ahead = publish(settings, "run-1", DAY, DAY)
    monkeypatch.setattr(clock, "now", lambda: now)
    assert publish(settings, "run-2", DAY, DAY).published_at > ahead.published_at
    replaced = settings.published / ".generations" / f"{ahead.published_at:{publication.NAME}}"
    os.utime(replaced, ((now + timedelta(days=10)).timestamp(),) * 2)
    publish(settings, "run-3", DAY, DAY)
    assert replaced.exists()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=2))
    publish(settings, "run-4", DAY, DAY)
    assert not replaced.exists()


def test_a_damaged_publication_keeps_no_run_from_its_start(settings: Settings) -> None:
    with writing(settings) as warehouse:
        warehouse.execute(
            "create table health.source_status as select ?::date as health_date, 1 as a", [OLD]
        )
    publish(settings, "run-2", DAY, DAY)
    settings.raw.mkdir()
    missed = missed_dates(settings, DAY)
    assert missed == [DAY - timedelta(days=1)]
    for damage in (flip_heading, truncate, empty, Path.unlink):
        damage(settings.published_file.resolve())
        refuse_what_cannot_work(settings)
        assert missed_dates(settings, DAY) == missed


def test_another_file_in_place_of_the_publication_is_refused(tmp_path: Path) -> None:
    settings = make(tmp_path)
    settings.raw.mkdir()
    settings.published.mkdir()
    settings.published_file.write_text("somebody's own")
    with pytest.raises(ClickException, match="cannot be opened"):
        refuse_what_cannot_work(settings)


# Commands that read


@pytest.mark.parametrize(
    "damage", [truncate, empty, fill_with_garbage, Path.unlink], ids=lambda it: it.__name__
)
def test_commands_say_what_is_wrong_and_what_mends_it(
    settings: Settings, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(settings.published_file.resolve())
    for name, value in settings.environment.items():
        monkeypatch.setenv(name, value)
    for arguments in (
        ["query", f"select sum(hash(t)) from health.{HISTORY} as t"],
        ["portfolio"],
        ["explain", "a1"],
        ["summary"],
    ):
        answer = CliRunner().invoke(main, arguments)
        assert answer.exit_code == 1
        [line] = answer.output.splitlines()
        assert str(settings.published_file) in line
        assert "`health run` rewrites it from the warehouse" in line


def test_a_block_that_is_read_later_is_told_as_well(settings: Settings) -> None:
    file = settings.published_file.resolve()
    content = bytearray(file.read_bytes())
    for place in range(12_500, len(content), 4096):
        content[place] ^= 1
    file.write_bytes(content)
    with (
        pytest.raises(ClickException, match=r"is damaged.*`health run` rewrites it"),
        reading_published(settings) as connection,
    ):
        connection.execute(f"select sum(hash(t)) from health.{HISTORY} as t").fetchall()
