"""Runs of a part: what belongs to it, what it notes of its dates, and what is tried again."""

from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from small_warehouse import DAY, make

import expectations
from orchestration.base.settings import Settings
from orchestration.dbt_runner.dbt_build import BuildFailed
from orchestration.runs import health_run
from orchestration.runs.health_run import HealthRun, attempt
from orchestration.runs.jobs import ASSETS_JOB
from orchestration.runs.partitions import HEALTH_DATES
from orchestration.runs.selection import Everything, dbt_part
from orchestration.warehouse.connections import writing
from orchestration.warehouse.health_dates import FIRST_HEALTH_DATE, refuse_what_cannot_be
from orchestration.warehouse.unfinished import begin, half_calculated, unfinished

KEYS = frozenset(dg.AssetKey([name]) for name in ("checked", "built", "published"))
A_CHECK = frozenset({dg.AssetCheckKey(dg.AssetKey(["built"]), "keys")})
EVERYTHING = Everything(KEYS, frozenset({"check", "build", "publish"}))
OTHER_DAY = DAY.replace(day=1)


def a_run(**asked: object) -> dg.DagsterRun:
    return dg.DagsterRun(job_name="health", run_id="1", **asked)


# Whole or part


def test_a_run_of_everything_is_whole() -> None:
    assert EVERYTHING.is_asked_of(a_run())
    assert EVERYTHING.is_asked_of(a_run(asset_selection=KEYS))
    assert EVERYTHING.is_asked_of(a_run(asset_selection=frozenset())), "as `health run` has it"
    assert EVERYTHING.is_asked_of(a_run(step_keys_to_execute=["check", "build", "publish"]))


@pytest.mark.parametrize(
    "asked",
    [
        {"asset_selection": frozenset({dg.AssetKey(["published"])})},
        {"step_keys_to_execute": ["build", "publish"]},
        {"asset_check_selection": A_CHECK},
        {"asset_check_selection": A_CHECK, "asset_selection": frozenset()},
    ],
)
def test_a_run_that_leaves_something_out_is_a_part(asked: dict[str, object]) -> None:
    assert not EVERYTHING.is_asked_of(a_run(**asked))


def test_assets_are_launched_by_the_job_that_is_a_single_run() -> None:
    """Dagster's UI takes the first by name of the jobs that an asset is in."""
    assert sorted(["health", "__ASSET_JOB", ASSETS_JOB])[0] == ASSETS_JOB


# dbt


@pytest.fixture
def manifest() -> dict[str, object]:
    def node(name: str, **config: str) -> dict[str, object]:
        return {"name": name, "config": config}

    return {
        "nodes": {
            "seed.rules": node("rules"),
            "model.health.int_evaluated_sources": node("int_evaluated_sources"),
            "model.health.source_status": node(
                "source_status", incremental_strategy="replace_health_dates"
            ),
            "model.signals": node("signals"),
            "model.accounts": node("accounts", incremental_strategy="replace_health_dates"),
            "model.pillars": node("pillars", incremental_strategy="replace_health_dates"),
        },
        "parent_map": {
            "model.health.source_status": ["model.health.int_evaluated_sources"],
            "model.signals": [
                "model.health.int_evaluated_sources",
                "seed.rules",
                "source.raw.users",
            ],
            "model.accounts": ["model.signals"],
            "model.pillars": ["model.signals"],
        },
    }


def test_an_asset_is_built_with_all_that_it_rests_on(manifest: dict[str, object]) -> None:
    part = dbt_part(manifest, ["model.accounts"], [])
    assert part.names == ["accounts", "int_evaluated_sources", "rules", "signals", "source_status"]
    assert (part.writes_history, part.writes_all_history) == (True, False)
    assert part.reads_raw_checks
    assert dbt_part(manifest, ["model.accounts", "model.pillars"], []).writes_all_history


