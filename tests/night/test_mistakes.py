"""What people get wrong, tried with every command that there is: a line, and never a traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from dagster_browser import free_port
from nights import END, a_night, a_night_calculated

from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.console import command_group
from orchestration.console.dagster_programs import be_the_only_daemon

COMMANDS = sorted(main.commands)
OF_DATA = [name for name in COMMANDS if name != "preset"]  # which copies files of the checkout


class Started(Exception):
    """A command came as far as to become one of Dagster's programs, or to answer browsers."""


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise Started

    monkeypatch.setattr(os, "execve", refuse)
    monkeypatch.setattr("uvicorn.run", refuse)
    monkeypatch.setenv("HEALTH_DEBUG", "")


@pytest.fixture(scope="module")
def published() -> dict[str, str]:
    """The environment of a company whose health is published."""
    assert a_night_calculated().exit_code == 0
    return a_night().environment


@pytest.fixture
def not_a_folder(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_text("no database")
    return file


def invoke(name: str, *options: str, environment: dict[str, str]) -> Result:
    return CliRunner().invoke(main, [name, *needed(name), *options], env=environment)


def needed(name: str) -> list[str]:
    """What the command cannot do without, as somebody would give it."""
    if name == "dagster":
        return ["dagster-daemon", "run"]
    given: list[str] = []
    for parameter in main.commands[name].params:
        if parameter.required:
            flag = [parameter.opts[0]] if isinstance(parameter, click.Option) else []
            given += [*flag, plausible(parameter)]
    return given


def plausible(parameter: click.Parameter) -> str:
    if isinstance(parameter.type, click.DateTime):
        return str(END)
    if parameter.name == "sql":
        return "select 1"
    return "seeds" if "configuration" in (parameter.name or "") else "acc_00001"


def assert_is_told(result: Result) -> None:
    """It ended with a message, and not as a fault of the program."""
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code in (1, 2), result.output
    assert "Traceback" not in result.output
    # Usage errors tell the usage as well; the run, where its log is.
    messages = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(messages) == 1, result.output
    assert len(messages[0]) > len("Error: ") + 10


# Places


@pytest.mark.parametrize("name", OF_DATA)
@pytest.mark.parametrize(
    "variable", ["HEALTH_RAW_DIR", "HEALTH_PUBLISHED_DIR", "HEALTH_STATE_DIR", "HEALTH_DB_PATH"]
)
def test_a_file_in_place_of_a_folder_or_the_other_way_round(
    name: str, variable: str, tmp_path: Path, not_a_folder: Path
) -> None:
    (tmp_path / "raw").mkdir()
    wrong = tmp_path / "raw" if variable == "HEALTH_DB_PATH" else not_a_folder
    environment = {
        "HEALTH_RAW_DIR": str(tmp_path / "raw"),
        "HEALTH_DB_PATH": str(tmp_path / "warehouse.duckdb"),
        variable: str(wrong),
    }
    result = invoke(name, environment=environment)
    assert_is_told(result)
    if name != "sample":
        assert str(wrong) in result.output


@pytest.mark.parametrize("name", OF_DATA)
@pytest.mark.parametrize("variable", ["HEALTH_PUBLISHED_DIR", "HEALTH_STATE_DIR", "HEALTH_DB_PATH"])
def test_a_place_that_cannot_be_written(
    name: str, variable: str, tmp_path: Path, not_a_folder: Path
) -> None:
    (tmp_path / "raw").mkdir()
    environment = {
        "HEALTH_RAW_DIR": str(tmp_path / "raw"),
        "HEALTH_DB_PATH": str(tmp_path / "warehouse.duckdb"),
        variable: str(not_a_folder / "below" / "it"),
    }
    assert_is_told(invoke(name, environment=environment))


@pytest.mark.parametrize("name", OF_DATA)
def test_a_warehouse_and_a_published_file_that_are_no_databases(
    name: str, tmp_path: Path, not_a_folder: Path
) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "account_health.duckdb").write_text("no database")
    environment = {
        "HEALTH_RAW_DIR": str(tmp_path / "raw"),
        "HEALTH_DB_PATH": str(not_a_folder),
    }
    assert_is_told(invoke(name, environment=environment))


@pytest.mark.parametrize("name", OF_DATA)
def test_nothing_there_yet(name: str, tmp_path: Path) -> None:
    environment = {
        "HEALTH_RAW_DIR": str(tmp_path / "raw"),
        "HEALTH_DB_PATH": str(tmp_path / "warehouse.duckdb"),
    }
    if name in ("ui", "dagster"):
        pytest.skip("Dagster may be opened before the first run")
    assert_is_told(invoke(name, environment=environment))


# Options


def options_of(kind: type[click.ParamType]) -> list[tuple[str, str]]:
    return [
        (name, parameter.opts[0])
        for name in COMMANDS
        for parameter in main.commands[name].params
        if isinstance(parameter, click.Option) and isinstance(parameter.type, kind)
    ]


