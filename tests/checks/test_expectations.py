"""For every kind of check, data that must pass it and data that must fail it."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import great_expectations.expectations as gxe
import pandas as pd
import pytest
from check_worlds import HEALTH_DATE, check, warehouse, write_raw

from expectations import CheckRaised, custom, health, pillars, raw
from expectations.checks import KINDS, Check
from expectations.raw_profile import read_profiles
from expectations.reports import CheckResult
from expectations.validation import Figures, validated
from orchestration.base.settings import Settings

DATES = (HEALTH_DATE,)
# The raw checks: the check, and what becomes of the tickets so that they fail it.
RAW: dict[str, tuple[Check, str]] = {
    "freshness_hours": (
        check("freshness_hours", "tickets", maximum=36),
        "from base where not is_recent",
    ),
    "volume": (
        check("volume", "tickets", minimum=0.5, maximum=2, window_days=7),
        "from base where not is_recent or hash(ticket_id) % 3 = 0",
    ),
    "empty_days": (
        check("empty_days", "tickets", maximum=0, window_days=7),
        f"from base where created_at::date <> date '{HEALTH_DATE}' - 3",
    ),
    "null_share": (
        check("null_share", "tickets", "priority", maximum=0.1, window_days=7),
        "select * replace (case when not is_recent then priority end as priority) from base",
    ),
    "null_share_rise": (
        check("null_share_rise", "tickets", "csat_score", maximum=0.3, window_days=7),
        "select * replace (case when not is_recent then csat_score end as csat_score) from base",
    ),
    "vocabulary": (
        check("vocabulary", "tickets", "priority", maximum=0.05, window_days=7),
        "select * replace ('p1' as priority) from base",
    ),
    "new_values": (
        check("new_values", "tickets", "priority", maximum=0.1, window_days=7),
        "select * replace (case when is_recent then 'urgent' else priority end as priority)"
        " from base",
    ),
    "distinct_values": (
        check("distinct_values", "tickets", "user_id", minimum=0.4, maximum=2.5, window_days=7),
        "select * replace (case when is_recent then 'u1' else user_id end as user_id) from base",
    ),
    "level": (
        check("level", "tickets", "csat_score", minimum=0.5, maximum=2, window_days=7),
        "select * replace (case when is_recent then 20 else 1 end * csat_score as csat_score)"
        " from base",
    ),
    "lag": (
        check("lag", "tickets", "first_replied_at", minimum=0.2, maximum=5, window_days=7),
        "select * replace (first_replied_at + case when is_recent then interval 9 hour"
        " else interval 0 hour end as first_replied_at) from base",
    ),
    "hour_shift": (
        check("hour_shift", "tickets", maximum=2, window_days=7),
        "select * replace (created_at + case when is_recent then interval 6 hour"
        " else interval 0 hour end as created_at) from base",
    ),
    "future_share": (
        check("future_share", "tickets", maximum=0.002),
        "select * replace (created_at + case when is_recent then interval 900 day"
        " else interval 0 day end as created_at) from base",
    ),
    "rejected_share": (
        check("rejected_share", "tickets", maximum=0.05, window_days=7),
        "select * replace (case when hash(ticket_id) % 2 = 0 then account_id end as account_id)"
        " from base",
    ),
    "changed_share": (
        check("changed_share", "tickets", maximum=0.05, window_days=7),
        "select * replace (created_at - interval 1 hour as solved_at) from base",
    ),
    "unknown_accounts": (
        check("unknown_accounts", "tickets", maximum=0.3, window_days=7),
        "select * replace ('A-' || account_id as account_id) from base",
    ),
    "unmatched_users": (
        check("unmatched_users", "tickets", "user_id", maximum=0.1, window_days=7),
        "select * replace ('U-' || user_id as user_id) from base",
    ),
    "duplicate_share": (
        check("duplicate_share", "tickets", maximum=0.05, window_days=7),
        "from base union all from base where is_recent",
    ),
    "accounts_seen": (
        check("accounts_seen", "tickets", minimum=0.5, maximum=2, window_days=7),
        "select * replace (case when is_recent then 'a1' else account_id end as account_id)"
        " from base",
    ),
    "rows_kept": (
        check("rows_kept", "tickets", minimum=0.9, window_days=28),
        "from base where hash(ticket_id) % 2 = 0",
    ),
}


def validate_raw(
    folder: Path,
    asked: Check,
    counted: dict[date, int] | None = None,
    day: date = HEALTH_DATE,
) -> CheckResult:
    profiles = read_profiles(Settings(folder, folder / "none.duckdb"), [asked], day, day, day)
    profiles[asked.table_name].rows_counted.update(counted or {})
    [result] = raw.validated_profiles(profiles, [asked], (day,)).results
    return result


YESTERDAY = {HEALTH_DATE - timedelta(days=1): 1000}


@pytest.mark.parametrize("kind", RAW)
def test_raw_checks(kind: str, tmp_path: Path) -> None:
    asked, bad_rows = RAW[kind]
    good = validate_raw(write_raw(tmp_path / "good"), asked, YESTERDAY)
    assert good.was_validated
    assert good.passed, good.observed
    bad = validate_raw(write_raw(tmp_path / "bad", bad_rows), asked, YESTERDAY)
    assert bad.was_validated
    assert not bad.passed, bad.observed
    assert [failure.record_key for failure in bad.failures] == ["tickets"]


def test_days_without_rows_are_named(tmp_path: Path) -> None:
    asked, _ = RAW["empty_days"]
    empty = [HEALTH_DATE - timedelta(days=days) for days in (5, 3)]
    rows = f"from base where created_at::date not in ('{empty[0]}', '{empty[1]}')"
    result = validate_raw(write_raw(tmp_path / "raw", rows), asked, YESTERDAY)
    assert [(failure.observed, failure.detail) for failure in result.failures] == [
        ("2", f"no rows on {empty[0]}, {empty[1]}")
    ]
    assert result.observed == f"no rows on {empty[0]}, {empty[1]}"


def test_a_flood_fails_as_a_drop_does(tmp_path: Path) -> None:
    asked, _ = RAW["volume"]
    flood = "from base" + " union all select * replace (ticket_id || 'x' as ticket_id) from base"
    doubled = f"{flood} where is_recent"
    thrice = f"{doubled} union all from base where is_recent"
    assert not validate_raw(write_raw(tmp_path / "raw", thrice), asked).passed


def test_a_table_that_cannot_be_read_is_unreadable_and_not_validated_otherwise(
    tmp_path: Path,
) -> None:
    readable = check("readable", "tickets", maximum=0, severity="critical")
    volume, _ = RAW["volume"]
    folder = write_raw(tmp_path / "raw")
    assert validate_raw(folder, readable).passed
    file = folder / "tickets.parquet"
    file.write_bytes(file.read_bytes()[:1000])
    result = validate_raw(folder, readable)
    assert not result.passed
    assert "tickets" in (result.failures[0].detail or "")
    assert not validate_raw(folder, volume).was_validated


def test_a_required_column_that_is_missing_is_named(tmp_path: Path) -> None:
    readable = check("readable", "tickets", maximum=0, severity="critical")
    folder = write_raw(tmp_path / "raw", "select * rename (created_at as opened_at) from base")
    result = validate_raw(folder, readable)
    assert not result.passed
    assert "created_at" in result.observed


def test_a_table_that_was_there_must_be_there(tmp_path: Path) -> None:
    present = check("present", "tickets", maximum=0, severity="critical")
    folder = write_raw(tmp_path / "raw")
    assert validate_raw(folder, present, YESTERDAY).passed
    (folder / "tickets.parquet").unlink()
    assert not validate_raw(folder, present, YESTERDAY).passed
    assert validate_raw(folder, present).passed, "a table that never was there is not missed"


# What the pillar checks and the health checks are given, and what must make each fail ------------

LAST = f"health_date = date '{HEALTH_DATE}'"
PILLARS: dict[str, tuple[Check, str]] = {
    "metric_range": (
        check("metric_range", column="csat_score", minimum=1, maximum=5),
        f"update health.pillar_metrics_history set value = 7 where {LAST} and account_id = 'a3'",
    ),
    "missing_rise": (
        check("missing_rise", maximum=0.15, window_days=9),
        "delete from health.pillar_metrics_history"
        f" where {LAST} and metric_id = 'csat' and hash(account_id) % 2 = 0",
    ),
    "metric_drift": (
        check("metric_drift", maximum=0.5, window_days=9),
        f"update health.pillar_metrics_history set value = value + 4 where {LAST}",
    ),
    "metric_level": (
        check("metric_level", minimum=0.1, maximum=10, window_days=9),
        f"update health.pillar_metrics_history set value = value * 100 where {LAST}",
    ),
}
HEALTH: dict[str, tuple[Check, str]] = {
    "accounts_calculated": (
        check("accounts_calculated", minimum=1, severity="critical"),
        f"delete from health.account_health_history where {LAST}",
    ),
    "accounts_kept": (
        check("accounts_kept", minimum=0.8, maximum=1.5, window_days=9),
        f"delete from health.account_health_history where {LAST} and hash(account_id) % 2 = 0",
    ),
    "pillar_rows": (
        check("pillar_rows", minimum=1, maximum=1, severity="critical"),
        "delete from health.pillar_health_history"
        f" where {LAST} and account_id = 'a5' and pillar_id = 'service'",
    ),
    "score_range": (
        check("score_range", minimum=0, maximum=10, severity="critical"),
        f"update health.pillar_health_history set score = 11 where {LAST} and account_id = 'a5'",
    ),
    "to_review": (
        check("to_review", maximum=0),
        "update health.not_calculated_accounts set needs_review = true, reason = 'no_data'",
    ),
    "state_mix": (
        check("state_mix", maximum=0.35, window_days=9),
        f"update health.account_health_history set overall_state = 'poor' where {LAST}",
    ),
    "state_flips": (
        check("state_flips", maximum=0.3, window_days=9),
        "update health.account_health_history"
        " set overall_state = case overall_state when 'good' then 'average' else 'good' end"
        f" where {LAST}",
    ),
    "unknown_membership": (
        check("unknown_membership", maximum=0, window_days=9),
        "update health.segment_membership set membership = 'unknown', is_chosen = false"
        f" where {LAST} and account_id = 'a4' and segment_id = 'large';"
        "update health.segment_membership set is_chosen = true"
        f" where {LAST} and account_id = 'a4' and segment_id = 'standard'",
    ),
    "missed_nights": (
        check("missed_nights", maximum=0),
        "create table health.source_status as"
        f" select unnest([date '{HEALTH_DATE}' - 40, date '{HEALTH_DATE}']) as health_date",
    ),
    "dates_to_come": (
        check("dates_to_come", maximum=0),
        "create table health.source_status as select date '2999-01-01' as health_date",
    ),
    "segment_reached": (
        check("segment_reached", minimum=1, window_days=9),
        "update health.segment_membership set is_chosen = segment_id = 'standard'",
    ),
    "met_share": (
        check("met_share", minimum=0.001, maximum=0.999, window_days=9),
        "update health.health_explanations set is_met = true",
    ),
    "threshold_beyond": (
        check("threshold_beyond", maximum=0.5, window_days=9),
        "update health.health_explanations"
        " set threshold = '200', resolved_threshold = '200', gap = gap - 180, is_met = false",
    ),
    "signal_missing": (
        check("signal_missing", maximum=0.5, window_days=9),
        "update health.health_explanations set is_met = null, observed = null, gap = null"
        " where account_id <> 'a1'",
    ),
    "rules_overlap": (
        check("rules_overlap", maximum=0.1, window_days=9),
        "update health.pillar_health_history set good_matched = true",
    ),
    "columns_there": (
        check("columns_there", maximum=0),
        "insert into intermediate.int_unmeasured_metrics values"
        " ('csat', 'tickets', 'csat_score'), ('open_tickets', 'tickets', null)",
    ),
    "weight_without_score": (
        check("weight_without_score", maximum=0.99, window_days=9),
        "update health.pillar_health_history set score = null, reason = 'source_unavailable'"
        " where pillar_id = 'financial'",
    ),
}

BOUNDARIES = [(PILLARS, pillars.validated_metrics), (HEALTH, health.validated_health)]


@pytest.mark.parametrize(
    ("asked", "bad", "validate"),
    [
        pytest.param(*case, validate, id=kind)
        for cases, validate in BOUNDARIES
        for kind, case in cases.items()
    ],
)
def test_pillar_and_health_checks(asked: Check, bad: str, validate: Callable) -> None:
    with warehouse() as world:
        [good] = validate(world, (asked,), DATES).results
    assert good.was_validated
    assert good.passed, good.failures
    with warehouse(bad) as world:
        [result] = validate(world, (asked,), DATES).results
    assert result.was_validated
    assert not result.passed, result.observed
    assert result.failures


@pytest.mark.parametrize(("is_met", "passed"), [("false", True), ("true", False)])
def test_that_nobody_is_at_an_end_of_a_linear_rule_is_no_mistake(is_met: str, passed: bool) -> None:
    """That all are at one is: then the rule tells no account apart."""
    asked, _ = HEALTH["met_share"]
    change = f"update health.health_explanations set operator = 'linear', is_met = {is_met}"
    with warehouse(change) as world:
        [result] = health.validated_health(world, (asked,), DATES).results
    assert (not result.failures) is passed


def test_there_is_a_test_for_every_kind() -> None:
    assert {*RAW, *PILLARS, *HEALTH, "readable", "present", "columns_kept"} == set(KINDS)


def test_an_account_that_is_to_be_reviewed_is_named_with_reason_and_owner() -> None:
    asked, bad = HEALTH["to_review"]
    with warehouse(bad) as world:
        [result] = health.validated_health(world, (asked,), DATES).results
    [failure] = result.failures
    assert failure.account_id == "a1"
    assert failure.owner == "ana@example.com"
    assert failure.detail == f"service: no_data since {HEALTH_DATE}"


def test_dates_before_the_first_account_are_no_failure() -> None:
    asked, _ = HEALTH["accounts_calculated"]
    early = date(2025, 1, 1)
    with warehouse() as world:
        [result] = health.validated_health(world, (asked,), (early,)).results
        assert not result.was_validated
        world.connection.execute("delete from health.account_health_history")
        [result] = health.validated_health(world, (asked,), (early,)).results
    assert not result.passed, "no account at all is a failure"


# Accounts that move, come and go, so that no two dates are alike.
RESTLESS = f"""
    update health.pillar_metrics_history
    set value = value + hash(account_id, health_date) % (1 + day(health_date) % 7);
    delete from health.pillar_metrics_history
    where hash(health_date, account_id, metric_id) % 5 = 0;
    update health.account_health_history
    set overall_state = case hash(account_id, health_date) % 3
        when 0 then 'good' when 1 then 'average' else 'poor' end;
    delete from health.account_health_history where hash(account_id, health_date) % 9 = 0;
    delete from health.account_health_history where health_date = date '{HEALTH_DATE}' - 4;
    delete from health.pillar_health_history where hash(account_id, health_date, 1) % 9 = 0;
    update health.not_calculated_accounts set needs_review = day(health_date) % 2 = 0;
    update health.segment_membership
    set membership = 'unknown', is_chosen = false
    where hash(account_id, health_date, segment_id) % 4 = 0;
