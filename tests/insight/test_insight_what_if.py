"""`health what-if`: who changes and by which rule, held against the conditions themselves."""

import hashlib
import html
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import click
import duckdb
import pytest
from click.testing import CliRunner, Result
from pipeline import ROOT, Warehouse

from orchestration.cli import main
from orchestration.insight import scratch
from orchestration.insight.conditions import Condition
from orchestration.insight.state_changes import changed_conditions
from orchestration.sample_data import write_sample
from orchestration.warehouse.configuration import Configuration, differences

END = date(2026, 11, 22)
START = END - timedelta(days=2)
SEEDS = ROOT / "seeds"
WhatIf = Callable[..., Result]
# For whom no account is young enough: its rows replace the first segment's.
UNREACHED = (
    ("segment_rules", "onboarding,1,account_age_days", "onboarding,1,account_age_days,<,0"),
    ("segment_rules", "onboarding,2,lifecycle_stage", ""),
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Calculated with the starter configuration over the range and the days before it."""
    folder = tmp_path_factory.mktemp("what_if")
    write_sample(folder / "raw", accounts=80, days=60, end_date=END)
    built = Warehouse(folder / "warehouse.duckdb", folder / "raw")
    built.calculate(END - timedelta(days=5), END, "--exclude-resource-type", "test")
    return built


@pytest.fixture(scope="module")
def what_if(warehouse: Warehouse) -> WhatIf:
    return lambda configuration, *arguments: CliRunner().invoke(
        main,
        [
            *("what-if", "--configuration", str(configuration)),
            *("--start", str(START), "--end", str(END)),
            *map(str, arguments),
        ],
        env={"HEALTH_RAW_DIR": str(warehouse.raw), "HEALTH_DB_PATH": str(warehouse.path)},
    )


def seeds_with(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """The starter configuration with rows replaced: file, the row's beginning, the new row."""
    shutil.copytree(SEEDS, folder)
    for name, row, replacement in changes:
        file = folder / f"{name}.csv"
        lines = file.read_text().splitlines()
        [position] = [number for number, line in enumerate(lines) if line.startswith(row)]
        lines[position : position + 1] = [replacement] if replacement else []
        file.write_text("\n".join(lines) + "\n")
    return folder


def content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def cells_under(markdown: str, title: str) -> list[list[str]]:
    """The rows of the table with that title."""
    part = html.unescape(markdown).split(f"## {title}")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return rows[2:]


def test_a_configuration_against_itself_changes_nobody(
    what_if: WhatIf, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Also when it is rewritten from what was published; nobody's file is touched."""
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        [(version,)] = connection.execute(
            "select config_version from health.health_config_versions"
        ).fetchall()
        published = Configuration.of_version(connection, version)
    written = scratch.write_seeds(published, tmp_path / "written")
    before = content(warehouse.path), {file: content(file) for file in SEEDS.iterdir()}
    result = what_if(written)
    assert result.exit_code == 0, result.output
    assert "The two configurations are the same." in result.output
    assert "No account has another state on any date" in result.output
    assert "Transitions" not in result.output
    assert "another overall score" not in result.output
    assert (content(warehouse.path), {file: content(file) for file in SEEDS.iterdir()}) == before


@pytest.fixture(scope="module")
def stricter(what_if: WhatIf, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, str]:
    """A threshold, a segment's rule, a weight and a condition changed; the result and Markdown."""
    folder = tmp_path_factory.mktemp("stricter")
    seeds = seeds_with(
        folder / "seeds",
        (
            "health_rules",
            "standard,service,poor,1,open_high_tickets_14d",
            "standard,service,poor,1,open_high_tickets_14d,>=,1,",
        ),
        ("segment_rules", "renewal_due,1,days_to_renewal", "renewal_due,1,days_to_renewal,<=,30"),
        ("pillar_weights", "onboarding,product_adoption", "onboarding,product_adoption,5,6"),
        ("health_rules", "standard,external,good,2,risk_score_90d", ""),
    )
    result = what_if(seeds, "--markdown", folder / "report.md", "--limit", 1000)
    assert result.exit_code == 0, result.output
    return result, (folder / "report.md").read_text()


def test_the_differences_are_listed(stricter: tuple[Result, str]) -> None:
    rows = {row for [row] in cells_under(stricter[1], "What the configurations differ in")}
    assert rows == {
        "segment_rules [renewal_due, 1, days_to_renewal]: value 90 becomes 30",
        "health_rules [standard, service, poor, 1, open_high_tickets_14d]: threshold 2 becomes 1",
        "health_rules [standard, external, good, 2, risk_score_90d] gone:"
        " operator <=, threshold 25",
        "pillar_weights [onboarding, product_adoption]: weight 45 becomes 5",
    }


def test_those_who_move_by_a_threshold_are_those_whose_value_lies_between(
    stricter: tuple[Result, str], warehouse: Warehouse
) -> None:
    expected = {
        account
        for (account,) in warehouse.query(
            "select distinct states.account_id from health.pillar_health_history as states"
            " inner join health.pillar_metrics_history as metrics"
            " using (health_date, account_id)"
            f" where health_date between '{START}' and '{END}'"
            " and states.segment_id = 'standard' and states.pillar_id = 'service'"
            " and states.calculated_state <> 'poor' and metrics.value = 1"
            " and metrics.metric_id = 'open_high_tickets_14d'"
        )
    }
    rules = {row[1]: row[0] for row in cells_under(stricter[1], "The rules behind the changes")}
    number = rules["service poor 1: open_high_tickets_14d >= 2 becomes >= 1"]
    moved = {
        re.findall(r"\((\w+)\)$", row[0])[0]
        for row in cells_under(stricter[1], "Who changes")
        if row[3] == "service" and number in row[7].split(", ")
    }
    assert moved == expected
    assert expected


def test_those_who_change_segment_are_named_with_the_rule(
    stricter: tuple[Result, str], warehouse: Warehouse
) -> None:
    [(expected,)] = warehouse.query(
        "select count(distinct account_id) from health.account_health_history"
        " inner join health.pillar_metrics_history using (health_date, account_id)"
        f" where health_date between '{START}' and '{END}' and segment_id = 'renewal_due'"
        " and metric_id = 'days_to_renewal' and value > 30"
    )
    changed = cells_under(stricter[1], "Segments that change")
    assert {row[0] for row in changed} == {"renewal_due"}
    assert sum(int(row[2]) for row in changed) >= expected > 0
    texts = [row[1] for row in cells_under(stricter[1], "The rules behind the changes")]
    assert (
        "segment renewal_due becomes standard: renewal_due segment 1:"
        " days_to_renewal <= 90 becomes <= 30" in texts
    )


def test_a_weight_and_a_condition_that_is_gone_are_named(stricter: tuple[Result, str]) -> None:
    texts = [row[1] for row in cells_under(stricter[1], "The rules behind the changes")]
    assert any(text.startswith("external good 2: risk_score_90d <= 25 is gone") for text in texts)
    assert "pillar_weights [onboarding, product_adoption]: weight 45 becomes 5" in texts


def test_the_matrix_has_every_account_of_its_segments(
    stricter: tuple[Result, str], warehouse: Warehouse
) -> None:
    accounts: dict[tuple[str, str], int] = {}
    for segment, pillar, _, *cells in cells_under(stricter[1], f"Transitions on {END}"):
        counts = [int(cell.split()[0]) for cell in cells if cell.strip()]
        accounts[segment, pillar] = accounts.get((segment, pillar), 0) + sum(counts)
    expected = dict(
        warehouse.query(
            "select segment_id, count(*) from health.account_health_history"
            f" where health_date = '{END}' group by segment_id"
        )
    )
    assert accounts
    for (segment, pillar), count in accounts.items():
        assert count == expected[segment], (segment, pillar)


def test_every_move_has_a_rule_behind_it(stricter: tuple[Result, str]) -> None:
    rows = cells_under(stricter[1], "Who changes")
    assert len(rows) > 10
    for row in rows:
        assert re.fullmatch(r"\d+(, \d+)*", row[7]), row
        assert row[4].split()[0] != row[5].split()[0]


def test_a_wrong_configuration_is_told_by_side_file_and_row(
    what_if: WhatIf, tmp_path: Path
) -> None:
    wrong = seeds_with(
        tmp_path / "wrong",
        (
            "health_rules",
            "standard,service,poor,1,open_high_tickets_14d",
            "standard,service,poor,1,no_such_signal,>=,1,",
        ),
    )
    result = what_if(SEEDS, "--against", wrong)
    assert result.exit_code == 1
    assert f"Error: The configuration {wrong}: " in result.output
    assert "no_such_signal" in result.output and "seeds/health_rules" in result.output
    assert "Traceback" not in result.output


def test_what_is_no_configuration_is_refused_at_once(what_if: WhatIf, tmp_path: Path) -> None:
    lacking = seeds_with(tmp_path / "lacking")
    (lacking / "pillars.csv").unlink()
    result = what_if(lacking)
    assert result.exit_code == 1
    assert f"The configuration {lacking} lacks pillars.csv." in result.output
    result = what_if("no-such-revision")
    assert result.exit_code == 1
    assert "no-such-revision is neither a folder nor a git revision" in result.output
    backwards = what_if(SEEDS, "--start", END, "--end", START)
    assert backwards.exit_code == 2


def test_lint_of_another_configuration_looks_at_its_own_segments(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    seeds = seeds_with(tmp_path / "unreached", *UNREACHED)
    result = CliRunner().invoke(
        main,
        ["lint", "--configuration", str(seeds), "--days", "2", "--markdown", f"{tmp_path}/lint.md"],
        env={"HEALTH_RAW_DIR": str(warehouse.raw), "HEALTH_DB_PATH": str(warehouse.path)},
    )
    assert result.exit_code == 0, result.output
    text = (tmp_path / "lint.md").read_text()
    assert "| onboarding | 0 |" in text, text


def test_a_revision_is_no_option_of_git(tmp_path: Path) -> None:
    (tmp_path / "written:.").mkdir()
    with pytest.raises(click.ClickException, match="neither a folder nor a git revision"):
        scratch.of_revision(f"--output={tmp_path}/written", tmp_path)
    assert not list(tmp_path.rglob("seeds"))


def test_the_seeds_of_a_git_revision_are_unpacked(tmp_path: Path) -> None:
    inside = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, check=False
    )
    if inside.returncode:
        pytest.skip("not a git checkout")
    side = scratch.find_side("HEAD", tmp_path)
    shown = subprocess.run(
        ["git", "-C", str(ROOT), "show", "HEAD:./seeds/segments.csv"],
        capture_output=True,
        check=True,
    )
    assert (side.seeds / "segments.csv").read_bytes() == shown.stdout


def test_rows_are_compared_by_what_a_person_calls_the_same_row() -> None:
    def configuration(*rows: tuple[str, str, str]) -> Configuration:
        names = ("segment_id", "pillar_id", "weight")
        return Configuration(
            "", {"pillar_weights": [dict(zip(names, row, strict=True)) for row in rows]}
        )

    previous = configuration(("a", "x", "1"), ("a", "y", "2"), ("b", "x", "3"))
    latter = configuration(("b", "x", "4"), ("a", "x", "1"), ("c", "x", "5"))
    assert [change.text() for change in differences(previous, latter)] == [
        "pillar_weights [a, y] gone: weight 2",
        "pillar_weights [b, x]: weight 3 becomes 4",
        "pillar_weights [c, x] added: weight 5",
    ]
    assert differences(previous, previous) == []


def test_a_column_that_came_later_is_no_difference_where_it_is_empty() -> None:
    def configuration(**scoring: str | None) -> Configuration:
        row = {"segment_id": "a", "pillar_id": "x", "signal_id": "users", "weight": "1"}
        return Configuration("", {"score_rules": [row | scoring]})

    assert differences(configuration(), configuration(scoring=None)) == []
    [change] = differences(configuration(), configuration(scoring="linear"))
    assert change.text() == "score_rules [a, x, users]: scoring empty becomes linear"


def test_another_end_of_a_linear_rule_is_named_though_nobody_reaches_it() -> None:
    """It gives other points; a threshold of bands that answers as before does not."""

    def condition(operator: str, threshold: str) -> Condition:
        place = ("standard", "service", "healthy", None, "users")
        return Condition(*place, "5", operator, threshold, None, threshold, False, None)

    assert changed_conditions([condition(">=", "10")], [condition(">=", "20")]) == []
    for before, after in ((">=", "linear"), ("linear", "linear"), ("linear", ">=")):
        found = changed_conditions([condition(before, "10")], [condition(after, "20")])
        assert found == [f"service healthy: users {before} 10 becomes {after} 20"]
