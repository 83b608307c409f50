"""Who reads published data can neither read another file nor write one, whatever SQL they ask."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result
from pipeline import ROOT
from small_warehouse import DAY, make

from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.publishing.publication import publish
from orchestration.runs.preflight import refuse_other_files
from orchestration.warehouse.connections import writing
from orchestration.warehouse.health_dates import missed_dates
from orchestration.warehouse.published import reading_published

# {folder}: where the data is; {file}: the published file without its links.
WRITING = (
    "copy (select 1) to '{folder}/warehouse.duckdb'",
    "copy (select 1) to '{folder}/new.csv'",
    "copy health.account_health_history to '{folder}/new.parquet' (format parquet)",
    "copy (select 1 as a, 2 as b) to '{folder}/new' (format csv, partition_by (a))",
    "copy (select 1) to '{file}'",
    "copy (select 1) to '{folder}/published/account_health.duckdb'",
    "copy (select 1) to '{file}.wal'",
    "copy (select 1) to '{file}.tmp/new.csv'",
    "explain analyze copy (select 1) to '{folder}/new.csv'",
    "export database '{folder}/new'",
    "attach '{folder}/new.duckdb' as new",
    "attach '{folder}/warehouse.duckdb' as warehouse",
    "create table health.new as select 1",
    "create view health.new as select 1",
    "create schema new",
    "insert into health.account_churn values ('a', 'b')",
    "delete from health.account_churn",
    "drop table health.account_churn",
    "select 1; drop table health.account_churn",
    "alter table health.account_churn add column new integer",
    "create persistent secret new (type s3)",
    "install httpfs",
    "force install httpfs from 'https://extensions.example'",
    "update extensions",
    "call enable_logging(storage = 'file', storage_path = '{folder}/new')",
)
READING = (
    "from read_text('{folder}/secret.csv')",
    "from read_blob('{folder}/secret.csv')",
    "from read_csv('{folder}/secret.csv')",
    "from sniff_csv('{folder}/secret.csv')",
    "from read_json('{folder}/secret.csv')",
    "from read_parquet('{folder}/published/parquet/**/*.parquet')",
    "from '{folder}/secret.csv'",
    "from glob('{folder}/*')",
    "from query_table('{folder}/secret.csv')",
    "import database '{folder}'",
    "attach '{folder}/warehouse.duckdb' as warehouse (read_only)",
    "load httpfs",
    "load '{folder}/new.duckdb_extension'",
    "from read_csv('https://evil.example/x.csv')",
    "from duckdb_secrets()",
    "copy health.account_churn from '{folder}/secret.csv'",
)
SETTING = (
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset lock_configuration",
    "set temp_directory = '{folder}/new'",
    "set allowed_directories = ['{folder}']",
    "set autoinstall_known_extensions = true",
    "set custom_extension_repository = 'https://evil.example'",
    "set log_query_path = '{folder}/new'",
    "pragma profiling_output = '{folder}/new'",
    "pragma enable_profiling",
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Something published, beside a file that nobody is to see."""
    folder = tmp_path_factory.mktemp("reading")
    settings = make(folder)
    with writing(settings) as warehouse:
        warehouse.execute("create table health.source_status (health_date date, status text)")
        warehouse.execute("insert into health.source_status values (?, 'ok')", [DAY])
    publish(settings, "run", DAY, DAY)
    (folder / "secret.csv").write_text("hidden\nhidden\n")
    settings.published_file.resolve().with_name("account_health.duckdb.tmp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEALTH_RAW_DIR", str(settings.raw))
        patch.setenv("HEALTH_DB_PATH", str(settings.warehouse))
        patch.setenv("HOME", str(folder / "home"))
        yield settings


def asked(sql: str) -> Result:
    return CliRunner().invoke(main, ["query", sql])


def contents(folder: Path) -> dict[str, str]:
    """Every file below the folder with a digest, and every folder."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("sql", [*WRITING, *READING, *SETTING])
def test_a_query_touches_no_file(sql: str, settings: Settings) -> None:
    folder = settings.warehouse.parent
    before = contents(folder)
    result = asked(sql.format(folder=folder, file=settings.published_file.resolve()))
    assert (result.exit_code, "hidden" in result.output) == (1, False), result.output
    assert "Traceback" not in result.output
    assert contents(folder) == before


def test_a_refused_file_is_told_in_words(settings: Settings) -> None:
    result = asked("copy (select 1) to 'new.csv'")
    assert "`health query` reads the published tables and touches no file" in result.output


def test_a_query_that_only_reads_is_answered(settings: Settings) -> None:
    for sql in (
        "select count(*) from health.account_health_history",
        "from health.account_health_last_60_days",
        "describe health.account_churn",
        "summarize health.account_churn",
        "create temporary table own as from health.account_churn; from own",
        "select json_extract('[1]', '$[0]'), current_date at time zone 'Europe/Paris'",
    ):
        result = asked(sql)
        assert result.exit_code == 0, (sql, result.output)


def test_variables_of_this_program_are_no_tables(settings: Settings) -> None:
    import pandas

    frame = pandas.DataFrame({"hidden": [1]})
    with reading_published(settings) as connection, pytest.raises(duckdb.CatalogException):
        connection.execute("from frame")
    assert len(frame) == 1


def test_readers_of_one_process_go_together(settings: Settings) -> None:
    """DuckDB refuses a second connection with other settings."""
    with reading_published(settings), reading_published(settings) as connection:
        assert connection.execute("from health.account_churn").fetchall()
        refuse_other_files(settings)
        assert missed_dates(settings, DAY + timedelta(days=1)) == []


def test_files_of_duckdb_are_opened_in_one_place_and_published_ones_in_another() -> None:
    files = [*ROOT.glob("orchestration/**/*.py"), *ROOT.glob("expectations/**/*.py")]
    opening = {file.name for file in files if "duckdb.connect(" in file.read_text("utf-8")}
    assert opening == {"duckdb_files.py", "published.py"}
