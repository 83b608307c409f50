"""The comparison of published tables finds every kind of difference, and none where there is none.

A comparison that stays silent would make every test that relies on it pass.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pandas as pd
import pytest
from comparison import differences

DAY = date(2026, 3, 5)


def _metrics(*rows: tuple[str, str, float | None]) -> dict[str, pd.DataFrame]:
    """An expected table of one date: account, metric, value."""
    return {
        "pillar_metrics_history": pd.DataFrame(
            [(DAY, account, "service", metric, value) for account, metric, value in rows],
            columns=["health_date", "account_id", "pillar_id", "metric_id", "value"],
        )
    }


@pytest.fixture
def warehouse() -> duckdb.DuckDBPyConnection:
    """A warehouse with three metric values."""
    connection = duckdb.connect()
    connection.execute("create schema health")
    connection.execute(
        "create table health.pillar_metrics_history as"
        " select date '2026-03-05' as health_date, account_id, 'service' as pillar_id, metric_id,"
        " cast(value as double) as value"
        " from (values ('007', 'mrr', 100.25), ('7', 'mrr', 0), ('7', 'nps', null))"
        " as metrics(account_id, metric_id, value)"
    )
    return connection


EQUAL = (("007", "mrr", 100.25), ("7", "mrr", 0.0), ("7", "nps", None))


def _replace(connection: duckdb.DuckDBPyConnection, table: str, select: str) -> None:
    connection.execute(f"create or replace table health.{table} as {select}")


def test_equal_tables_have_no_differences(warehouse):
    assert differences(_metrics(*EQUAL), warehouse) == []


def test_order_and_kind_of_value_make_no_difference(warehouse):
    rows = (("7", "nps", float("nan")), ("7", "mrr", Decimal(0)), ("007", "mrr", 100.250001))
    assert differences(_metrics(*rows), warehouse) == []


def test_changed_value_is_named_with_both_values(warehouse):
    expected = _metrics(("007", "mrr", 100.5), *EQUAL[1:])
    assert differences(expected, warehouse) == [
        "pillar_metrics_history: health_date=2026-03-05, account_id=007, metric_id=mrr:"
        " column value: expected 100.5, got 100.25"
    ]


def test_large_values_are_compared_by_their_size(warehouse):
    _replace(
        warehouse,
        "pillar_metrics_history",
        "select * replace (123456789012.25::double as value)"
        " from health.pillar_metrics_history where metric_id = 'nps'",
    )
    assert differences(_metrics(("7", "nps", 123456789012.2501)), warehouse) == []
    assert len(differences(_metrics(("7", "nps", 123456790012.25)), warehouse)) == 1


def test_missing_row_is_reported(warehouse):
    (sentence,) = differences(_metrics(*EQUAL, ("8", "mrr", 5.0)), warehouse)
    assert "account_id=8" in sentence
    assert "the row is missing" in sentence


def test_surplus_row_is_reported(warehouse):
    (sentence,) = differences(_metrics(*EQUAL[:2]), warehouse)
    assert "account_id=7, metric_id=nps" in sentence
    assert "the row is surplus" in sentence


def test_row_that_stands_twice_is_surplus(warehouse):
    warehouse.execute(
        "insert into health.pillar_metrics_history"
        " select * from health.pillar_metrics_history where account_id = '007'"
    )
    (sentence,) = differences(_metrics(*EQUAL), warehouse)
    assert "the row is surplus" in sentence


@pytest.mark.parametrize(
    ("expected_value", "found"),
    [(None, "expected null, got 0"), (1e-5, "expected 1e-05, got 0")],
)
def test_null_is_no_value(warehouse, expected_value, found):
    expected = _metrics(EQUAL[0], ("7", "mrr", expected_value), EQUAL[2])
    (sentence,) = differences(expected, warehouse)
    assert sentence.endswith(found)


def test_missing_and_surplus_columns_are_reported(warehouse):
    warehouse.execute("alter table health.pillar_metrics_history rename value to amount")
    assert differences(_metrics(*EQUAL), warehouse) == [
        "pillar_metrics_history: column value is missing",
        "pillar_metrics_history: column amount is surplus",
    ]


def test_missing_table_is_reported(warehouse):
    warehouse.execute("drop table health.pillar_metrics_history")
    sentences = differences(_metrics(*EQUAL), warehouse)
    assert sentences == ["pillar_metrics_history: the table is missing"]


def test_limit_keeps_the_report_short(warehouse):
    expected = _metrics(*((str(number), "mrr", 1.0) for number in range(100, 130)))
    sentences = differences(expected, warehouse, limit=4)
    assert len(sentences) == 5
    assert sentences[-1] == "pillar_metrics_history: 29 more differences"


def test_unknown_table_is_an_error(warehouse):
    with pytest.raises(ValueError, match="no key is known for users"):
        differences({"users": pd.DataFrame()}, warehouse)


def test_other_schema_is_read(warehouse):
    warehouse.execute("create schema other")
    warehouse.execute(
        "create table other.pillar_metrics_history as from health.pillar_metrics_history"
    )
    warehouse.execute("drop table health.pillar_metrics_history")
    assert differences(_metrics(*EQUAL), warehouse, schema="other") == []


def test_flags_differ_from_null_and_from_each_other(warehouse):
    _replace(
        warehouse,
        "segment_membership",
        "select date '2026-03-05' as health_date, account_id, 'all' as segment_id, 1 as priority,"
        " 'member' as membership, is_chosen"
        " from (values ('1', true), ('2', false), ('3', null)) as rows(account_id, is_chosen)",
    )
    frame = pd.DataFrame(
        {
            "health_date": pd.Timestamp(DAY),
            "account_id": ["1", "2", "3"],
            "segment_id": "all",
            "priority": [1, 1, 1],
            "membership": "member",
            "is_chosen": [True, None, False],
        }
    )
    sentences = differences({"segment_membership": frame}, warehouse)
    assert [sentence.split("column ")[1] for sentence in sentences] == [
        "is_chosen: expected null, got False",
        "is_chosen: expected False, got null",
    ]


def test_times_are_compared_in_utc(warehouse):
    _replace(
        warehouse,
        "source_status",
        "select date '2026-03-05' as health_date, table_name, 'ok' as status,"
        " 1 as rows_before_date, latest_at, null::double as rejected_ratio"
        " from (values ('users', timestamptz '2026-03-04 01:30:00+02'),"
        " ('events', timestamptz '2026-03-04 00:00:00+00')) as rows(table_name, latest_at)",
    )
    frame = pd.DataFrame(
        {
            "health_date": [DAY, DAY],
            "table_name": ["users", "events"],
            "status": "ok",
            "rows_before_date": 1,
            "latest_at": [datetime(2026, 3, 3, 23, 30, tzinfo=UTC), datetime(2026, 3, 4, 0, 1)],
            "rejected_ratio": None,
        },
        dtype=object,
    )
    (sentence,) = differences({"source_status": frame}, warehouse)
    assert sentence.endswith("latest_at: expected 2026-03-04T00:01:00, got 2026-03-04")


def _rejected(record: str) -> dict[str, pd.DataFrame]:
    return {
        "rejected_records": pd.DataFrame(
            {
                "table_name": ["subscriptions"],
                "record_key": ["s-1|2026-03-01T00:30+01:00"],
                "reason": ["out_of_range_mrr"],
                "effect": ["row_rejected"],
                "record": [record],
            }
        )
    }


@pytest.mark.parametrize(
    ("record", "is_equal"),
    [
        ('{"mrr": "-5", "subscription_id": "s-1", "started_at": "2026-02-28 23:30:00"}', True),
        ('{"mrr": -5.0, "subscription_id": " s-1 ", "started_at": "2026-02-28T23:30Z"}', True),
        ('{"mrr": "-6", "subscription_id": "s-1", "started_at": "2026-02-28 23:30:00"}', False),
        ('{"mrr": "-5", "subscription_id": "s-1"}', False),
    ],
)
def test_content_of_a_rejected_record_is_compared_as_an_object(warehouse, record, is_equal):
    _replace(
        warehouse,
        "rejected_records",
        "select 'subscriptions' as table_name, 's-1|2026-02-28 23:30:00' as record_key,"
        " 'out_of_range_mrr' as reason, 'row_rejected' as effect,"
        """ '{"subscription_id":"s-1","started_at":"2026-02-28 23:30:00","mrr":"-5.00","""
        """ "loaded_at":"2026-03-01","seats":null}'::json as record""",
    )
    assert (differences(_rejected(record), warehouse) == []) is is_equal