def test_seeds_and_tests_write_no_history(manifest: dict[str, object]) -> None:
    part = dbt_part(manifest, ["seed.rules"], ["unique_rules"])
    assert part.names == ["rules", "unique_rules"]
    assert not part.writes_history
    assert not part.reads_raw_checks


# Notes


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make(tmp_path)


def run_of(settings: Settings, is_whole: bool, day: date = DAY) -> HealthRun:
    return HealthRun(settings, "1", (day, day), [(day, day)], is_whole)


def test_a_part_that_calculated_all_of_history_leaves_no_note(settings: Settings) -> None:
    run = run_of(settings, is_whole=False)
    run.begin()
    assert half_calculated(settings) == [(DAY, DAY)]
    run.begin()  # tried again
    run.calculated()
    assert unfinished(settings) == []


def test_a_part_never_finishes_what_another_run_began(settings: Settings) -> None:
    begin(settings, DAY, DAY)
    run = run_of(settings, is_whole=False)
    run.begin()
    run.calculated()
    run.finish()
    assert unfinished(settings) == [(DAY, DAY)]
    assert half_calculated(settings) == [], "but what it calculated may be published"


def test_a_part_that_did_not_calculate_all_leaves_the_rest_to_the_next_run(
    settings: Settings,
) -> None:
    run_of(settings, is_whole=False).begin()
    other = run_of(settings, is_whole=True, day=OTHER_DAY)
    with pytest.raises(Exception, match=f"Of {DAY} only some tables are calculated"):
        other.refuse_half_calculated()
    whole = run_of(settings, is_whole=True)
    whole.begin()
    whole.calculated()
    whole.refuse_half_calculated()
    assert unfinished(settings) == [(DAY, DAY)], "until it is published and told of"
    whole.finish()
    assert unfinished(settings) == []


def test_notes_of_an_earlier_version_are_of_half_calculated_dates(settings: Settings) -> None:
    with writing(settings) as warehouse:
        warehouse.execute(
            "create schema if not exists operations;"
            " create table operations.unfinished_dates"
            " (first_date date not null, last_date date not null);"
        )
        warehouse.execute("insert into operations.unfinished_dates values (?, ?)", [DAY, DAY])
    assert half_calculated(settings) == unfinished(settings) == [(DAY, DAY)]
    begin(settings, OTHER_DAY, OTHER_DAY)
    assert half_calculated(settings) == [(OTHER_DAY, OTHER_DAY), (DAY, DAY)]


# What is tried again

LOCKED = (
    'IO Error: Could not set lock on file "w.duckdb": Conflicting lock is held in python (PID 1)'
)


@pytest.mark.parametrize(
    ("problem", "times"),
    [
        (BuildFailed("memory", may_pass=True), 3),
        (duckdb.IOException(LOCKED), 3),
        (BuildFailed("a wrong seed"), 1),
        (duckdb.IOException("IO Error: No space left on device"), 1),
        (expectations.WarehouseNotReady("there is none"), 1),
        (KeyError("a fault"), 1),
    ],
)
def test_only_what_can_pass_is_tried_again(
    problem: Exception, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_run.time, "sleep", lambda seconds: None)
    tried: list[int] = []

    def work() -> None:
        tried.append(1)
        raise problem

    with pytest.raises(dg.Failure, match=str(problem).split()[-1].strip(")'")):
        attempt(work, lambda text: None)
    assert len(tried) == times


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, dg.DagsterExecutionInterruptedError])
def test_an_interrupt_is_not_tried_again(interrupt: type[BaseException]) -> None:
    tried: list[int] = []

    def work() -> None:
        tried.append(1)
        raise interrupt

    with pytest.raises(interrupt):
        attempt(work, lambda text: None)
    assert tried == [1]


# Health dates


def test_health_dates_are_as_old_as_times_of_raw_tables_may_be() -> None:
    refuse_what_cannot_be(FIRST_HEALTH_DATE, date(2013, 6, 30))
    assert HEALTH_DATES.get_first_partition_key() == "2000-01-01"
