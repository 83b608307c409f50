"""Runs after runs: the same date again, ranges, backfills, late rows, missed nights, lost files.

docs/health.md, "Words": the same raw data, configuration and date give the same rows, always. And
docs/raw_tables.md, "Late rows" and "Rows and values that break the rules": `unknown_account` is
decided again by every run. Whatever was run before, a date has to come out as from an empty
warehouse, but for events that arrived too late.
"""

import random
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from comparison import differences
from pipeline import Run, Warehouse
from reference import calculate
from worlds import TABLES, World, make_world

Contents = dict[str, list[tuple]]

PUBLISHED = (
    "account_health",
    "account_health_history",
    "account_health_last_60_days",
    "account_properties",
    "account_risk",
    "account_rollup_history",
    "feature_adoption",
    "health_alerts",
    "health_changes",
    "health_config_versions",
    "health_explanations",
    "milestone_progress",
    "nearest_flips",
    "not_calculated_accounts",
    "pillar_health",
    "pillar_health_history",
    "pillar_health_last_60_days",
    "pillar_metrics_history",
    "portfolio_health_history",
    "product_adoption",
    "rejected_records",
    "segment_health_history",
    "segment_membership",
    "source_status",
    "threshold_calibration",
    "user_adoption",
    "user_feature_adoption",
)
# What depends on the dates that were calculated before, and so is not compared with one date alone.
DEPENDS_ON_HISTORY = {
    "rejected_records": "first_seen_on",
    "not_calculated_accounts": "since",
}
BY_DATE = (
    "account_health_history",
    "account_rollup_history",
    "health_explanations",
    "not_calculated_accounts",
    "pillar_health_history",
    "pillar_metrics_history",
    "portfolio_health_history",
    "segment_health_history",
    "segment_membership",
    "source_status",
)


def published(warehouse: Warehouse) -> Contents:
    """All published rows; doubles are cut where the order of summing begins to show."""
    return {
        table: sorted(
            (tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in rows),
            key=repr,
        )
        for table, rows in warehouse.contents(*PUBLISHED).items()
    }


def rows_on(contents: Contents, *dates: date) -> Contents:
    """The rows of the given health dates in the tables that have dates."""
    return {table: [row for row in contents[table] if row[0] in dates] for table in BY_DATE}


def run_with_vars(warehouse: Warehouse, variables: str, *arguments: str) -> Run:
    """As `dbt build --vars`, with no date in the environment."""
    no_dates = {"HEALTH_START_DATE": "", "HEALTH_END_DATE": ""}
    return warehouse.build(
        date(2000, 1, 1), None, "--vars", variables, *arguments, environment=no_dates
    )


def expected_on(warehouse: Warehouse, health_date: date) -> dict[str, pd.DataFrame]:
    """What the reference makes of the raw data of this moment, from an empty warehouse."""
    assert warehouse.seeds
    tables = calculate(warehouse.raw, warehouse.seeds, health_date, health_date)
    return {
        table: tables[table].drop(columns=DEPENDS_ON_HISTORY.get(table, []))
        for table in (*BY_DATE, "rejected_records")
    }


def differences_on(warehouse: Warehouse, health_date: date, *, explained: bool = True) -> list[str]:
    """How the rows of one date differ from the reference; `explained`: they have explanations."""
    expected = expected_on(warehouse, health_date)
    if not explained:
        del expected["health_explanations"]
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse.path}' as warehouse (read_only)")
        connection.execute("create schema health")
        for table in expected:
            left_out = DEPENDS_ON_HISTORY.get(table)
            columns = f"* exclude ({left_out})" if left_out else "*"
            which = f"where health_date = date '{health_date}'" if table in BY_DATE else ""
            connection.execute(
                f"create view health.{table} as"
                f" select {columns} from warehouse.health.{table} {which}"
            )
        return differences(expected, connection)


# The same dates again, in a range and one by one --------------------------------------------------


def table_files(raw: Path, table: str) -> list[Path]:
    """The file or the folder of a raw table, if it is there; one of 0 bytes is not."""
    paths = [raw / table, raw / f"{table}.csv", raw / f"{table}.parquet"]
    return [path for path in paths if path.is_dir() or (path.exists() and path.stat().st_size)]


