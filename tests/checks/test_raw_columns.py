"""Columns that metrics rest on: which they are, and that one that vanishes is seen."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from check_worlds import HEALTH_DATE, check, write_raw
from click.testing import CliRunner
from nights import Night
from pipeline import Warehouse
from small_world import World

from expectations import raw, run_raw_checks
from expectations.queries import checks_of
from expectations.raw_columns import recall, rested_on
from expectations.raw_profile import SEEDS, read_profiles
from expectations.reports import CheckResult
from orchestration.base.dbt_project import catalogue
from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.sample_data import write_sample
from orchestration.warehouse.connections import reading

# What is missing where a column is in no file (docs/measures.md, "What is missing"). `a|b`: where
# both are.
MISSING_WITHOUT = {
    "events.user_id": "active_users inactive_users active_user_ratio license_utilization"
    " tickets_per_active_user",
    "touchpoints.user_id": "people_contacted",
    "events.module": "modules_used",
    "subscriptions.seats": "seats license_utilization",
    "subscriptions.renews_at": "days_to_renewal",
    "invoices.due_at": "overdue_invoices overdue_amount days_overdue invoices_due"
    " late_payment_ratio",
    "invoices.paid_at": "overdue_invoices overdue_amount days_overdue invoices_due"
    " late_payment_ratio open_invoices amount_paid",
    "tickets.solved_at": "open_tickets open_ticket_age_days tickets_solved resolution_hours",
    "tickets.first_replied_at": "first_reply_hours",
    "tickets.reopens": "reopens",
    "tickets.csat_score": "csat_score good_csat bad_csat",
    "tickets.csat_at|solved_at": "csat_score good_csat bad_csat",
    "tickets.solved_at|csat_at": "csat_score good_csat bad_csat",
}


def day(after: int) -> date:
    return HEALTH_DATE + timedelta(days=after)


# What measures rest on ----------------------------------------------------------------------------


def test_measures_are_missing_without_the_columns_that_the_contract_names() -> None:
    found: dict[str, set[str]] = {}
    for row in catalogue("measure_columns"):
        if row["is_needed"] == "true":
            column = "|".join(filter(None, (row["column_name"], row["or_column"])))
            found.setdefault(f"{row['table_name']}.{column}", set()).add(row["measure"])
    assert found == {column: set(names.split()) for column, names in MISSING_WITHOUT.items()}


def test_columns_of_the_catalogue_are_optional_ones_of_the_contract() -> None:
    sources = raw_definitions()
    measures = {row["measure"] for row in catalogue("measures")}
    for row in catalogue("measure_columns"):
        assert row["measure"] in measures
        assert row["is_needed"] in ("true", "false")
        for name in filter(None, (row["column_name"], row["or_column"])):
            meta = sources[row["table_name"]].columns[name]
            assert not meta.get("required"), row


def test_every_table_with_such_a_column_is_checked() -> None:
    rows = catalogue("measure_columns")
    checked = {check.table_name for check in checks_of("raw") if check.check_name == "columns_kept"}
    assert checked == {row["table_name"] for row in rows}


def test_a_metric_rests_on_the_columns_of_its_measure_and_on_that_of_its_dimension(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.seed(
        metrics=[
            "high_tickets,service,tickets_created,30,priority,high,,",
            "calls,relationship,touchpoints,30,channel,call,,",
            "suite_users,product_adoption,active_users,30,product,suite,,",
            "users,product_adoption,active_users,30,,,,",
        ]
    )
    assert rested_on(world.seeds_dir) == {
        "tickets": {"priority": ["high_tickets"]},
        "events": {"user_id": ["suite_users", "users"], "product": ["suite_users"]},
    }, "channel is required: without it the table cannot be read at all"


# A column that vanishes ---------------------------------------------------------------------------

RENAMED = "select * rename (priority as urgency) from base"
EMPTY = "select * replace (cast(null as varchar) as priority) from base"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A folder that only these checks validate."""
    asked = [check for check in checks_of("raw") if check.check_name == "columns_kept"]
    monkeypatch.setattr(raw, "checks_of", lambda boundary: asked)
    return Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")


def validate(
    settings: Settings, tickets: str, first: date, last: date | None = None
) -> CheckResult:
    """What the check says of tickets on the last date."""
    if settings.raw.exists():
        for file in settings.raw.iterdir():
            file.unlink()
        settings.raw.rmdir()
    write_raw(settings.raw, tickets)
    report = run_raw_checks(settings, first, last, today=last or first)
    return [
        result
        for result in report.results
        if (result.check.check_name, result.check.table_name) == ("columns_kept", "tickets")
    ][-1]


def failed_tables(settings: Settings, health_date: date) -> list[tuple]:
    with reading(settings) as warehouse:
        return warehouse.rows(
            "select table_name from checks.source_check_failures "
            "where health_date = $day and check_name = 'columns_kept'",
            day=health_date,
        )