def _explanations(days: dict[str, str]) -> pd.DataFrame:
    """One condition a date, with what was observed."""
    return pd.DataFrame(
        [(date.fromisoformat(day), "1", "mrr", text, ">=", "0.5") for day, text in days.items()],
        columns=["health_date", "account_id", "signal_id", "observed", "operator", "threshold"],
    )


def test_explanations_are_compared_for_the_last_fourteen_dates_only(warehouse):
    _replace(
        warehouse,
        "health_explanations",
        "select unnest([date '2026-02-19', date '2026-02-20', date '2026-03-05']) as health_date,"
        " '1' as account_id, 'mrr' as signal_id, '3' as observed, '>=' as operator,"
        " '0.5' as threshold",
    )
    equal = {"2026-02-10": "1", "2026-02-19": "4", "2026-02-20": "3", "2026-03-05": "3"}
    assert differences({"health_explanations": _explanations(equal)}, warehouse) == []
    (sentence,) = differences(
        {"health_explanations": _explanations({**equal, "2026-02-20": "4"})}, warehouse
    )
    assert "health_date=2026-02-20" in sentence


@pytest.mark.parametrize(
    ("written", "is_equal"), [("3", True), ("3.0", False), ("3e0", False), ("4", False)]
)
def test_numbers_are_written_as_a_person_would(warehouse, written, is_equal):
    _replace(
        warehouse,
        "health_explanations",
        "select date '2026-03-05' as health_date, '1' as account_id, 'mrr' as signal_id,"
        f" '{written}' as observed, '>=' as operator, '0.5' as threshold",
    )
    expected = {"health_explanations": _explanations({"2026-03-05": "3"})}
    assert (differences(expected, warehouse) == []) is is_equal