# What writes the rows of a step: into a table that is made with them, or made before.
WRITES_ROWS = re.compile(r"create or replace table \S+ as \(|insert into .* by name")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A random world that has every table, and something to tell in every published one."""
    world = make_world(tmp_path_factory.mktemp("world"), 222, ("currencies", "products"))
    assert all(table_files(world.raw_dir, table) for table in TABLES)
    return world


@pytest.fixture(scope="module")
def dates(world: World) -> list[date]:
    return [world.end + timedelta(days=day) for day in range(1, 5)]


@pytest.fixture(scope="module")
def by_range(
    world: World, dates: Sequence[date], tmp_path_factory: pytest.TempPathFactory
) -> Contents:
    """Four dates in one run, by the vars start_date and end_date, as in a large one: in steps."""
    path = tmp_path_factory.mktemp("range") / "warehouse.duckdb"
    warehouse = Warehouse(path, world.raw_dir, world.seeds_dir)
    run = run_with_vars(warehouse, in_steps(dates[0], dates[-1]))
    assert run.exit_code == 0, run.output
    for model in (
        "pillars/event_measurements",
        "pillars/external_measurements",
        "pillars/feature_measurements",
        "pillars/financial_measurements",
        "pillars/relationship_measurements",
        "pillars/service_measurements",
        "pillars/user_measurements",
        "pillars/metric_values",
        "signals/derived_metrics",
        "signals/segment_results",
        "signals/chosen_segment_results",
        "intermediate/int_evaluated_pillars",
        "intermediate/int_milestone_changes",
        "health/history/account_rollup_history",
        "health/history/pillar_metrics_history",
        "health/history/segment_health_history",
    ):
        written = path.parent / f"target/run/health/models/{model}.sql"
        steps = WRITES_ROWS.findall(written.read_text(encoding="utf-8"))
        assert len(steps) == len(dates), model
    return published(warehouse)


def in_steps(first: date, last: date) -> str:
    """The vars of a run of the dates that makes large tables a date at a time."""
    steps = "events_per_step: 100, account_dates_per_step: 1"
    return f"{{start_date: {first}, end_date: {last}, {steps}}}"


@pytest.fixture(scope="module")
def one_by_one(
    world: World, dates: Sequence[date], tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    """The same dates in four runs: the first by the var health_date, others by the environment."""
    path = tmp_path_factory.mktemp("dates") / "warehouse.duckdb"
    warehouse = Warehouse(path, world.raw_dir, world.seeds_dir)
    run = run_with_vars(warehouse, f"{{health_date: {dates[0]}}}")
    assert run.exit_code == 0, run.output
    for health_date in dates[1:]:
        warehouse.calculate(health_date)
    return warehouse


@pytest.fixture(scope="module")
def single_dates(one_by_one: Warehouse) -> Contents:
    return published(one_by_one)


@pytest.fixture(scope="module")
def after_rerun(one_by_one: Warehouse, single_dates: Contents, dates: Sequence[date]) -> Contents:
    one_by_one.calculate(dates[-1])
    return published(one_by_one)


@pytest.fixture(scope="module")
def after_repair(one_by_one: Warehouse, after_rerun: Contents, dates: Sequence[date]) -> Contents:
    """The second date calculated again after its rows were spoilt: changed, deleted, added."""
    spoilt = f"health_date = date '{dates[1]}'"
    with duckdb.connect(str(one_by_one.path)) as connection:
        connection.execute(
            f"update health.account_health_history set overall_score = -1 where {spoilt}"
        )
        connection.execute(f"delete from health.pillar_metrics_history where {spoilt}")
        connection.execute(f"delete from health.source_status where {spoilt}")
        connection.execute(
            "insert into health.pillar_health_history by name select * replace ('gone' as"
            f" account_id) from health.pillar_health_history where {spoilt} limit 1"
        )
    assert rows_on(published(one_by_one), dates[1]) != rows_on(after_rerun, dates[1])
    one_by_one.calculate(dates[1])
    return published(one_by_one)


@pytest.mark.parametrize("table", PUBLISHED)
def test_a_range_equals_its_dates_one_by_one(
    by_range: Contents, single_dates: Contents, table: str
) -> None:
    assert by_range[table], "there is nothing to compare"
    assert by_range[table] == single_dates[table]


@pytest.mark.parametrize("table", PUBLISHED)
def test_the_same_date_again_changes_nothing(
    single_dates: Contents, after_rerun: Contents, table: str
) -> None:
    assert after_rerun[table] == single_dates[table]


@pytest.mark.parametrize("table", PUBLISHED)
def test_a_date_in_the_middle_comes_out_the_same(
    single_dates: Contents, after_repair: Contents, table: str
) -> None:
    assert after_repair[table] == single_dates[table]


# What an earlier date may teach of a later one: since when, and what was before.
TOLD_BY_THE_PAST = {
    "account_health": {"previous_overall_state", "state_since", "last_60_days"},
    "pillar_health": {"state_since", "last_60_days"},
    "milestone_progress": {"is_reached", "reached_on"},
    "override_outcomes": {
        *("calculated_state_at_start", "calculated_state_at_end"),
        *("first_applied_on", "last_applied_on"),
    },
}
HISTORIES = {*BY_DATE, "health_changes", "health_alerts", "health_config_versions"}


def latest_tables(warehouse: Warehouse) -> Contents:
    """Every table of the latest date, or of no date, without what an earlier date may teach."""
    contents: Contents = {}
    for table, columns in warehouse.query(
        "select table_name, list(column_name order by column_index) from duckdb_columns()"
        " where schema_name = 'health' and not table_name like '%_last_60_days' group by all"
    ):
        kept = [name for name in columns if name not in TOLD_BY_THE_PAST.get(table, ())]
        if table not in HISTORIES:
            contents[table] = warehouse.query(
                f"select {', '.join(kept)} from health.{table} order by all"
            )
    return contents


def test_an_old_date_leaves_the_tables_of_the_latest_date_alone(
    world: World, tmp_path: Path
) -> None:
    """Accounts that are not there yet on the old date, and a configuration that changed since."""
    seeds = tmp_path / "seeds"
    shutil.copytree(world.seeds_dir, seeds)
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", world.raw_dir, seeds)
    warehouse.calculate(world.end)
    before = latest_tables(warehouse)
    assert before["account_churn"] and before["rejected_records"] and before["nearest_flips"]
    segments = (seeds / "segments.csv").read_text(encoding="utf-8").splitlines()
    name = segments[0].split(",").index("segment_name")
    renamed = [line.split(",") for line in segments[1:]]
    for cells in renamed:
        cells[name] = "Renamed"
    (seeds / "segments.csv").write_text(
        "\n".join([segments[0], *(",".join(cells) for cells in renamed)]) + "\n", encoding="utf-8"
    )
    warehouse.calculate(world.end - timedelta(days=20))
    after = latest_tables(warehouse)
    assert before.keys() == after.keys()
    for table, rows in before.items():
        assert after[table] == rows, table


def test_a_range_again_in_steps_changes_nothing(
    one_by_one: Warehouse, after_repair: Contents, dates: Sequence[date]
) -> None:
    milestone_changes = "select * from intermediate.int_milestone_changes order by all"
    before = one_by_one.query(milestone_changes)
    assert dates[1] in {turn[0] for turn in before}, "no milestone turns between two steps"
    run = run_with_vars(one_by_one, in_steps(dates[0], dates[2]))
    assert run.exit_code == 0, run.output
    assert one_by_one.query(milestone_changes) == before
    assert published(one_by_one) == after_repair


@pytest.mark.parametrize(
    "table", ["account_health_history", "pillar_metrics_history", "health_explanations"]
)
def test_a_row_that_is_there_twice_is_found(
    one_by_one: Warehouse, dates: Sequence[date], table: str, tmp_path: Path
) -> None:
    """A key with nulls, as that of the explanations of score rules, counts as any other."""
    copy = replace(one_by_one, path=tmp_path / "warehouse.duckdb")
    shutil.copyfile(one_by_one.path, copy.path)
    tests = ("--select", f"{table},unique_rows_{table}*")
    assert copy.build(dates[-1], None, *tests).exit_code == 0
    with duckdb.connect(str(copy.path)) as connection:
        connection.execute(
            f"insert into health.{table} from health.{table}"
            f" where health_date = date '{dates[-1]}' order by all desc nulls first limit 1"
        )
    run = copy.build(dates[-1], None, *tests)
    assert run.exit_code != 0
    assert "Got 1 result" in run.output


# Absent tables ------------------------------------------------------------------------------------


ENTERED = ("account_tags", "health_overrides", "risk_assessments")


@pytest.mark.parametrize("name", sorted({*TABLES} - {"accounts"}))
def test_an_absent_table_is_missing_values(world: World, name: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(world.raw_dir, raw)
    # A table is there, too, where rows of it were entered.
    gone = [name, "health_entries"] if name in ENTERED else [name]
    for path in [path for table in gone for path in table_files(raw, table)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", raw, world.seeds_dir)
    warehouse.calculate(world.end)
    absent = warehouse.query("select table_name from health.source_status where status = 'absent'")
    assert (name,) in absent
    expected = calculate(raw, world.seeds_dir, world.end, world.end)
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        found = differences(expected, connection)
    assert not found, "\n".join(found)


# A small world that grows -------------------------------------------------------------------------

SEEDS = {
    "pillars": """