"""
WEEKS = tuple(HEALTH_DATE - timedelta(days=back) for back in range(12, -1, -1))


@pytest.mark.parametrize(("cases", "validate"), BOUNDARIES)
@pytest.mark.parametrize("at_once", [200, 4])
def test_dates_validated_together_are_validated_as_each_alone(
    cases: dict[str, tuple[Check, str]],
    validate: Callable,
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("expectations.queries.DATES_PER_QUERY", at_once)
    monkeypatch.setattr(pillars, "SAMPLED_ACCOUNTS", 12)
    # The configuration, and which dates there are, are validated on the last date only.
    checks = tuple(
        asked
        for asked, _ in cases.values()
        if not asked.kind.is_lint and asked.check_name not in health.DATE_CHECKS
    )
    with warehouse(RESTLESS) as world:
        together = validate(world, checks, WEEKS).results
        alone = [result for day in WEEKS for result in validate(world, checks, (day,)).results]
    assert sum(not result.passed for result in together) > 10

    def told(result: CheckResult) -> tuple:
        failures = sorted(result.failures, key=lambda failure: failure.record_key)
        return result.health_date, result.check.key, result.observed, result.was_validated, failures

    assert sorted(map(told, together)) == sorted(map(told, alone))


@pytest.mark.parametrize(("cases", "validate"), BOUNDARIES)
def test_more_dates_take_no_more_queries(
    cases: dict[str, tuple[Check, str]], validate: Callable
) -> None:
    checks = tuple(asked for asked, _ in cases.values())

    class Counting:
        def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
            self.connection, self.queries = connection, 0

        def execute(self, *arguments: object) -> duckdb.DuckDBPyConnection:
            self.queries += 1
            return self.connection.execute(*arguments)

    def queries(dates: tuple[date, ...]) -> int:
        with warehouse() as world:
            world.connection = Counting(world.connection)
            validate(world, checks, dates)
            return world.connection.queries

    assert queries(WEEKS) == queries(DATES)


# Frames that are odd ------------------------------------------------------------------------------


def test_empty_tables_raise_nothing(tmp_path: Path) -> None:
    every_raw = [case[0] for case in RAW.values()]
    folder = write_raw(tmp_path / "raw", "from base limit 0")
    day = HEALTH_DATE
    profiles = read_profiles(Settings(folder, folder / "none.duckdb"), every_raw, day, day, day)
    assert len(raw.validated_profiles(profiles, every_raw, DATES).results) == len(every_raw)
    emptied = "".join(
        f"delete from health.{table};"
        for table in (
            *("account_health_history", "pillar_health_history", "pillar_metrics_history"),
            *("not_calculated_accounts", "segment_membership", "health_explanations"),
        )
    )
    with warehouse(emptied) as world:
        for cases, validate in BOUNDARIES:
            checks = tuple(case[0] for case in cases.values())
            failed = validate(world, checks, DATES).failed
            names = [result.check.check_name for result in failed]
            assert names == (["accounts_calculated"] if cases is HEALTH else [])


def test_missing_values_raise_nothing(tmp_path: Path) -> None:
    every_raw = [case[0] for case in RAW.values()]
    optional = ("user_id", "priority", "first_replied_at", "solved_at", "reopens", "csat_score")
    nulls = ", ".join(f"null as {column}" for column in (*optional, "account_id"))
    folder = write_raw(tmp_path / "raw", f"select * replace ({nulls}) from base")
    day = HEALTH_DATE
    profiles = read_profiles(Settings(folder, folder / "none.duckdb"), every_raw, day, day, day)
    report = raw.validated_profiles(profiles, every_raw, DATES)
    assert "rejected_share" in {result.check.check_name for result in report.failed}
    nothing = """
        update health.account_health_history
        set segment_id = null, csm_email = null, overall_score = null;
        update health.pillar_health_history
        set score = null, good_matched = null, poor_matched = null;
        update health.pillar_metrics_history set value = null;
        update health.health_explanations
        set observed = null, is_met = null, gap = null, resolved_threshold = null;
    """
    with warehouse(nothing) as world:
        for cases, validate in BOUNDARIES:
            checks = tuple(case[0] for case in cases.values())
            assert validate(world, checks, DATES).results


@pytest.mark.parametrize(
    "time",
    [
        "created_at::timestamp",
        "created_at::timestamptz",
        "strftime(created_at, '%Y-%m-%dT%H:%M:%S+00:00')",
        "strftime(created_at + interval 5 hour, '%Y-%m-%d %H:%M:%S+05:00')",
    ],
)
def test_times_are_validated_in_utc_whatever_their_type(time: str, tmp_path: Path) -> None:
    rows = f"select * replace ({time} as created_at) from base"
    folder = write_raw(tmp_path / "raw", rows)
    freshness = check("freshness_hours", "tickets", minimum=7, maximum=7)
    assert validate_raw(folder, freshness).passed
    assert validate_raw(folder, RAW["hour_shift"][0]).passed


def test_a_frame_with_zones_and_gaps_is_validated() -> None:
    asked = check("freshness_hours", "tickets", maximum=36)
    records = pd.DataFrame(
        {
            "health_date": pd.to_datetime([HEALTH_DATE] * 3, utc=True),
            "record_key": ["one", "two", "three"],
            asked.title: [1, None, 40],
        }
    )
    report = validated("raw", DATES, [Figures([asked], records)])
    [result] = report.results
    assert [failure.record_key for failure in result.failures] == ["three"]


def test_a_check_that_raises_is_a_failure_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that cannot be compared with the numbers makes the expectation raise."""
    asked = check("freshness_hours", "tickets", maximum=36)

    def with_a_date(check: Check) -> gxe.ExpectColumnValuesToBeBetween:
        return gxe.ExpectColumnValuesToBeBetween(
            column=check.title, max_value=datetime(2026, 1, 1), meta={"title": check.title}
        )

    monkeypatch.setattr(custom, "expectation_of", with_a_date)
    records = [{"health_date": HEALTH_DATE, "record_key": "tickets", asked.title: 1.0}]
    with pytest.raises(CheckRaised, match="freshness_hours, warning"):
        validated("raw", DATES, [Figures([asked], records)])


