"""Events are kept rolled up; when they are read in another way than before, they are read again, as
far back as raw goes, and never mixed without a word."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from pipeline import ROOT, Warehouse

FIRST, SECOND, THIRD = date(2026, 3, 10), date(2026, 3, 11), date(2026, 3, 12)
ACCOUNTS = "account_id,account_name,created_at\na,Alpha,2025-01-01\n"
HEADER = "event_id,account_id,feature,occurred_at\n"
EVENTS = {
    day: f"{number},a,Login,{day} 10:00\n"
    for number, day in enumerate(
        ("2026-01-05", "2026-02-20", "2026-03-01", "2026-03-09", "2026-03-10", "2026-03-11")
    )
}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "accounts.csv").write_text(ACCOUNTS)
    (raw / "events.csv").write_text(HEADER + "".join(EVENTS.values()))
    shutil.copytree(ROOT / "seeds", tmp_path / "seeds")
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", raw, tmp_path / "seeds")
    warehouse.calculate(FIRST)
    return warehouse


def kept(warehouse: Warehouse, columns: str) -> list[tuple]:
    return warehouse.query(
        f"select event_day, {columns} from intermediate.int_events_daily order by all"
    )


def read_from(warehouse: Warehouse) -> date | None:
    [(day,)] = warehouse.query("select read_from from staging.event_read_range")
    return day


def test_a_night_reads_back_a_few_days_only(warehouse: Warehouse) -> None:
    run = warehouse.build(SECOND)
    assert run.exit_code == 0, run.output
    assert "read again" not in run.output
    assert read_from(warehouse) == date(2026, 3, 7)


def test_declared_values_have_all_events_read_anew_that_raw_still_has(
    warehouse: Warehouse,
) -> None:
    (warehouse.raw / "events.csv").write_text(HEADER + "".join(list(EVENTS.values())[1:]))
    with (warehouse.path.parent / "seeds" / "raw_values.csv").open("a") as file:
        file.write("events,feature,login,,sign_in\n")
    run = warehouse.build(SECOND)
    assert run.exit_code == 0, run.output
    assert "are read again, from 2026-02-20 on" in run.output
    features = dict(kept(warehouse, "feature"))
    assert features.pop(date(2026, 1, 5)) == "Login"  # raw has it no more
    assert set(features.values()) == {"sign_in"}
    again = warehouse.build(THIRD)
    assert again.exit_code == 0, again.output
    assert "read again" not in again.output
    assert dict(kept(warehouse, "feature")) == {date(2026, 1, 5): "Login", **features}


def test_a_new_column_has_all_events_read_anew(warehouse: Warehouse) -> None:
    lines = [line.strip() + ",crm\n" for line in EVENTS.values()]
    (warehouse.raw / "events.csv").write_text(HEADER.strip() + ",product\n" + "".join(lines))
    warehouse.calculate(SECOND)
    assert {product for _, product in kept(warehouse, "product")} == {"crm"}


def test_rows_of_an_earlier_version_are_read_anew(warehouse: Warehouse) -> None:
    """The table of loads had no fingerprint, the roll-up no product."""
    with warehouse.writing() as connection:
        connection.execute("alter table intermediate.int_event_load drop column reader")
        connection.execute("alter table intermediate.int_validated_events drop column product")
        connection.execute("update intermediate.int_validated_events set feature = 'old'")
    warehouse.calculate(SECOND)
    assert {feature for _, feature in kept(warehouse, "feature")} == {"Login"}


def test_a_night_without_events_keeps_them_and_the_next_catches_up(warehouse: Warehouse) -> None:
    before = kept(warehouse, "feature")
    (warehouse.raw / "events.csv").rename(warehouse.raw.parent / "late.csv")
    warehouse.calculate(SECOND)
    assert kept(warehouse, "feature") == before
    assert warehouse.query("select count(*) from health.feature_adoption") == [(0,)]
    (warehouse.raw.parent / "late.csv").rename(warehouse.raw / "events.csv")
    warehouse.calculate(THIRD)
    assert len(kept(warehouse, "feature")) == len(EVENTS)
    assert warehouse.query(
        f"select value from health.pillar_metrics_history where health_date = '{THIRD}'"
        " and metric_id = 'events_30d'"
    ) == [(5.0,)]


def test_after_a_clock_that_was_ahead_events_are_read_anew(warehouse: Warehouse) -> None:
    """Else the events of nights that were missed since would never be read."""
    with warehouse.writing() as connection:
        connection.execute("update intermediate.int_event_load set loaded_for = date '2999-01-01'")
    late = date(2026, 5, 12)
    with (warehouse.raw / "events.csv").open("a") as file:
        file.write("late,a,Login,2026-03-20 10:00\n")
    run = warehouse.build(late)
    assert run.exit_code == 0, run.output
    assert "The clock was ahead when events were loaded" in run.output
    assert (date(2026, 3, 20), "Login") in kept(warehouse, "feature")
    again = warehouse.build(late)
    assert "The clock was ahead" not in again.output
    assert warehouse.query("select loaded_for from intermediate.int_event_load") == [(late,)]