def test_a_column_that_is_renamed_fails_until_it_is_back(settings: Settings) -> None:
    assert validate(settings, "from base", day(0)).passed
    result = validate(settings, RENAMED, day(1))
    assert not result.passed
    assert result.check.severity == "critical"
    assert [failure.record_key for failure in result.failures] == ["priority"]
    assert result.observed == (
        f"priority was filled until {day(0)} and is in no file any more; new in the files: "
        "urgency. Metrics that rest on it: open_high_tickets_14d"
    )
    assert failed_tables(settings, day(1)) == [("tickets",)]
    # Reruns, later dates after a gap, and the date on which it was there in the morning.
    for health_date in (day(1), day(9), day(0)):
        again = validate(settings, RENAMED, health_date)
        assert not again.passed
        assert "urgency" in again.observed
    assert validate(settings, RENAMED, day(-1)).passed, "nothing is known of dates before"
    assert validate(settings, "from base", day(1)).passed
    assert failed_tables(settings, day(1)) == []
    assert not validate(settings, RENAMED, day(2)).passed


def test_a_backfill_of_the_dates_of_a_failure_does_not_make_it_pass(settings: Settings) -> None:
    validate(settings, "from base", day(-3), day(0))
    assert not validate(settings, RENAMED, day(-3), day(1)).passed
    assert not validate(settings, RENAMED, day(2)).passed


def test_a_column_that_is_emptied_fails(settings: Settings) -> None:
    validate(settings, "from base", day(0))
    result = validate(settings, EMPTY, day(1))
    assert not result.passed
    assert result.observed.startswith(
        f"priority was filled until {day(0)} and has no value any more; no new column took its"
    )


def test_columns_that_vanish_together_are_each_named(settings: Settings) -> None:
    validate(settings, "from base", day(0))
    result = validate(settings, "select * exclude (priority, solved_at) from base", day(1))
    assert [failure.record_key for failure in result.failures] == ["solved_at", "priority"]
    assert "priority was filled" in result.observed
    assert "solved_at was filled" in result.observed


@pytest.mark.parametrize("tickets", [RENAMED, EMPTY])
def test_a_column_that_was_never_filled_is_not_missed(settings: Settings, tickets: str) -> None:
    validate(settings, tickets, day(0))
    result = validate(settings, RENAMED, day(1))
    assert result.was_validated
    assert result.passed


def test_a_table_that_is_gone_or_without_rows_is_left_to_other_checks(settings: Settings) -> None:
    validate(settings, "from base", day(0))
    assert validate(settings, "from base limit 0", day(1)).passed
    (settings.raw / "tickets.parquet").unlink()
    report = run_raw_checks(settings, day(2), today=day(2))
    assert "tickets" not in {result.check.table_name for result in report.failed}


def test_a_column_on_which_no_metric_rests_any_more_is_not_missed(
    settings: Settings, tmp_path: Path
) -> None:
    validate(settings, "from base", day(0))
    validate(settings, RENAMED, day(1))
    asked = check("columns_kept", "tickets", maximum=0)

    def passes_with(seeds: Path) -> bool:
        profiles = read_profiles(settings, [asked], day(1), day(1), day(1), seeds=seeds)
        columns = profiles["tickets"].columns
        assert columns
        with reading(settings) as warehouse:
            recall(warehouse, {"tickets": columns})
        [result] = raw.validated_profiles(profiles, [asked], (day(1),)).results
        return result.passed

    assert not passes_with(SEEDS)
    world = World(tmp_path / "without")
    world.seed(metrics=["tickets_30d,service,tickets_created,30,,,,"])
    assert passes_with(world.seeds_dir)


def test_a_column_that_is_gone_for_good_is_not_missed(settings: Settings) -> None:
    validate(settings, "from base", day(0))
    assert not validate(settings, RENAMED, day(1)).passed
    environment = {
        **settings.environment,
        "HEALTH_DOCS_DIR": str(settings.warehouse.parent / "docs"),
    }
    arguments = ["check", "--boundary", "raw", "--date", str(day(1)), "--gone-for-good"]
    answer = CliRunner().invoke(main, [*arguments, "tickets.urgency"], env=environment)
    assert answer.exit_code == 2
    assert "the columns of tickets are ticket_id" in answer.output
    answer = CliRunner().invoke(main, [*arguments, "Tickets.priority"], env=environment)
    assert answer.exit_code == 0, answer.output
    assert failed_tables(settings, day(1)) == []
    assert validate(settings, RENAMED, day(2)).passed


# Files of events of long ago keep what those of today have lost.
EVENTS = f"""
    select
        'e' || n as event_id,
        'a' || n % 12 as account_id,
        'report' as feature,
        date '{HEALTH_DATE}' - 1 - cast(n // 40 as integer) as occurred_at,
        case
            when occurred_at < date '{HEALTH_DATE}' - {{lost_days}} then 'u' || n % 24
        end as user_id
    from range(1600) as numbers(n)
"""