@pytest.mark.parametrize(("name", "option"), options_of(click.Path))
def test_a_file_that_cannot_be_written(
    name: str, option: str, not_a_folder: Path, published: dict[str, str]
) -> None:
    result = invoke(name, option, str(not_a_folder / "below" / "it.png"), environment=published)
    assert_is_told(result)


@pytest.mark.parametrize(("name", "option"), options_of(click.DateTime))
@pytest.mark.parametrize("text", ["2026-13-45", "yesterday", ""])
def test_a_date_that_is_none(name: str, option: str, text: str, published: dict[str, str]) -> None:
    result = invoke(name, option, text, environment=published)
    assert_is_told(result)
    assert result.exit_code == 2


@pytest.mark.parametrize(("name", "option"), options_of(click.DateTime))
@pytest.mark.parametrize("text", ["1999-12-31", "2999-01-01"])
def test_a_date_that_cannot_be(
    name: str, option: str, text: str, published: dict[str, str]
) -> None:
    result = invoke(name, option, text, environment=published)
    if name in ("trend", "forget") and result.exit_code == 0:
        return  # it shows what there is between, or says that nothing is later
    assert_is_told(result)


@pytest.mark.parametrize(("name", "option"), options_of(type(click.STRING)))
def test_names_of_nothing(name: str, option: str, published: dict[str, str]) -> None:
    result = invoke(name, option, "nothing of 'that' name", environment=published)
    assert_is_told(result)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_there_is_not(name: str, published: dict[str, str]) -> None:
    if name == "dagster":
        pytest.skip("its options are Dagster's")
    assert_is_told(invoke(name, "--no-such-option", environment=published))


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("HEALTH_MEMORY_LIMIT", "much"),
        ("HEALTH_THREADS", "two"),
        ("HEALTH_CATCH_UP_DAYS", "-1"),
        ("HEALTH_ALERT_DESTINATION", "nowhere"),
        ("HEALTH_ALERT_MAX_AGE_DAYS", "a week"),
    ],
)
def test_a_setting_that_cannot_be(variable: str, text: str, published: dict[str, str]) -> None:
    result = invoke("run", environment={**published, variable: text})
    assert_is_told(result)
    assert variable in result.output


def test_an_account_that_is_unknown(published: dict[str, str]) -> None:
    result = CliRunner().invoke(main, ["explain", "nobody"], env=published)
    assert_is_told(result)
    assert "nobody" in result.output


def test_a_query_with_a_mistake(published: dict[str, str]) -> None:
    result = CliRunner().invoke(main, ["query", "select * from nowhere"], env=published)
    assert_is_told(result)


# Faults


def test_a_fault_of_the_program_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.group(cls=command_group.Commands)
    def group() -> None: ...

    @group.command()
    def broken() -> None:
        raise KeyError("column\nof two lines")

    result = CliRunner().invoke(group, ["broken"])
    assert result.exit_code == 70
    assert "A fault of this program" in result.output
    assert "KeyError" in result.output
    assert "HEALTH_DEBUG=1" in result.output
    assert len(result.output.splitlines()) == 1
    monkeypatch.setenv("HEALTH_DEBUG", "1")
    assert isinstance(CliRunner().invoke(group, ["broken"]).exception, KeyError)


# Dagster's UI and daemon

DAEMON = """
import sys
from pathlib import Path
from orchestration.console.dagster_programs import be_the_only_daemon
from orchestration.base.settings import Settings

folder = Path(sys.argv[1])
be_the_only_daemon(Settings(folder / "raw", folder / "warehouse.duckdb"))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def company(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "raw").mkdir()
    return {
        "HEALTH_RAW_DIR": str(tmp_path / "raw"),
        "HEALTH_DB_PATH": str(tmp_path / "warehouse.duckdb"),
    }


@pytest.mark.parametrize(
    "arguments",
    [["ui"], ["serve"], ["dagster", "dagster-webserver"], ["dagster", "dagster", "dev"]],
)
def test_a_port_that_is_used(arguments: list[str], company: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(main, [*arguments, "--port", port], env=company)
    assert_is_told(result)
    assert f"Port {port}" in result.output


def test_a_host_that_is_none_of_this_machine(company: dict[str, str]) -> None:
    result = CliRunner().invoke(main, ["ui", "--host", "192.0.2.1"], env=company)
    assert_is_told(result)


@pytest.mark.parametrize(
    "arguments",
    [["ui"], ["dagster", "dagster-daemon", "run"], ["dagster", "dagster", "dev"]],
)
def test_a_second_daemon(arguments: list[str], company: dict[str, str], tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert first.stdout and first.stdout.readline() == "held\n"
    if arguments == ["ui"]:
        arguments = ["ui", "--port", str(free_port())]
    try:
        result = CliRunner().invoke(main, arguments, env=company)
        assert_is_told(result)
        assert f"process {first.pid}" in result.output
    finally:
        first.kill()
        first.communicate()
    # A daemon that was killed leaves nothing behind that shuts the next one out.
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    os.close(be_the_only_daemon(settings))
