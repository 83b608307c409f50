"""CONTRIBUTING.md keeps its word: paths exist, tests are found, facts stand nowhere else.

A fact of one kind is followed through the product by an example: where its name stands must be
what the page lists for that change. Pages and seeds may name it; they are rows and prose. Of tests,
those that have to know every fact of its kind are listed.
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from pipeline import ROOT

from orchestration.base.dbt_project import catalogue, configuration_files, variables
from orchestration.insight.conditions import COMPARE
from orchestration.insight.states import ALL_STATES
from orchestration.raw_reader.definitions import raw_definitions

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGES = {
    heading: text for heading, _, text in (part.partition("\n") for part in PAGE.split("\n## ")[1:])
}
PRODUCT = ("orchestration", "expectations", "dbt_project")
SUFFIXES = {".py", ".sql", ".yml", ".csv"}
MACROS = ROOT / "dbt_project" / "macros"


def paths_of(text: str) -> list[str]:
    """Paths that a text names: in backticks, with a slash or an ending of a file."""
    names = re.findall(r"`([\w./<>-]+)`", text)
    return [name for name in names if "/" in name or re.search(r"\.(md|py|sql|yml|csv)$", name)]


def named_tests(text: str) -> list[str]:
    return paths_of(text.partition("- Tests:")[2])


def product_files() -> Iterable[tuple[str, str]]:
    """Path and text of every file of the product that a person writes."""
    for folder in PRODUCT:
        for file in sorted((ROOT / folder).rglob("*")):
            path = file.relative_to(ROOT)
            built = {"target", "logs", "__pycache__"} & set(path.parts)
            if file.suffix in SUFFIXES and not built and not path.stem.endswith("__unit_tests"):
                yield path.as_posix(), file.read_text(encoding="utf-8")


def standing_in(pattern: str) -> set[str]:
    return {path for path, text in product_files() if re.search(pattern, text)}


def allowed(change: str, found: Iterable[str]) -> set[str]:
    """Those files that the page names for a change, by themselves or by their folder."""
    named = paths_of(CHANGES[change])
    return {
        path
        for path in found
        if path in named or any(name.endswith("/") and path.startswith(name) for name in named)
    }


def test_there_are_twelve_changes_each_with_tests() -> None:
    assert len(CHANGES) == 12
    assert all(named_tests(text) for text in CHANGES.values())


@pytest.mark.parametrize("path", sorted(set(paths_of(PAGE))))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_test_is_found() -> None:
    """A module that cannot be imported or has no test is an error."""
    modules = sorted({test for text in CHANGES.values() for test in named_tests(text)})
    collected = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-p",
            "no:cacheprovider",
            *modules,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert collected.returncode == 0, collected.stdout[-2000:]
    with_tests = {line.partition("::")[0] for line in collected.stdout.splitlines() if "::" in line}
    assert with_tests == set(modules)


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ("A measure", r"\blate_payment_ratio\b"),
        ("A measure", r"\blicense_utilization\b"),
        ("An operator", r"\bnot_in\b"),
        ("A raw table", r"\bsurvey_responses\b"),
        ("A published column", r"\bprevious_overall_state\b"),
    ],
)
def test_a_fact_stands_in_no_file_but_those_named(change: str, pattern: str) -> None:
    found = standing_in(pattern)
    assert found, "the example is gone; take another"
    assert found - allowed(change, found) == set()


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ("A measure", r"\blate_payment_ratio\b"),
        ("A command", r"\bmain\.commands\b"),
    ],
)
def test_tests_that_know_every_fact_of_a_kind_are_named(change: str, pattern: str) -> None:
    found = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "tests").rglob("*.py")
        if file != Path(__file__) and re.search(pattern, file.read_text(encoding="utf-8"))
    }
    assert found, "the example is gone; take another"
    assert found - allowed(change, found) == set()


def test_core_pillars_are_listed_once() -> None:
    pillars = variables()["core_pillars"]
    found = {path for path, text in product_files() if re.search(r"\W{1,4}".join(pillars), text)}
    assert found == {"dbt_project/dbt_project.yml"}


def test_bands_stand_in_one_file() -> None:
    """The pages say the same of an empty cell."""
    columns = configuration_files()["segments"].columns
    yaml_file = "dbt_project/models/configuration/_configuration__seeds.yml"
    for column in ("good_from", "poor_below"):
        band = columns[column]["default"]
        assert standing_in(rf"\b{re.escape(str(band))}\b") == {yaml_file}
        health = (ROOT / "docs" / "health.md").read_text(encoding="utf-8")
        assert f"`{column}` ({band} when empty)" in health


def test_states_are_those_of_the_configuration() -> None:
    assert list(ALL_STATES) == configuration_files()["alert_rules"].columns["to_state"]["words"]
    listed = standing_in(r"good\W{1,4}average\W{1,4}poor\W{1,4}not_calculated")
    assert {path for path in listed if not path.endswith(".yml")} == set()


def test_operators_agree_with_each_other() -> None:
    operators = variables()["operators"]
    for name, rules in operators.items():
        assert operators[rules["opposite"]]["opposite"] == name
        assert (name in COMPARE) != rules.get("takes_list", False)


def test_measures_and_their_operands_are_known_to_each_other() -> None:
    operands = {row["operand"] for row in catalogue("operands")}
    measures = {row["measure"] for row in catalogue("measures")}
    for row in catalogue("measures"):
        if row["takes_base_metric"]:
            assert not row["first_operand"], "its operands are values of the base metric"
            continue
        assert {row["first_operand"], row["second_operand"] or row["first_operand"]} <= operands
        assert row["is_whole"] in ("true", "false")
    assert {row["measure"] for row in catalogue("measure_columns")} <= measures


def test_every_raw_table_but_events_is_validated_by_a_model() -> None:
    text = (MACROS / "raw" / "validated_tables.sql").read_text(encoding="utf-8")
    assert set(re.findall(r"'(\w+)',", text)) == set(raw_definitions()) - {"events"}


def test_the_configuration_is_the_files_with_a_key() -> None:
    """`raw_values` is read by the reader of raw files, and `checks` by the checks."""
    text = (MACROS / "configuration" / "configuration.sql").read_text(encoding="utf-8")
    [listed] = re.findall(r"macro configuration_seeds\(\) %\}(.*?)endmacro", text, re.DOTALL)
    with_key = {name for name, file in configuration_files().items() if "key" in file.meta}
    assert set(re.findall(r"'(\w+)'", listed)) == with_key - {"raw_values"}


def test_rules_of_columns_are_those_that_config_columns_reads() -> None:
    """A word of `meta` that is misspelt would be a rule that nobody asks about."""
    model = ROOT / "dbt_project/models/configuration/errors/config_columns.sql"
    [rules] = re.findall(r"set rules = \[(.*?)\]", model.read_text(encoding="utf-8"), re.DOTALL)
    known = {*re.findall(r"'(\w+)'", rules), "defines", "default", "may_be_missing"}
    for name, file in configuration_files().items():
        for column, meta in file.columns.items():
            assert set(meta) <= known, f"{name}.{column}"
        assert set(file.meta.get("key", ())) <= set(file.columns), name


def test_what_the_yaml_describes_is_what_the_files_have() -> None:
    for name, file in configuration_files().items():
        header = (ROOT / "seeds" / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0]
        assert header.split(",") == list(file.columns)
