"""Erasure: whom the list names is gone from every file, stays out, and the sums are as without."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import planted
import pytest
from click import ClickException
from click.testing import CliRunner, Result
from planted import END
from small_warehouse import query

from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.erasure.removal import remove
from orchestration.warehouse import erasure_steps
from orchestration.warehouse.connections import writing
from orchestration.warehouse.erasure_list import Erasure, erasure_list
from orchestration.warehouse.unfinished import unfinished

DAY = timedelta(days=1)
START = END - timedelta(days=5)
DATES = ["--start", str(START), "--end", str(END)]
# What depends on the runs that there were, and not on the raw data alone.
OF_RUNS = {"check_results", "check_failures"}


SPILT = ("w.duckdb.tmp/spilt", "w.duckdb.set-aside-20261122T000000.000000")


@dataclass(frozen=True)
class House:
    """A company whose health was calculated, and two who want to be forgotten."""

    folder: Path
    user: str
    account: str
    words: frozenset[str]

    @property
    def settings(self) -> Settings:
        return Settings(self.folder / "raw", self.folder / "w.duckdb")

    @property
    def list(self) -> Path:
        return self.folder / "erasures.csv"

    def ask_to_erase(self) -> None:
        self.list.write_text(
            "kind,id,requested_at,reason\n"
            f"user,{self.user},2026-11-22,asked by mail\n"
            f"account, {self.account} ,2026-11-22,\n"
        )


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    patch = pytest.MonkeyPatch()
    yield patch
    patch.undo()


def health(house: House, patch: pytest.MonkeyPatch, *arguments: str) -> Result:
    patch.setenv("HEALTH_RAW_DIR", str(house.folder / "raw"))
    patch.setenv("HEALTH_DB_PATH", str(house.folder / "w.duckdb"))
    patch.setenv("HEALTH_PUBLISH_PROFILES", "bi=without,team=pseudonyms")
    patch.setenv("HEALTH_PSEUDONYM_KEY", "a secret that nobody knows")
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, (result.output, result.exception)
    return result


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> House:
    """After a run; nobody is erased."""
    folder = tmp_path_factory.mktemp("before")
    planted.plant(folder / "raw", accounts=12)
    files = {path.stem: f"'{path}'" for path in (folder / "raw").glob("*.parquet")}
    [(user, email, name)] = duckdb.sql(
        f"""
        select user_id, any_value(email), any_value(user_name)
        from {files["users"]} as users
        inner join {files["events"]} as events using (user_id)
        inner join {files["tickets"]} as tickets using (user_id)
        where
            email is not null
            and user_name in (
                select user_name from {files["users"]} group by user_name having count(*) = 1
            )
        group by user_id
        order by count(*) desc, user_id
        limit 1
        """
    ).fetchall()
    [(account, account_name)] = duckdb.sql(
        f"""
        select account_id, any_value(account_name)
        from {files["accounts"]} as accounts
        inner join {files["users"]} as users using (account_id)
        where
            account_id not in (
                select account_id from {files["users"]}
                where user_id = '{user}' and account_id is not null
            )
            and account_name is not null
        group by account_id
        order by count(*) desc, account_id
        limit 1
        """
    ).fetchall()
    words = frozenset({user, email, name, account, account_name})
    house = House(folder, user, account, words)
    health(house, patch, "run", *DATES)
    return house


@pytest.fixture(scope="module")
def erased(
    before: House, tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch
) -> tuple[House, str]:
    """The same after `health erase`, and what it printed."""
    folder = tmp_path_factory.mktemp("erased") / "house"
    shutil.copytree(before.folder, folder, symlinks=True)
    house = House(folder, before.user, before.account, before.words)
    house.ask_to_erase()
    leave_traces(house)
    assert found_in(house)["state/raw_files/previous/copy.csv"] == {house.user}
    return house, health(house, patch, "erase").output


def leave_traces(house: House) -> None:
    """A copy of a raw file, pages, what was spilt or damaged, and a log, of earlier runs."""
    for place in ("state/raw_files/previous/copy.csv", "docs/page.html", *SPILT):
        file = house.folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"about {house.user}")
    [log] = [file for file in house.folder.rglob("index.db") if "event_log" in str(file)] or [
        *house.folder.rglob("index.db")
    ]
    with closing(sqlite3.connect(log)) as database:
        database.execute(
            "update event_logs set event = event || ? where id = (select max(id) from event_logs)",
            [house.user],
        )
        database.commit()
        database.execute("pragma wal_checkpoint(truncate)")
    assert house.user.encode() in log.read_bytes()


def found_in(house: House) -> dict[str, set[str]]:
    """The words of those who are erased, by the file in whose bytes they are."""
    found = {}
    for path in house.folder.rglob("*"):
        is_kept = path == house.list or house.folder / "raw" in path.parents
        if path.is_symlink() or not path.is_file() or is_kept:
            continue
        content = path.read_bytes()
        words = {word for word in house.words if word.encode() in content}
        if path.suffix == ".parquet":
            text = str(duckdb.sql(f"from '{path}'").fetchall())
            words |= {word for word in house.words if word in text}
        if words:
            found[str(path.relative_to(house.folder))] = words
    return found


def test_before_they_are_in_many_places(before: House) -> None:
    places = found_in(before)
    assert set().union(*places.values()) == before.words
    assert {"w.duckdb"} <= set(places)
    assert any(place.startswith("published/.generations") for place in places)


def test_no_log_and_no_page_holds_personal_data(before: House) -> None:
    """Planted values are in what readers open, not in notes, logs and pages, as here no failing
    row of a check shows one."""
    for folder in ("state", "docs"):
        for path in (before.folder / folder).rglob("*"):
            if path.is_file():
                text = path.read_bytes().decode("latin-1")
                assert not planted.plants_in(text), path


def test_no_byte_of_them_is_left(erased: tuple[House, str]) -> None:
    assert found_in(erased[0]) == {}


def test_no_value_of_them_is_left_in_a_database(erased: tuple[House, str]) -> None:
    house, _ = erased
    files = [house.folder / "w.duckdb", *house.folder.glob("published*/account_health.duckdb")]
    assert len(files) == 4
    for file in files:
        with duckdb.connect(str(file), read_only=True) as connection:
            for (table,) in connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables()"
            ).fetchall():
                text = str(connection.execute(f"select {table}::varchar from {table}").fetchall())
                assert not {word for word in house.words if word in text}, (file, table)


def test_the_report_says_what_was_done_and_what_is_left(erased: tuple[House, str]) -> None:
    house, output = erased
    assert "of 1 user and 1 account from the warehouse" in output
    assert "health.account_health_history: 6" in output
    assert f"Sums are calculated again for {START} to {END}." in output
    assert "raw table events:" in output
    assert str(house.list) in output.replace("\n", "")
    assert not {word for word in house.words if word in output}


def test_again_there_is_nothing_to_do(erased: tuple[House, str], patch: pytest.MonkeyPatch) -> None:
    house, _ = erased
    sql = "select published_at from health.publication"
    published_at = query(house.settings.published_file, sql)
    assert "Nothing is left of 1 user and 1 account" in health(house, patch, "erase").output
    assert query(house.settings.published_file, sql) == published_at


def test_the_sums_are_those_of_a_company_without_them(
    erased: tuple[House, str],
    before: House,
    tmp_path: Path,
    patch: pytest.MonkeyPatch,
) -> None:
    house, _ = erased
    other = House(tmp_path / "never", house.user, house.account, house.words)
    shutil.copytree(house.folder / "raw", other.folder / "raw")
    other.ask_to_erase()
    health(other, patch, "run", *DATES)
    with duckdb.connect(str(house.settings.published_file), read_only=True) as connection:
        connection.execute(f"attach '{other.settings.published_file}' as other (read_only)")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = current_database()"
        ).fetchall()
        for (table,) in tables:
            if table.startswith("publication") or table in OF_RUNS:
                continue
            for one, another in (("", "other."), ("other.", "")):
                differing = connection.execute(
                    f"from {one}health.{table} except all from {another}health.{table}"
                ).fetchall()
                assert not differing, (table, one, differing[:3])
    # They made a difference.
    assert query(
        before.settings.published_file, "from health.pillar_metrics_history order by all"
    ) != query(house.settings.published_file, "from health.pillar_metrics_history order by all")


def test_dates_that_would_come_out_otherwise_are_left(
    before: House, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    """By another configuration, or without raw rows that are gone since."""
    house = House(tmp_path / "house", before.user, before.account, before.words)
    shutil.copytree(before.folder, house.folder, symlinks=True)
    house.ask_to_erase()
    with writing(house.settings) as warehouse:
        warehouse.execute(
            "update health.source_status set rows_before_date = rows_before_date + 1"
            " where table_name = 'tickets' and health_date = ?",
            [START],
        )
        warehouse.execute(
            "update health.account_health_history set config_version = 'previous'"
            " where health_date = ?",
            [START + DAY],
        )
    events = house.folder / "raw" / "events.parquet"
    duckdb.sql(f"create table kept as from '{events}' where occurred_at >= date '{START}'")
    duckdb.sql(f"copy kept to '{events}'")
    patch.setenv("HEALTH_DB_PATH", str(house.settings.warehouse))
    removal = remove(house.settings)
    assert removal.dates.previous_configuration == [(START + DAY, START + DAY)]
    # Events are read again from three days before a date on.
    assert removal.dates.out_of_raw == [(START, START), (START + 2 * DAY, START + 2 * DAY)]
    assert removal.dates.again == [(START + 3 * DAY, END)]
    assert "another configuration made them" in "\n".join(removal.in_words())
    assert unfinished(house.settings) == removal.dates.again
    # What is left to do is known to the next run, should this be all that was done.
    assert not erasure_steps.is_due(house.settings)
    assert erasure_steps.is_to_be_published(house.settings)


def test_raw_brings_nobody_back_and_the_rows_add_up(
    erased: tuple[House, str], patch: pytest.MonkeyPatch
) -> None:
    house, _ = erased
    health(house, patch, "run", "--date", str(END))
    assert found_in(house) == {}
    rows = query(
        house.settings.warehouse,
        """
        select
            files.row_count,
            (select count(*) from staging.base_users),
            erased.row_count
        from health.raw_files as files
        inner join health.erased_records as erased using (table_name)
        where table_name = 'users'
        """,
    )
    [(read, validated, left_out)] = rows
    raw = house.folder / "raw" / "users.parquet"
    [(copies,)] = duckdb.sql(
        f"select count(*) - (select count(*) from (select distinct * from '{raw}')) from '{raw}'"
    ).fetchall()
    assert left_out > 1
    assert read - copies <= validated + left_out <= read


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,requested_at\nu1,2026-11-22\n", "lacks the column kind"),
        ("kind,id,requested_at\nperson,secret-1,\nuser,,\n", "line 2"),
        ("kind,id,requested_at\nuser,,2026-11-22\n", "the id is empty"),
    ],
)
def test_a_wrong_list_is_told_without_an_id(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ClickException) as refusal:
        erasure_list(tmp_path / "list.csv")
    assert words in refusal.value.message
    assert "secret-1" not in refusal.value.message


def test_a_list_counts_everybody_once(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    assert erasure_list(file) == []
    file.write_text("\ufeffKind,ID,Requested_at\nUser, u1 ,x\nuser,u1,\naccount,7,\n")
    assert erasure_list(file) == [Erasure("account", "7"), Erasure("user", "u1")]
