"""`health preset` and the presets: what they hold, and that they score as they say.

Every preset is calculated over sample data with a few planted accounts, whose scores are worked out
by hand from the rows of the preset and docs/health.md.
"""

import csv
import re
import shutil
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from pipeline import ROOT, Warehouse

from expectations.health import run_lint
from orchestration.base.figures import shown_score
from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.dbt_runner.wrong_configuration import refuse_wrong_configuration
from orchestration.insight import preset, scratch
from orchestration.insight.options import report_console
from orchestration.sample_data import write_sample
from orchestration.warehouse.connections import reading

END = date(2026, 11, 22)
# By then the events are stale, and the other tables are not.
WITHOUT_USAGE = END + timedelta(days=4)
PRESETS = {
    "any_poor_is_poor": {"pillar_weights"},
    "bands": {"health_rules", "pillar_weights", "score_rules"},
    "linear": {"health_rules", "pillar_weights", "score_rules"},
    "traffic_lights": {"health_rules", "pillar_weights", "score_rules", "segments"},
}
EVERY_PRESET = pytest.mark.parametrize("name", PRESETS)

Row = dict[str, str]


def rows_of(folder: Path, name: str) -> list[Row]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def whole(name: str, folder: Path) -> Path:
    """The preset as `health preset` writes it."""
    preset.write_over_seeds(preset.PRESETS / name, folder / name)
    return folder / name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("presets")


# What they hold


def test_these_are_the_presets() -> None:
    assert {
        name: {Path(file).stem for file in preset.files_of(preset.PRESETS / name)}
        for name in preset.names()
    } == PRESETS


@EVERY_PRESET
def test_a_preset_has_only_files_that_differ_in_the_form_of_the_starter(name: str) -> None:
    for file in PRESETS[name]:
        starter, own = (
            (place / f"{file}.csv").read_text(encoding="utf-8")
            for place in (preset.SEEDS, preset.PRESETS / name)
        )
        assert own != starter
        assert own.splitlines()[0] == starter.splitlines()[0]


@EVERY_PRESET
def test_a_preset_is_a_valid_configuration_of_every_pillar(name: str, folder: Path) -> None:
    seeds = whole(name, folder)
    refuse_wrong_configuration(seeds)

    def configured(place: Path) -> set[tuple[str, str]]:
        rows = rows_of(place, "health_rules") + rows_of(place, "score_rules")
        return {(row["segment_id"], row["pillar_id"]) for row in rows}

    assert configured(seeds) == configured(preset.SEEDS)


@pytest.mark.parametrize("name", ["bands", "linear"])
def test_scores_alone_decide_and_are_of_one_kind(name: str, folder: Path) -> None:
    seeds = whole(name, folder)
    assert rows_of(seeds, "health_rules") == []
    assert {row["scoring"] for row in rows_of(seeds, "score_rules")} == {name}
    assert not any(row["cap_when_poor"] for row in rows_of(seeds, "pillar_weights"))


def test_traffic_lights_are_the_rules_of_the_starter_and_nothing_between(folder: Path) -> None:
    """A rule that is added to the starter belongs here too."""
    seeds = whole("traffic_lights", folder)
    assert rows_of(seeds, "score_rules") == []
    assert not any(row["cap_when_poor"] for row in rows_of(seeds, "pillar_weights"))
    starter, lights = (
        [tuple(row.values()) for row in rows_of(place, "health_rules")]
        for place in (preset.SEEDS, seeds)
    )
    assert [row for row in lights if row in starter] == starter
    added = {row[:2] for row in lights if row not in starter}
    assert added == {("renewal_due", "relationship"), ("standard", "relationship")}


def test_a_cap_lies_below_every_poor_band(folder: Path) -> None:
    seeds = whole("any_poor_is_poor", folder)
    bands = {
        row["segment_id"]: float(row["poor_below"] or 3.34) for row in rows_of(seeds, "segments")
    }
    weights = rows_of(seeds, "pillar_weights")
    assert all(float(row["cap_when_poor"]) < bands[row["segment_id"]] for row in weights)
    assert [row | {"cap_when_poor": ""} for row in weights] == [
        row | {"cap_when_poor": ""} for row in rows_of(preset.SEEDS, "pillar_weights")
    ]


# The command


