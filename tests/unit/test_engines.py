"""Every engine spells every macro that `macros/engine/` hands over, in its own folder."""

import re
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner
from pipeline import PROJECT

from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.warehouse.spark import SESSION, connected

MACROS = PROJECT / "macros"
ENGINES = sorted(folder.name for folder in (MACROS / "engine").iterdir() if folder.is_dir())
DISPATCHED = re.compile(r"adapter\.dispatch\('(\w+)', 'health'\)")
MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)\(([^)]*)\)", re.DOTALL)
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


def handed_over() -> dict[str, list[str]]:
    """The macros that an engine must spell, with the names of their arguments."""
    signatures = dict(macros_of(MACROS))
    return {
        name: signatures[name]
        for file in MACROS.rglob("*.sql")
        for name in DISPATCHED.findall(text_of(file))
    }


def macros_of(folder: Path) -> list[tuple[str, list[str]]]:
    """The macros in the files of a folder, with the names of their arguments."""
    return [
        (name, [argument.partition("=")[0].strip() for argument in split(arguments)])
        for file in sorted(folder.rglob("*.sql"))
        for name, arguments in MACRO.findall(text_of(file))
    ]


def split(arguments: str) -> list[str]:
    named = re.sub(r"\(\)|\{\}", "", arguments).split(",")
    return [argument for argument in named if argument.strip()]


def text_of(file: Path) -> str:
    return COMMENT.sub("", file.read_text(encoding="utf-8"))


def test_there_are_engines_and_macros_to_spell() -> None:
    assert ENGINES == ["duckdb", "spark"]
    assert len(handed_over()) > 40


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_spells_every_macro(engine: str) -> None:
    spelled = dict(macros_of(MACROS / "engine" / engine))
    missing = [name for name in handed_over() if f"{engine}__{name}" not in spelled]
    assert not missing, f"macros/engine/{engine}/ lacks {', '.join(sorted(missing))}"
    for name, arguments in handed_over().items():
        assert spelled[f"{engine}__{name}"] == arguments, f"{engine}__{name} has other arguments"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_body_of_an_engine_stands_in_its_folder(engine: str) -> None:
    elsewhere = [
        name
        for file in MACROS.rglob("*.sql")
        if MACROS / "engine" / engine not in file.parents
        for name, _ in MACRO.findall(text_of(file))
        if name.startswith(f"{engine}_")
    ]
    assert not elsewhere


def test_what_is_handed_over_stands_in_one_file() -> None:
    files = {file for file in MACROS.rglob("*.sql") if DISPATCHED.search(text_of(file))}
    assert files == {MACROS / "engine" / "engine.sql"}


def test_the_models_name_no_engine() -> None:
    """What one engine alone has goes through a macro."""
    naming = [
        file.relative_to(PROJECT)
        for folder in ("models", "tests", "macros")
        for file in (PROJECT / folder).rglob("*.sql")
        if MACROS / "engine" not in file.parents
        and re.search(r"target\.type|information_schema|\b(duckdb|spark)__", text_of(file))
    ]
    assert not naming


def test_an_engine_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ENGINES:
        monkeypatch.setenv("HEALTH_TARGET", engine)
        assert Settings.from_environment().engine == engine
        assert Settings.from_environment().environment["HEALTH_TARGET"] == engine
    monkeypatch.setenv("HEALTH_TARGET", "oracle")
    with pytest.raises(click.ClickException, match="HEALTH_TARGET is 'oracle'"):
        Settings.from_environment()


def test_how_many_dates_are_copied_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.from_environment().copied_dates is None
    monkeypatch.setenv("HEALTH_SPARK_DATES", "90")
    assert Settings.from_environment().copied_dates == 90
    for wrong in ("0", "-1", "all"):
        monkeypatch.setenv("HEALTH_SPARK_DATES", wrong)
        with pytest.raises(click.ClickException, match=f"HEALTH_SPARK_DATES is '{wrong}'"):
            Settings.from_environment()


def test_what_works_on_duckdb_alone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_TARGET", "spark")
    answer = CliRunner().invoke(main, ["sample"])
    assert answer.exit_code == 1
    assert "does not work on Spark so far" in answer.output


def test_a_missing_extra_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyhive", None)
    with pytest.raises(click.ClickException, match="extra `spark`.*is not installed"), connected():
        pass


def test_dbt_asks_a_session_of_spark_for_what_health_asks() -> None:
    profiles = yaml.safe_load((PROJECT / "profiles.yml").read_text())
    asked = profiles["health"]["outputs"]["spark"]["server_side_parameters"]
    expected = {f"set:hiveconf:{name}": value for name, value in SESSION.items()}
    assert asked and asked.items() <= expected.items()
