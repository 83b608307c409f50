"""dbt in `health-dbt` says and finds what it does elsewhere, with less work."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbt.context.macros import MacroNamespace
from dbt_common.clients import agate_helper
from dbt_common.events.base_types import BaseEvent, EventLevel, EventMsg
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager
from dbt_common.events.functions import fire_event
from dbt_common.events.logger import LoggerConfig, _TextLogger
from dbt_common.events.types import Note

from orchestration.dbt_runner.lighter_dbt import lighten

REPLACED = (
    (BaseEvent, "__init__"),
    (BaseEvent, "__getattr__"),
    (MacroNamespace, "__getitem__"),
    (MacroNamespace, "__iter__"),
    (agate_helper, "build_type_tester"),
    (agate_helper, "empty_table"),
)


class Lines(_TextLogger):
    """A logger that keeps the lines that it writes, as dbt's do before they ask for the level."""

    def __init__(self, level: EventLevel) -> None:
        super().__init__(LoggerConfig(name="lines", level=level))
        self.lines: list[str] = []

    def write_line(self, msg: EventMsg) -> None:
        self.lines.append(msg.info.msg)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """dbt as `health-dbt` has it, for one test."""
    for place, name in REPLACED:
        monkeypatch.setattr(place, name, getattr(place, name))
    before = get_event_manager()
    lighten()
    yield
    ctx_set_event_manager(before)


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize(
    ("level", "lines"),
    [
        (EventLevel.INFO, ["said", "warned"]),
        (EventLevel.DEBUG, ["whispered", "said", "warned"]),
    ],
)
def test_a_debug_event_is_written_only_for_a_logger_that_takes_it(
    level: EventLevel, lines: list[str]
) -> None:
    logger = Lines(level)
    get_event_manager().loggers.append(logger)
    fire_event(Note(msg="whispered"), level=EventLevel.DEBUG)
    fire_event(Note(msg="said"), level=EventLevel.INFO)
    fire_event(Note(msg="warned"), level=EventLevel.WARN)
    assert logger.lines == lines


def test_an_event_says_the_same_whenever_it_is_read(request: pytest.FixtureRequest) -> None:
    plain = Note(msg="words")
    request.getfixturevalue("light")
    event = Note(msg="words")
    assert (event.to_json(), event.message()) == (plain.to_json(), plain.message())
    event.msg = "others"
    assert event.to_dict() == {"msg": "others"}
    assert event.pb_msg.msg == "others"
    with pytest.raises(AttributeError):
        event.nothing  # noqa: B018


def test_the_macro_is_found_that_dbt_would_find(request: pytest.FixtureRequest) -> None:
    places: list[dict[str, Any]] = [
        {"all": "global", "three": "global"},
        {"all": "local"},
        {"all": "dbt", "three": "dbt", "own": "dbt"},
        {"all": {"package": "one"}, "other": {"package": "two"}},
    ]
    plain = dict(MacroNamespace(*places))
    request.getfixturevalue("light")
    light = MacroNamespace(*places)
    assert dict(light) == plain
    assert len(light) == len(plain) == len(list(light))
    assert (light["all"], light["three"], light["own"]) == ("local", "global", "dbt")
    assert "no such macro" not in light
    assert light.get("no such macro") is None


def test_a_result_has_the_types_that_dbt_gives_it(request: pytest.FixtureRequest) -> None:
    def results() -> list[Any]:
        rows = [{"day": "2026-11-22", "text": "null", "number": "1.5"}]
        tables = [
            agate_helper.table_from_data(rows, ["day", "text", "number"]),
            agate_helper.table_from_data_flat(rows, ["day", "text", "number"]),
            agate_helper.table_from_rows([["2", "3"]], ["a", "b"], text_only_columns=["b"]),
            agate_helper.table_from_rows([["2", "3"]], ["a", "b"], text_only_columns=["a"]),
            agate_helper.empty_table(),
        ]
        return [
            ([type(each) for each in table.column_types], [tuple(row) for row in table.rows])
            for table in tables
        ]

    plain = results()
    request.getfixturevalue("light")
    assert results() == plain
    assert results() == plain


@pytest.mark.parametrize(("code", "expected"), [("None", 0), ("0", 0), ("2", 2), ("'words'", 1)])
def test_the_process_ends_with_its_code_and_a_warehouse_that_is_written(
    tmp_path: Path, code: str, expected: int
) -> None:
    file = tmp_path / "warehouse.duckdb"
    script = (
        "import duckdb\n"
        "from types import SimpleNamespace\n"
        "from orchestration.dbt_runner.lighter_dbt import DuckDBConnectionManager, leave\n"
        f"warehouse = duckdb.connect({str(file)!r})\n"
        "cursor = warehouse.cursor()\n"
        "cursor.execute('create table written as select 1')\n"
        "DuckDBConnectionManager._ENV = SimpleNamespace(close=warehouse.close)\n"
        "print('said', end='')\n"
        f"leave({code})\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (expected, "said"), answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == [file.name], (
        "no log is left to be replayed"
    )