pillar_id,pillar_name,display_order,when_no_data
product_adoption,Product adoption,1,not_calculated
service,Service,2,average
""",
    "segments": """
segment_id,segment_name,priority,is_default,good_from,poor_below,description
everyone,Everyone,1,true,,,
""",
    "segment_rules": "segment_id,clause,signal_id,operator,value",
    "attributes": "attribute_id,value_type,unit,description",
    "metrics": """
metric_id,pillar_id,measure,window_days,dimension,dimension_values,unit,description
events,product_adoption,events,,,,,
report_events,product_adoption,events,,feature,report|export,,
features_used,product_adoption,features_used,,,,,
core_features_used,product_adoption,features_used,,module,core,,
modules_used,product_adoption,modules_used,,,,,
active_users,product_adoption,active_users,,,,,
export_users,product_adoption,active_users,,feature,export,,
active_days,product_adoption,active_days,,,,,
core_days,product_adoption,active_days,,module,core,,
days_since_last_event,product_adoption,days_since_last_event,,,,,
days_since_last_report,product_adoption,days_since_last_event,,feature,report,,
events_14d,product_adoption,events,14,,,,
active_users_30d,product_adoption,active_users,30,,,,
active_user_ratio_30d,product_adoption,active_user_ratio,30,,,,
inactive_users_7d,product_adoption,inactive_users,7,,,,
event_change_ratio_14d,product_adoption,event_change_ratio,14,,,,
tickets,service,tickets_created,,,,,
""",
    "health_rules": """