def health(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_presets_are_listed_with_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    lines = health("preset").output.splitlines()
    for name in PRESETS:
        [line] = [line for line in lines if f" {name} " in line]
        assert preset.what_it_is(name) in line


def test_a_preset_is_written_as_a_whole_and_never_over_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = health("preset", "bands")
    assert result.exit_code == 0, result.output
    assert "health what-if --configuration bands --start" in result.output
    assert f"cp bands/*.csv {ROOT / 'seeds'}" in result.output
    written = {file.name: file.read_bytes() for file in (tmp_path / "bands").iterdir()}
    assert written == {
        file.name: (own if own.exists() else file).read_bytes()
        for file in preset.SEEDS.iterdir()
        for own in [preset.PRESETS / "bands" / file.name]
    }
    again = health("preset", "bands")
    assert (again.exit_code, again.output) == (
        1,
        "Error: bands has files already. Nothing was written.\n",
    )
    (tmp_path / "my own").mkdir()
    assert "--configuration 'my own'" in health("preset", "bands", "my own").output
    assert health("preset", "bands", preset.SEEDS).exit_code == 1
    unknown = health("preset", "traffic")
    assert "There is no preset 'traffic': any_poor_is_poor, bands" in unknown.output
    assert unknown.exit_code == 1


def test_seeds_that_do_not_go_with_a_preset_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(preset.SEEDS, tmp_path / "seeds")
    metrics = tmp_path / "seeds" / "metrics.csv"
    lines = metrics.read_text(encoding="utf-8").splitlines(keepends=True)
    metrics.write_text("".join(line for line in lines if not line.startswith("late_payment")))
    monkeypatch.setattr(preset, "SEEDS", tmp_path / "seeds")
    result = health("preset", "bands", tmp_path / "mine")
    assert result.exit_code == 1
    assert "seeds/ and the preset do not agree" in result.output
    assert "late_payment_ratio_180d" in result.output
    assert (tmp_path / "mine" / "score_rules.csv").exists()


@EVERY_PRESET
def test_the_folder_of_a_preset_is_a_configuration_to_compare(name: str, tmp_path: Path) -> None:
    """For `health what-if` and `health lint`."""
    side = scratch.find_side(str(preset.PRESETS / name), tmp_path)
    assert {file.name for file in side.seeds.iterdir()} == {
        file.name for file in preset.SEEDS.iterdir()
    }
    for file in PRESETS[name]:
        assert rows_of(side.seeds, file) == rows_of(preset.PRESETS / name, file)


# What they come to


def ago(days: float) -> datetime:
    return datetime.combine(END, time()) - timedelta(days=days)


# account: its age in days, users and the features that they use, events of a user, touchpoints in
# days ago, of which the first is a call.
PLANTED: dict[str, tuple[int, int, int, int, tuple[float, ...]]] = {
    "standard_one": (700, 8, 3, 1, (40, 6, 12, 18)),
    "failed_one": (700, 8, 5, 1, (5, 6, 7, 8, 9)),
    "new_one": (60, 7, 2, 1, (40, 6, 12)),
    "newer_one": (60, 1, 1, 18, (14.5, 6)),
}


def planted_rows() -> list[tuple[str, list[dict[str, object]]]]:
    """Rows by table; what they come to is said with the tests."""
    rows: list[tuple[str, list[dict[str, object]]]] = []
    for account, (age, users, features, count, touched) in PLANTED.items():
        of_account = {"account_id": account}
        contract = {"plan_id": "team", "mrr": 100.0, "seats": 10}
        rows += [
            (
                "accounts",
                [
                    of_account
                    | {"created_at": ago(age), "account_name": account}
                    | {"lifecycle_stage": "live"}
                ],
            ),
            (
                "subscriptions",
                [
                    of_account
                    | contract
                    | {"subscription_id": f"s_{account}", "started_at": ago(age)}
                    | {"renews_at": ago(-300)}
                ],
            ),
            (
                "events",
                [
                    of_account
                    | {"event_id": f"e_{account}_{user}", "user_id": f"u_{account}_{user}"}
                    | {"feature": f"feature_{user % features}", "event_count": count}
                    | {"occurred_at": ago(3)}
                    for user in range(users)
                ],
            ),
            (
                "touchpoints",
                [
                    of_account
                    | {"touchpoint_id": f"t_{account}_{number}", "occurred_at": ago(days)}
                    | {"channel": "email" if number else "call"}
                    for number, days in enumerate(touched)
                ],
            ),
        ]
    agreed = {"attribute": "target_active_users", "value": "10", "recorded_at": ago(50)}
    rows.append(("account_attributes", [{"account_id": "new_one"} | agreed]))
    rows.append(
        (
            "invoices",
            [
                {"account_id": account, "invoice_id": f"i_{account}_{number}", "amount": 100.0}
                | {"issued_at": ago(30 * number + 20), "due_at": ago(30 * number + 10)}
                | {"paid_at": ago(30 * number + (8 if number == late else 12))}
                for account, late in (("standard_one", 2), ("failed_one", None))
                for number in (1, 2, 3, 4)
            ],
        )
    )
    ticket = {"priority": "low"}
    rows += [
        (
            "tickets",
            [
                ticket | {"account_id": account, "ticket_id": account, "created_at": ago(age)}
                for account, age in (("standard_one", 5.5), ("failed_one", 20))
            ],
        ),
        (
            "tickets",
            [
                ticket
                | {"account_id": "standard_one", "ticket_id": f"rated_{score}"}
                | {"created_at": ago(60), "solved_at": ago(59)}
                | {"csat_score": score, "csat_at": ago(58)}
                for score in (3, 4)
            ],
        ),
    ]
    return rows


def plant(raw: Path) -> None:
    with duckdb.connect() as connection:
        for number, (table, rows) in enumerate(planted_rows()):
            connection.register("new", pd.DataFrame(rows))
            if table == "events":
                connection.execute(f"copy new to '{raw}/events/planted_{number}.parquet'")
                continue
            file = raw / f"{table}.parquet"
            connection.execute(f"create or replace table old as from '{file}'")
            connection.execute("insert into old by name from new")
            connection.execute(f"copy old to '{file}' (format parquet)")


@pytest.fixture(scope="module")
def raw(folder: Path) -> Path:
    write_sample(folder / "raw", accounts=80, days=60, end_date=END)
    plant(folder / "raw")
    return folder / "raw"


@pytest.fixture(scope="module")
def starter(folder: Path, raw: Path) -> Warehouse:
    """Calculated with the starter; the calculations with presets begin from a copy of it."""
    built = Warehouse(folder / "warehouse.duckdb", raw)
    built.calculate(END, END, "--exclude-resource-type", "test")
    return built


CALCULATED: dict[str, Warehouse] = {}


def calculated(name: str, starter: Warehouse, folder: Path) -> Warehouse:
    """As `health what-if` and `health lint` calculate it, once for all tests."""
    if name not in CALCULATED:
        place = folder / f"scratch_{name}"
        place.mkdir()
        side = scratch.find_side(str(preset.PRESETS / name), place)
        last = WITHOUT_USAGE if name == "traffic_lights" else END
        console = report_console()
        file = scratch.calculate(side, starter.settings, END, last, place, console)
        CALCULATED[name] = Warehouse(file, starter.raw, side.seeds)
    return CALCULATED[name]


def pillars_of(built: Warehouse, account: str, day: date = END) -> dict[str, float | None]:
    return {
        pillar: score if score is None else round(score, 6)
        for pillar, score in built.query(
            "select pillar_id, score from health.pillar_health_history"
            f" where account_id = '{account}' and health_date = '{day}'"
        )
    }


def overall_of(built: Warehouse, account: str, day: date = END) -> tuple[str, float, str]:
    [(segment, score, state)] = built.query(
        "select segment_id, overall_score, overall_state from health.account_health_history"
        f" where account_id = '{account}' and health_date = '{day}'"
    )
    return segment, round(score, 6), state


OF_WHICH_RULE = re.compile(r" (good|poor) \d+: | (healthy|poor_band) ")


@EVERY_PRESET
def test_lint_finds_no_more_than_in_the_starter(
    name: str, starter: Warehouse, folder: Path
) -> None:
    def found(built: Warehouse) -> set[str]:
        """Conditions of few accounts, such as `standard financial days_overdue > 30`."""
        with reading(Settings(built.raw, built.path)) as warehouse:
            report = run_lint(warehouse, END)
        assert all(result.was_validated for result in report.results)
        keys = {failure.record_key for result in report.failed for failure in result.failures}
        return {OF_WHICH_RULE.sub(" ", key) for key in keys}

    assert found(calculated(name, starter, folder)) <= found(starter)


def test_bands_give_the_published_worked_numbers(starter: Warehouse, folder: Path) -> None:
    """docs/health.md, "Worked numbers": 7.1, and 8.25, which is shown as 8.3.

    standard_one has 8 of 10 seats in use (10) and 3 features (5); nothing overdue (10) and one of
    four invoices paid late (5); a ticket open for 6 days (5) and ratings of 3.5 (5); 4 touchpoints
    (5), the last conversation 40 days ago (5). new_one has 7 of 10 agreed users (10) and 2 features
    (5); 2 touchpoints in 30 days (10), the last conversation 40 days ago (5).
    """
    built = calculated("bands", starter, folder)
    assert overall_of(built, "standard_one") == ("standard", 7.1, "good")
    pillars = pillars_of(built, "standard_one")
    assert pillars | {"external": 10.0} == {
        "product_adoption": 9.0,
        "financial": 7.5,
        "service": 5.0,
        "relationship": 5.0,
        "external": 10.0,
    }
    segment, score, state = overall_of(built, "new_one")
    assert (segment, score, state) == ("onboarding", 8.25, "good")
    assert pillars_of(built, "new_one")["product_adoption"] == 9.0
    assert pillars_of(built, "new_one")["relationship"] == 7.5
    assert [shown_score(score) for score in (7.1, score)] == ["7.1", "8.3"]


def test_lights_are_three_and_the_weight_of_a_dark_one_is_spread(
    starter: Warehouse, folder: Path
) -> None:
    """standard_one is green in product adoption (40), yellow elsewhere: 7.0, yellow below 7.5."""
    built = calculated("traffic_lights", starter, folder)
    lights = pillars_of(built, "standard_one")
    assert lights == {"product_adoption": 10.0} | dict.fromkeys(
        ("financial", "service", "relationship", "external"), 5.0
    )
    assert overall_of(built, "standard_one") == ("standard", 7.0, "average")
    later = pillars_of(built, "standard_one", WITHOUT_USAGE)
    assert later == lights | {"product_adoption": None}
    assert overall_of(built, "standard_one", WITHOUT_USAGE) == ("standard", 5.0, "average")
    scores = built.query("select distinct score from health.pillar_health_history")
    assert {score for (score,) in scores} == {0.0, 5.0, 10.0, None}


def test_any_poor_pillar_makes_the_overall_poor(starter: Warehouse, folder: Path) -> None:
    """failed_one is poor in service alone, for a ticket open for 20 days."""
    built = calculated("any_poor_is_poor", starter, folder)
    assert overall_of(starter, "failed_one")[2] != "poor"
    assert overall_of(built, "failed_one") == ("standard", 3.3, "poor")
    overall = "select account_id, calculated_overall_state from health.account_health_history"
    poor = {
        account
        for (account,) in built.query(
            "select distinct account_id from health.pillar_health_history"
            f" where calculated_state = 'poor' and health_date = '{END}'"
        )
    }
    before, after = (
        dict(found.query(f"{overall} where health_date = '{END}'")) for found in (starter, built)
    )
    assert poor
    assert {account for account, state in after.items() if state == "poor"} == poor
    assert {account: state for account, state in after.items() if account not in poor} == {
        account: state for account, state in before.items() if account not in poor
    }


def test_linear_gives_the_worked_numbers(starter: Warehouse, folder: Path) -> None:
    """newer_one: 18 events in 30 days, from 7 to 30, and no agreed users; the last conversation 15
    days ago, from 30 to 10 (7.5), and 2 touchpoints in 30 days, from 0 to 4 (5)."""
    built = calculated("linear", starter, folder)
    pillars = pillars_of(built, "newer_one")
    assert pillars["product_adoption"] == 4.782609
    assert pillars["relationship"] == 6.25
    spread: dict[str, set[float]] = defaultdict(set)
    for pillar, score in built.query(
        "select pillar_id, score from health.pillar_health_history where score is not null"
    ):
        spread[pillar].add(round(score, 6))
    assert all(len(scores) > 10 for scores in spread.values()), "in proportion, not in three bands"
    assert all(0 <= score <= 10 for scores in spread.values() for score in scores)