def events_validated(settings: Settings, lost_days: int) -> CheckResult:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            f"copy ({EVENTS.format(lost_days=lost_days)}) to '{settings.raw}/events.parquet'"
        )
    report = run_raw_checks(settings, HEALTH_DATE, today=HEALTH_DATE)
    [result] = [
        result
        for result in report.results
        if (result.check.check_name, result.check.table_name) == ("columns_kept", "events")
    ]
    return result


def test_a_column_that_the_events_of_a_week_have_lost_fails(settings: Settings) -> None:
    write_raw(settings.raw)
    assert events_validated(settings, lost_days=0).passed
    assert events_validated(settings, lost_days=2).passed
    result = events_validated(settings, lost_days=7)
    assert [failure.record_key for failure in result.failures] == ["user_id"]


# Whole runs ---------------------------------------------------------------------------------------

END = date(2026, 11, 22)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("columns")
    write_sample(folder / "raw", accounts=25, days=60, end_date=END)
    rewrite_tickets(folder / "raw", "* exclude (reopens)")
    yield Night(Settings(folder / "raw", folder / "warehouse.duckdb"))


def rewrite_tickets(folder: Path, columns: str) -> None:
    file, other = folder / "tickets.parquet", folder / "tickets.new"
    with duckdb.connect() as connection:
        connection.execute(f"copy (select {columns} from '{file}') to '{other}' (format parquet)")
    other.replace(file)


SERVICE = """
    select pillar_id = 'service' as is_service, reason = 'source_unavailable', count(*)
    from health.pillar_health_history
    where health_date = '{day}' and reason is not distinct from 'source_unavailable'
    group by all
"""


def test_a_renamed_priority_takes_service_out_and_says_what_took_its_place(night: Night) -> None:
    before, after = END - timedelta(days=1), END
    first = night.run("--date", str(before))
    assert first.exit_code == 0, first.output
    assert night.published(SERVICE.format(day=before)) == []

    # A column that was never there: its metric is missing, and nothing fails.
    told = "Missing for every account, because no file has tickets.reopens: reopens_30d."
    assert told in " ".join(first.output.split())
    assert night.published(
        "select distinct metric_id from health.pillar_metrics_history "
        "where metric_id in ('reopens_30d', 'open_tickets')"
    ) == [("open_tickets",)]
    lint = CliRunner().invoke(main, ["lint"], env=night.environment)
    assert "tickets.reopens" in lint.output

    rewrite_tickets(night.settings.raw, "* rename (priority as urgency)")
    second = night.run("--date", str(after))
    assert second.exit_code == 0, second.output
    [(is_service, is_reason, accounts)] = night.published(SERVICE.format(day=after))
    assert is_service and is_reason and accounts
    assert night.published(
        f"select status from health.source_status where table_name = 'tickets' "
        f"and health_date = '{after}'"
    ) == [("failed",)]
    [(key, observed)] = night.published(
        "select record_key, detail from health.check_failures "
        f"where check_name = 'columns_kept' and health_date = '{after}'"
    )
    assert key == "priority"
    assert "new in the files: urgency" in observed

    rewrite_tickets(night.settings.raw, "* rename (urgency as priority)")
    third = night.run("--date", str(after))
    assert third.exit_code == 0, third.output
    assert night.published(SERVICE.format(day=after)) == []


# Products -----------------------------------------------------------------------------------------


def test_events_are_counted_by_product_however_long_ago(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.raw(
        "events",
        "event_id,account_id,feature,occurred_at,user_id,product",
        [
            "e1,a1,report,2026-02-01,ann,suite",
            "e2,a1,report,2026-02-01,ann,mobile",
            "e3,a1,report,2026-11-20,ann,",
            "e4,a1,search,2026-11-20,ben,suite",
            "e5,a1,search,2026-11-21,cid, suite ",
            "e5,a1,search,2026-11-21,cid,mobile",
        ],
    )
    world.metrics(
        "events",
        "events,30,product,suite",
        "active_users,,product,suite|mobile",
        "features_used,90,product,mobile",
        "days_since_last_event,,product,mobile",
    )
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", world.raw_dir, world.seeds_dir)
    # Another date before it, so that what is long past is settled when the second is calculated.
    for health_date in (END - timedelta(days=1), END):
        warehouse.calculate(health_date)
    metrics = dict(
        warehouse.query(
            "select metric_id, value from health.pillar_metrics_history "
            f"where health_date = '{END}'"
        )
    )
    assert metrics == {
        "events": 5,
        "events_30": 2,
        "active_users": 3,
        "features_used_90": 0,
        "days_since_last_event": 294,
    }
    assert warehouse.query(
        "select feature, users_14d, events_14d from health.feature_adoption order by feature"
    ) == [("report", 1, 1), ("search", 2, 2)]