segment_id,pillar_id,state,clause,signal_id,operator,threshold,scaled_by
everyone,product_adoption,good,1,events_14d,>=,3,
everyone,product_adoption,poor,1,days_since_last_event,>,14,
everyone,service,good,1,tickets,=,0,
""",
    "score_rules": "segment_id,pillar_id,signal_id,weight,healthy_operator,healthy_threshold,"
    "poor_operator,poor_threshold,scaled_by",
    "pillar_weights": "segment_id,pillar_id,weight,cap_when_poor",
    "milestones": "segment_id,milestone_id,milestone_name,position,signal_id,operator,threshold,"
    "scaled_by",
    "alert_rules": "alert_id,pillar_id,from_state,to_state,score_below,score_drop_7d,segment_id,"
    "severity,playbook",
    "plans": "plan_id,plan_name,plan_rank",
    "sources": "table_name,max_age_hours,max_rejected_ratio\nevents,120,0.5",
    "pillar_sources": "pillar_id,table_name\nproduct_adoption,events",
}
HEADERS = {
    "accounts": "account_id,account_name,created_at",
    "events": "event_id,account_id,feature,occurred_at,user_id,module,event_count,loaded_at",
    "users": "user_id,account_id,created_at,deactivated_at",
    "tickets": "ticket_id,account_id,created_at",
}


@dataclass
class GrowingWorld:
    """Raw tables as lines of CSV, which change between runs, and their warehouse."""

    folder: Path
    lines: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in HEADERS})

    @property
    def warehouse(self) -> Warehouse:
        path = self.folder / "warehouse.duckdb"
        return Warehouse(path, self.folder / "raw", self.folder / "seeds")

    def __post_init__(self) -> None:
        self.warehouse.raw.mkdir()
        (self.folder / "seeds").mkdir()
        for name, text in SEEDS.items():
            (self.folder / "seeds" / f"{name}.csv").write_text(text.strip() + "\n")

    def add(self, table: str, *lines: str) -> None:
        self.lines[table] += lines

    def write(self) -> None:
        for name, header in HEADERS.items():
            text = "\n".join([header, *self.lines[name]])
            (self.warehouse.raw / f"{name}.csv").write_text(text + "\n")

    def run(self, health_date: date, *arguments: str) -> "Moment":
        """Write the raw tables as they are now and calculate a date."""
        self.write()
        self.warehouse.calculate(health_date, None, *arguments)
        return self.moment(health_date)

    def moment(self, health_date: date) -> "Moment":
        return Moment(health_date, published(self.warehouse))

    def differences(self, health_date: date, *, explained: bool = True) -> list[str]:
        return differences_on(self.warehouse, health_date, explained=explained)


@dataclass(frozen=True)
class Moment:
    """What was published after a run of a health date."""

    health_date: date
    contents: Contents

    def metric(self, metric_id: str) -> dict[str, float]:
        """The value of a metric by account, on the date of the run."""
        rows = self.contents["pillar_metrics_history"]
        return {
            account_id: value
            for health_date, account_id, _, metric, value in rows
            if (health_date, metric) == (self.health_date, metric_id)
        }

    def rejections(self, table: str) -> dict[tuple[str, str], date]:
        """First date seen by (key, reason)."""
        return {
            (key, reason): first_seen_on
            for name, key, reason, _, _, _, first_seen_on in self.contents["rejected_records"]
            if name == table
        }


# Late rows, accounts that come and go -------------------------------------------------------------

NIGHT = date(2026, 3, 10)
NEXT_NIGHT = date(2026, 3, 11)
BACKFILL = date(2026, 3, 6)
THIRD_NIGHT = date(2026, 3, 12)
FOURTH_NIGHT = date(2026, 3, 13)
FIVE_NIGHTS_LATER = date(2026, 3, 18)


@dataclass
class Timeline:
    """What was published after each run, and how it differed from the reference."""

    first: Moment
    late: Moment
    backfilled: Moment
    after_backfill: Moment
    refreshed: Moment
    refreshed_differences: list[str]
    arrived: Moment
    arrived_differences: list[str]
    left: Moment
    left_differences: list[str]


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    world = GrowingWorld(tmp_path_factory.mktemp("timeline"))
    accounts = (
        *("in_time", "too_late", "far_too_late", "twice", "twice_long_ago", "same_id", "copied"),
        *("keeper", "loser", "leaver"),
    )
    world.add("accounts", *(f"{name},{name},2025-01-01" for name in accounts))
    world.add(
        "events",
        "twice,twice,login,2026-03-08 10:00,,,2,2026-03-08",
        "old twice,twice_long_ago,login,2026-03-02 10:00,,,2,2026-03-02",
        "same id,same_id,login,2026-03-01 10:00,,,1,",
        "copy,copied,login,2026-03-08 10:00,,,1,2026-03-08",
        "new 1,newcomer,login,2026-02-18 10:00,,,3,",
        "new 2,newcomer,report,2026-03-09 10:00,,,-1,",
        "shared,keeper,login,2026-02-10 10:00,,,1,2026-02-12",
        "shared,loser,login,2026-02-10 10:00,,,-1,2026-02-11",
        "left 1,leaver,login,2026-02-23 10:00,,,3,",
        "left 2,leaver,login,2026-03-09 10:00,,,1,",
        "bad,keeper,,2026-03-09 10:00,,,1,",
        "bad long ago,keeper,,2026-02-20 10:00,,,1,",
        "bad time,keeper,login,some day,,,1,",
    )
    world.add("users", "u1,newcomer,2026-01-01,")
    world.add("tickets", "t1,newcomer,2026-01-01", "t2,keeper,soon")
    first = world.run(NIGHT)

    # Arrived in the course of the day: three days late and later, and versions of known rows.
    world.add(
        "events",
        "late 1,in_time,login,2026-03-07 12:00,,,1,2026-03-10 12:00",
        "late 2,too_late,login,2026-03-06 12:00,,,1,2026-03-10 12:00",
        "late 3,far_too_late,login,2026-03-02 12:00,,,1,2026-03-10 12:00",
        "twice,twice,login,2026-03-08 11:00,,,5,2026-03-10 12:00",
        "old twice,twice_long_ago,login,2026-03-02 11:00,,,5,2026-03-10 12:00",
        "same id,same_id,login,2026-03-09 10:00,,,1,2026-03-10 12:00",
        "copy,copied, login ,2026-03-08 10:00,,,1,2026-03-10 12:00",
        "bad later,keeper,,2026-03-10 10:00,,,1,",
    )
    late = world.run(NEXT_NIGHT)
    backfilled = world.run(BACKFILL)
    after_backfill = world.run(THIRD_NIGHT)
    refreshed = world.run(THIRD_NIGHT, "--full-refresh")
    refreshed_differences = world.differences(THIRD_NIGHT)

    world.add("accounts", "newcomer,Newcomer,2026-01-01")
    arrived = world.run(FOURTH_NIGHT)
    arrived_differences = world.differences(FOURTH_NIGHT)

    # No run for five nights; two accounts are gone; the first run of the last night is stopped.
    world.lines["accounts"] = [
        line for line in world.lines["accounts"] if not line.startswith(("leaver,", "loser,"))
    ]
    world.add(
        "events",
        *(f"missed {day},in_time,report,2026-03-{day} 10:00,u1,core,1," for day in range(12, 18)),
        "missed bad,keeper,,2026-03-14 10:00,,,1,",
    )
    world.write()
    stopped = ("--select", "+int_events_daily", "--exclude-resource-type", "test")
    world.warehouse.calculate(FIVE_NIGHTS_LATER, None, *stopped)
    left = world.run(FIVE_NIGHTS_LATER)
    left_differences = world.differences(FIVE_NIGHTS_LATER)
    return Timeline(
        first=first,
        late=late,
        backfilled=backfilled,
        after_backfill=after_backfill,
        refreshed=refreshed,
        refreshed_differences=refreshed_differences,
        arrived=arrived,
        arrived_differences=arrived_differences,
        left=left,
        left_differences=left_differences,
    )


def test_a_row_three_days_late_counts_in_the_next_run(timeline: Timeline) -> None:
    assert timeline.first.metric("events")["in_time"] == 0
    assert timeline.late.metric("events")["in_time"] == 1


def test_an_older_row_waits_for_a_backfill(timeline: Timeline) -> None:
    assert timeline.late.metric("events")["too_late"] == 0
    assert timeline.after_backfill.metric("events")["too_late"] == 1


def test_a_backfill_reaches_as_far_as_it_starts(timeline: Timeline) -> None:
    assert timeline.after_backfill.metric("events")["far_too_late"] == 0
    assert timeline.refreshed.metric("events")["far_too_late"] == 1


def test_published_history_changes_only_for_the_dates_asked_for(timeline: Timeline) -> None:
    runs = (timeline.late, timeline.backfilled, timeline.after_backfill, timeline.refreshed)
    before = timeline.first
    known = [NIGHT]
    for moment in runs:
        others = [known_date for known_date in known if known_date != moment.health_date]
        assert rows_on(moment.contents, *others) == rows_on(before.contents, *others)
        before = moment
        known.append(moment.health_date)
    dates = {row[0] for row in timeline.refreshed.contents["account_health_history"]}
    assert dates == {BACKFILL, NIGHT, NEXT_NIGHT, THIRD_NIGHT}


def test_account_health_stays_the_latest_date_s_after_a_backfill(timeline: Timeline) -> None:
    # The state before the present one may change with earlier dates, the date and scores may not.
    for before, after in zip(
        timeline.late.contents["account_health"],
        timeline.backfilled.contents["account_health"],
        strict=True,
    ):
        assert before[:10] == after[:10]
        assert after[2] == NEXT_NIGHT


def test_a_full_refresh_equals_an_empty_warehouse(timeline: Timeline) -> None:
    assert not timeline.refreshed_differences, "\n".join(timeline.refreshed_differences)


def test_a_later_version_in_the_late_window_replaces_its_row(timeline: Timeline) -> None:
    assert timeline.first.metric("events")["twice"] == 2
    assert timeline.late.metric("events")["twice"] == 5
    assert timeline.late.rejections("events")["twice", "duplicate_key"] == NEXT_NIGHT


def test_a_later_version_before_the_late_window_waits(timeline: Timeline) -> None:
    assert timeline.after_backfill.metric("events")["twice_long_ago"] == 2
    assert ("old twice", "duplicate_key") not in timeline.after_backfill.rejections("events")
    assert timeline.refreshed.metric("events")["twice_long_ago"] == 5
    assert timeline.refreshed.rejections("events")["old twice", "duplicate_key"] == THIRD_NIGHT


def test_an_id_counts_once_a_day(timeline: Timeline) -> None:
    assert timeline.late.metric("events")["same_id"] == 2
    assert ("same id", "duplicate_key") not in timeline.refreshed.rejections("events")


def test_a_copy_that_arrives_later_is_no_duplicate(timeline: Timeline) -> None:
    assert timeline.late.metric("events")["copied"] == 1
    assert ("copy", "duplicate_key") not in timeline.refreshed.rejections("events")


def test_a_rejected_record_keeps_the_date_on_which_it_was_first_seen(timeline: Timeline) -> None:
    for moment in (timeline.first, timeline.late, timeline.backfilled, timeline.left):
        assert moment.rejections("events")["bad", "missing_feature"] == NIGHT
        assert moment.rejections("events")["bad long ago", "missing_feature"] == NIGHT
        assert moment.rejections("events")["bad time", "invalid_occurred_at"] == NIGHT
        assert moment.rejections("tickets")["t2", "invalid_created_at"] == NIGHT
    for moment in (timeline.late, timeline.backfilled, timeline.refreshed, timeline.left):
        assert moment.rejections("events")["bad later", "missing_feature"] == NEXT_NIGHT
    assert timeline.left.rejections("events")["missed bad", "missing_feature"] == FIVE_NIGHTS_LATER


def test_rows_of_an_account_that_arrives_later_count(timeline: Timeline) -> None:
    unknown = {("events", "new 1"), ("events", "new 2"), ("users", "u1"), ("tickets", "t1")}
    for table, key in unknown:
        assert (key, "unknown_account") in timeline.refreshed.rejections(table)
        assert (key, "unknown_account") not in timeline.arrived.rejections(table)
    assert timeline.arrived.metric("events")["newcomer"] == 4
    assert timeline.arrived.metric("tickets")["newcomer"] == 1
    assert not timeline.arrived_differences, "\n".join(timeline.arrived_differences)


def test_rows_of_an_account_that_is_gone_are_unknown(timeline: Timeline) -> None:
    assert timeline.arrived.metric("events")["leaver"] == 4
    rejections = timeline.left.rejections("events")
    assert ("left 1", "unknown_account") in rejections
    assert ("left 2", "unknown_account") in rejections


def test_a_duplicate_of_an_account_that_is_gone_is_unknown(timeline: Timeline) -> None:
    """Of the reasons the first that applies: an unknown account comes before a repeated key."""
    assert ("shared", "duplicate_key") in timeline.arrived.rejections("events")
    shared = [key for key in timeline.left.rejections("events") if key[0] == "shared"]
    assert shared == [("shared", "unknown_account")]


def test_missed_nights_and_a_stopped_run_equal_an_empty_warehouse(timeline: Timeline) -> None:
    found = [line for line in timeline.left_differences if "record_key=shared" not in line]
    assert not found, "\n".join(found)


# Months of nights ---------------------------------------------------------------------------------

FIRST_DAY = date(2025, 7, 1)
START = date(2025, 11, 15)


@dataclass
class Months(GrowingWorld):
    """Events of half a year, of which a run finds those before its day is over.

    Where they are read from the beginning, that takes several steps, as in a large first load.
    """

    in_steps: tuple[str, str] = ("--vars", "{events_per_step: 200}")
    events: list[tuple[date, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        rng = random.Random(7)
        accounts = [f"account_{number}" for number in range(8)]
        for position, name in enumerate(accounts):
            created_on = FIRST_DAY + timedelta(days=30 * position)
            self.add("accounts", f"{name},{name},{created_on}")
            self.add("users", *(f"{name}-{user},{name},{created_on}," for user in range(3)))
            left_on = START + timedelta(days=10 * position)
            self.add("users", f"{name}-gone,{name},{created_on},{left_on}")
        for number in range(1500):
            day = FIRST_DAY + timedelta(days=rng.randrange(240))
            account = rng.choice([*accounts, "ghost"])
            # Some accounts fall silent, and everyone now and then.
            if account[-1] in "257" and day.month % 3 == 0:
                continue
            cells = (
                f"e{number if rng.random() < 0.9 else number // 2}",
                account,
                rng.choice(("login", "report", "export", "invite", f"beta {day.month}")),
                f"{day} {rng.randrange(24):02}:00",
                rng.choice((*(f"{account}-{user}" for user in range(5)), f"{account}-gone", "")),
                rng.choice(("core", "admin", f"trial {day.month}", "")),
                rng.choice(("", "1", "2", "-1", "many")),
                rng.choice(("", f"{day} 23:59")),
            )
            self.events.append((day, ",".join(cells)))

    def configure(self, without: str = "") -> None:
        """Write the metrics, one left out if named."""
        lines = SEEDS["metrics"].strip().splitlines()
        kept = [line for line in lines if not without or not line.startswith(f"{without},")]
        (self.folder / "seeds" / "metrics.csv").write_text("\n".join(kept) + "\n")

    def run_on_its_day(self, health_date: date) -> list[str]:
        """Calculate a date with what has happened by then; how it differs from the reference."""
        self.lines["events"] = [line for day, line in self.events if day <= health_date]
        self.run(health_date, *self.in_steps)
        return self.differences(health_date)


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Months:
    return Months(tmp_path_factory.mktemp("months"))


@pytest.fixture(scope="module")
def lifetimes(months: Months) -> dict[str, list[str]]:
    """How dates far apart, and then one back in time, differ from the reference.

    The one metric that needs users and features of long ago together comes, goes and comes again.
    """
    found = {}
    for day, without in ((0, ""), (10, "export_users"), (40, "export_users"), (80, "")):
        months.configure(without)
        found[f"day {day}"] = months.run_on_its_day(START + timedelta(days=day))
    back = START + timedelta(days=20)
    months.run(back)
    found["back to day 20"] = months.differences(back, explained=False)
    return found


@pytest.fixture(scope="module")
def after_lost_events(months: Months, lifetimes: dict[str, list[str]]) -> dict[str, list[str]]:
    """The file of events is lost while a date long past is calculated, and back the next night."""
    past = START + timedelta(days=30)
    months.write()
    (months.warehouse.raw / "events.csv").write_text("")
    months.warehouse.calculate(past)
    without = months.differences(past, explained=False)
    return {"without": without, "again": months.run_on_its_day(START + timedelta(days=81))}


@pytest.fixture(scope="module")
def after_a_date_to_come(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """A date in the future is calculated, and there is no run until two weeks from now."""
    world = GrowingWorld(tmp_path_factory.mktemp("future"))
    today = datetime.now(UTC).date()
    world.add("accounts", f"a,Alpha,{today - timedelta(days=100)}")
    for day in range(-20, 0):
        world.add("events", f"e{day},a,login,{today + timedelta(days=day)} 12:00,u,core,1,")
    future = today + timedelta(days=100)
    world.run(future)
    found = {"future": world.differences(future)}
    for day in range(1, 14):
        world.add("events", f"e{day},a,report,{today + timedelta(days=day)} 12:00,u,core,1,")
    later = today + timedelta(days=14)
    world.run(later)
    found["later"] = world.differences(later, explained=False)
    return found


@pytest.mark.parametrize("run", ["day 0", "day 10", "day 40", "day 80", "back to day 20"])
def test_lifetimes_are_right_whatever_was_run_before(
    lifetimes: dict[str, list[str]], run: str
) -> None:
    assert not lifetimes[run], "\n".join(lifetimes[run])


@pytest.mark.parametrize("run", ["without", "again"])
def test_events_that_were_lost_for_a_run_are_all_there_again(
    after_lost_events: dict[str, list[str]], run: str
) -> None:
    assert not after_lost_events[run], "\n".join(after_lost_events[run])


def test_all_events_are_read_in_steps(
    months: Months, after_lost_events: dict[str, list[str]]
) -> None:
    """A full refresh reads them all; the night after the file was lost did not."""
    day = START + timedelta(days=81)
    months.run(day, "--full-refresh", *months.in_steps)
    assert not months.differences(day)
    written = months.warehouse.path.parent / "target/run/health/models/intermediate"
    statements = (written / "int_validated_events.sql").read_text(encoding="utf-8")
    assert statements.count("insert into") > 4  # besides the first, which makes the table
    steps = re.findall(r"occurred_at__value >= cast\('(.*?)' as timestamp\)", statements)
    assert len(steps) == statements.count("insert into") + 1 and steps == sorted(steps)


@pytest.mark.parametrize("run", ["future", "later"])
def test_a_date_to_come_makes_no_later_run_skip_events(
    after_a_date_to_come: dict[str, list[str]], run: str
) -> None:
    assert not after_a_date_to_come[run], "\n".join(after_a_date_to_come[run])