# What the Data Docs say ---------------------------------------------------------------------------


def test_every_kind_has_an_expectation_that_says_what_it_expects() -> None:
    assert set(custom.EXPECTATIONS) == set(KINDS)
    assert {custom.EXPECTATIONS[kind] for kind in ("metric_range", "score_range")} == {
        custom.ExpectValuesToBeBetween
    }, "a range of values is what a built-in expectation says"
    for kind, expectation in custom.EXPECTATIONS.items():
        asked = check(kind, "tickets", maximum=3, window_days=7)
        assert (expectation.__doc__ or "").startswith("Expect ")
        said = custom.expectation_of(asked).description or ""
        assert said.startswith(f"{asked.title}: {asked.expected}. Window: 7 days. Expect ")


def test_a_result_names_its_records_whoever_validates() -> None:
    """The same of a built-in expectation and of one of ours."""
    for kind in ("score_range", "to_review"):
        asked = check(kind, maximum=3)
        notes = {"account_id": "a2", "owner": "ana@example.com", "detail": "late"}
        records = [
            {"health_date": HEALTH_DATE, "record_key": "one", asked.title: 3},
            {"health_date": HEALTH_DATE, "record_key": "two", asked.title: 4, **notes},
        ]
        report = validated("health", DATES, [Figures([asked], records)])
        [answer] = report.validations[asked.subject].results
        [record] = answer.result["unexpected_index_list"]
        named = {"health_date": HEALTH_DATE, "record_key": "two", **notes, asked.title: 4}
        assert record == named
        assert not answer.success and report.results[0].observed == "1 of 2 fail; 3 to 4"


def test_a_table_has_one_suite_and_its_records_stay_apart() -> None:
    """A segment may have the name of an account; a row tells of one kind of record only."""
    review, mix = check("state_mix", maximum=0.3), check("accounts_kept", minimum=0.5)
    found = [
        Figures([asked], [{"health_date": HEALTH_DATE, "record_key": "x", asked.title: number}])
        for asked, number in ((review, 0.4), (mix, 1.0))
    ]
    report = validated("health", DATES, found)
    assert list(report.validations) == ["health.account_health_history"]
    assert [result.passed for result in report.results] == [False, True]
