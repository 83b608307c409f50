"""Raw files as they come: odd ones that are fine, rows that break a rule, files nobody can read.

docs/raw_tables.md, "How values are read" and "Rows and values that break the rules". Only accounts
that cannot be read stop a run, with the name of the file, and change nothing; any other table that
cannot be read counts as absent, and the rest is calculated.
"""

import csv
import json
import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from comparison import differences
from pipeline import ROOT, Warehouse
from reference import calculate

from orchestration.console.summary import UNREAD_FILES

STARTER = ROOT / "seeds"
HEALTH_DATE = date(2026, 3, 10)
NEXT_DATE = date(2026, 3, 11)


def published(warehouse: Warehouse) -> dict[str, list[tuple]]:
    """All rows of everything in schema `health`."""
    names = warehouse.query(
        "select table_name from information_schema.tables where table_schema = 'health'"
    )
    return warehouse.contents(*(name for (name,) in names))


def difference_from_reference(warehouse: Warehouse) -> list[str]:
    expected = calculate(warehouse.raw, STARTER, HEALTH_DATE, HEALTH_DATE)
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        return differences(expected, connection)


# Odd files that are fine --------------------------------------------------------------------------


def write_odd_files(raw: Path) -> None:
    raw.mkdir()
    # Byte order mark, CRLF, columns in another order and unknown ones, a line break inside quotes,
    # an empty line, a row with too few cells and one with empty ones too many.
    (raw / "accounts.csv").write_bytes(
        b"\xef\xbb\xbf"
        + "\r\n".join(
            (
                'account_name,account_id,created_at,"Notes, internal",csm_email,region',
                '"Zoë & Söhne\r\nGmbH, ""Best""",007,2025-06-01,"a, b",ana@example.com,EU',
                "株式会社テスト,7,2026-03-10T00:30:00+01:00,,çelik@example.com,",
                "",
                "Kurz,short,2025-06-01",
                'Lang,long,2025-06-01,x,bo@example.com,NA,, ,""',
                "  Ränder\t, padded ,  2025-06-01 12:00:00.5 UTC ,,  ,",
                "Heute,today,2026-03-09T23:30:00-01:00,,,",
                "",
            )
        ).encode()
    )
    # Offsets carry a ticket over midnight, in both directions.
    (raw / "tickets.csv").write_text(
        "created_at,ticket_id,account_id,priority,solved_at\n"
        "2026-03-10T00:30:00+01:00,01,007,HIGH\n"
        "2026-03-10 05:29:59.999999999+0530,1,007,\n"
        "2026-03-09T23:30:00-01:00,2,007,low\n"
        "2026-03-09 20:00-04,3,7,low\n"
        "2026-03-09 19:59:59Z,4,7,low\n",
        encoding="utf-8-sig",
    )
    # Optional columns are absent; short rows and an empty cell.
    (raw / "users.csv").write_text(
        "user_id,account_id,created_at\nu1,007,2026-01-01\nu2,007,2026-01-02\nu1 ,007, 2026-01-01"
    )
    (raw / "account_tags.csv").write_text(
        "account_id,tag,kind,added_at,removed_at,author,note\n"
        '007,"budget ""cut""",risk,2026-01-01,,ana,"seit\nQ3"\n'
        "007,merger,RISK,2026-01-01\n"
        "007,merger,Risk,2026-01-02,,,,,,\n"
    )
    # No comments: a sign in front is part of an id.
    (raw / "risk_assessments.csv").write_text(
        "assessment_id,account_id,risk_score,assessed_at\n"
        "1,7,10,2026-03-01\n#2,007,20,2026-03-01\n#3,007,30,2026-03-02\n4,7,40,2026-03-02\n"
    )
    (raw / "touchpoints.csv").write_text("touchpoint_id,account_id,channel,occurred_at\n")
    (raw / "invoices.csv").touch()
    (raw / "survey_responses.parquet").touch()
    pq.write_table(
        pa.table(
            {
                "ignored": pa.array([[1], [], None]),
                "started_at": pa.array([date(2026, 1, 1)] * 3),
                "mrr": pa.array([Decimal("100.25"), Decimal("0.50"), Decimal("10.00")]),
                "plan_id": ["team", "team", "business"],
                "account_id": ["007", "007", "7"],
                "subscription_id": pa.array([1, 2, 3], pa.int64()),
            }
        ),
        raw / "subscriptions.parquet",
    )
    # Ids that a program without missing integers wrote as doubles.
    pq.write_table(
        pa.table(
            {
                "override_id": pa.array([1.0, None]),
                "account_id": pa.array([7.0, None]),
                "pillar_id": ["service", None],
                "state": ["Poor", None],
                "reason": ["escalated", None],
                "author": ["ana", None],
                "created_at": pa.array([date(2026, 3, 1), None]),
            }
        ).slice(0, 1),
        raw / "health_overrides.parquet",
    )
    write_partition(raw, "account_id=007/day=2026-03-08", ["é1", "é2"], ["login", "bürö"])
    write_partition(raw, "account_id=7/day=2026-03-08", ["é1"], ["login"])
    write_partition(raw, "account_id=007/day=2026-02-01", ["é1"], ["login"])
    (raw / "events" / "account_id=7" / "day=2026-03-09").mkdir()
    (raw / "events" / "account_id=7" / "day=2026-03-09" / "part-0.parquet").touch()


def write_partition(raw: Path, partition: str, ids: list[str], features: list[str]) -> None:
    """Events of an account and a day, which only the folders name; only times are typed."""
    folder = raw / "events" / partition
    folder.mkdir(parents=True)
    noon = datetime.fromisoformat(f"{partition[-10:]}T12:00:00")
    pq.write_table(
        pa.table(
            {
                "feature": pa.array([feature.encode() for feature in features], pa.binary()),
                "event_id": [f"{partition}-{event_id}" for event_id in ids],
                "user_id": [f"u{position}" for position, _ in enumerate(ids)],
                "occurred_at": pa.array([noon] * len(ids), pa.timestamp("ms", tz="UTC")),
            }
        ),
        folder / "part-0.parquet",
    )


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("bad_files")
    write_odd_files(folder / "odd")
    (folder / "odd_warehouse").mkdir()
    warehouse = Warehouse(folder / "odd_warehouse" / "warehouse.duckdb", folder / "odd")
    # DuckDB names files its own way: what lies in their paths must be found all the same.
    raw = {"HEALTH_RAW_DIR": f"{folder}//none/../odd/./"}
    run = warehouse.build(HEALTH_DATE, environment=raw)
    assert run.exit_code == 0, run.output
    return warehouse


def test_odd_accounts_are_read_as_they_are_meant(odd: Warehouse) -> None:
    assert odd.query(
        "select account_id, account_name, csm_email from health.account_health order by 1"
    ) == [
        ("007", 'Zoë & Söhne\r\nGmbH, "Best"', "ana@example.com"),
        ("7", "株式会社テスト", "çelik@example.com"),
        ("long", "Lang", "bo@example.com"),
        ("padded", "Ränder", None),
        ("short", "Kurz", None),
        ("today", "Heute", None),
    ]


def test_offsets_decide_the_day(odd: Warehouse) -> None:
    assert odd.query(
        "select account_id, reason from health.account_health where account_id in ('7', 'today')"
        " order by 1"
    ) == [("7", None), ("today", "created_today")]
    assert odd.query(
        "select account_id, value from health.pillar_metrics_history"
        " where metric_id = 'open_tickets' and value <> 0 order by 1"
    ) == [("007", 2.0), ("7", 1.0)]


def test_odd_files_have_exact_metrics(odd: Warehouse) -> None:
    values = odd.query(
        "select account_id, metric_id, value from health.pillar_metrics_history"
        " where account_id in ('007', '7') and metric_id in ('events_30d', 'features_used_14d',"
        " 'active_users_lifetime', 'mrr', 'seats', 'touchpoints_30d', 'overdue_invoices',"
        " 'nps_latest', 'risk_tags', 'inactive_users_30d') order by 1, 2"
    )
    assert values == [
        ("007", "active_users_lifetime", 2.0),  # u0 and u1
        ("007", "events_30d", 2.0),
        ("007", "features_used_14d", 2.0),
        ("007", "inactive_users_30d", 1.0),  # u2
        ("007", "mrr", 100.75),
        ("007", "risk_tags", 2.0),
        ("007", "touchpoints_30d", 0.0),  # a header is a table without rows, 0 bytes are none
        ("7", "active_users_lifetime", 1.0),
        ("7", "events_30d", 1.0),
        ("7", "features_used_14d", 1.0),
        ("7", "inactive_users_30d", 0.0),
        ("7", "mrr", 10.0),
        ("7", "risk_tags", 0.0),
        ("7", "touchpoints_30d", 0.0),
    ]


def test_odd_files_have_their_rows_in_source_status(odd: Warehouse) -> None:
    assert odd.query(
        "select table_name, status = 'absent', rows_before_date from health.source_status"
        " where table_name not in ('account_attributes', 'health_overrides', 'risk_assessments')"
        " order by 1"
    ) == [
        ("account_tags", False, 3),
        ("accounts", False, 5),
        ("events", False, 4),
        ("exchange_rates", True, 0),
        ("health_entries", True, 0),
        ("invoices", True, 0),
        ("subscriptions", False, 3),
        ("survey_responses", True, 0),
        ("tickets", False, 3),
        ("touchpoints", False, 0),
        ("users", False, 2),
    ]


def test_an_id_may_begin_with_any_sign(odd: Warehouse) -> None:
    assert odd.query(
        "select rows_before_date from health.source_status where table_name = 'risk_assessments'"
    ) == [(4,)]


def test_a_whole_double_is_the_id_without_its_point(odd: Warehouse) -> None:
    assert odd.query(
        "select account_id, pillar_id, state from health.pillar_health_history where is_overridden"
    ) == [("7", "service", "poor")]


def test_nothing_odd_is_rejected(odd: Warehouse) -> None:
    assert odd.query("select * from health.rejected_records") == []


def test_odd_files_equal_the_reference(odd: Warehouse) -> None:
    found = difference_from_reference(odd)
    assert not found, "\n".join(found)


# Rows that break a rule ---------------------------------------------------------------------------

# Each line: a row and, after the bar, its (effect:reason)s.
REJECTED, IGNORED, CHANGED = "row_rejected", "value_ignored", "value_changed"
ROWS: dict[str, tuple[str, ...]] = {
    "accounts": (
        "account_id,account_name,created_at,churned_at",
        "a,Alpha,2025-01-01,",
        "b,Beta,2025-01-01,2024-01-01 | value_changed:ends_before_start",
        "c,  ,2025-01-01, | row_rejected:missing_account_name",
        "d,Delta,yesterday, | row_rejected:invalid_created_at",
        "e,Epsilon,1999-12-31T23:59:59Z, | row_rejected:implausible_created_at",
        "f,Phi,2030-03-12 00:00:00.000001,",
        "g,Gamma,2025-01-01,never | value_ignored:invalid_churned_at",
        "h,Eta,2025-01-01,1999-01-01 | value_ignored:implausible_churned_at",
        "twin,First,2025-01-01, | row_rejected:duplicate_key",
        "twin,Second,2025-01-02,",
        "twin,Second, 2025-01-02,",
        ",,2025-13-01, | row_rejected:missing_account_id",
    ),
    "account_attributes": (
        "account_id,attribute,recorded_at,value",
        "a,,2026-01-01,1 | row_rejected:missing_attribute",
        "a,seats_planned,2026-02-30,1 | row_rejected:invalid_recorded_at",
        "ghost,seats_planned,2026-01-01,1 | row_rejected:unknown_account",
        "a,seats_planned,2026-01-01,",
    ),
    "account_tags": (
        "account_id,tag,kind,added_at,removed_at",
        "a,cut,mood,2026-01-01, | row_rejected:unknown_kind",
        "a,,mood,2026-01-01, | row_rejected:missing_tag",
        "a,cut,risk,2026-02-01,2026-01-01 | value_changed:ends_before_start",
        "a,merger,risk,2026-02-01,soon | value_ignored:invalid_removed_at",
    ),
    "users": (
        "user_id,account_id,created_at,deactivated_at",
        "u1,a,2026-01-01,",
        "u2,ghost,2026-01-01, | row_rejected:unknown_account",
        "u3,d,2026-01-01, | row_rejected:unknown_account",
        "u4,a,2026-01-01 24:00, | row_rejected:invalid_created_at",
        "u5,a,2026-01-01,2025-12-31 23:59:59 | value_changed:ends_before_start",
        "u6,a,2026-01-01,2026-01-01T10:00+25:00 | value_ignored:invalid_deactivated_at",
        "u7,ghost,1 January 2026, | row_rejected:invalid_created_at",
    ),
    "events": (
        "event_id,account_id,feature,occurred_at,event_count,loaded_at,user_id",
        "1,a,login,2026-03-01 10:00,5,,",
        "2,a,login,2026-03-02 10:00,-1,, | value_ignored:out_of_range_event_count",
        "3,a,login,2026-03-02 10:00,many,, | value_ignored:invalid_event_count",
        "4,a,login,2026-03-02 10:00,0,soon, | value_ignored:invalid_loaded_at",
        "5,a,,2026-03-02 10:00,1,, | row_rejected:missing_feature",
        "6,a,login,03/02/2026,1,, | row_rejected:invalid_occurred_at",
        "7,a,login,1970-01-01,1,, | row_rejected:implausible_occurred_at",
        "8,ghost,login,2026-03-02,1,, | row_rejected:unknown_account",
        "9,a,login,2026-03-03 10:00,7,2026-03-04, | row_rejected:duplicate_key",
        "9,a,login,2026-03-03 09:00,2,2026-03-05,",
        "9,a,login,2026-03-04 09:00,3,2026-03-04,",
        "9,a,login,2026-03-04 09:00,3,2026-03-05,",
        "10,a,login,2026-03-05 00:00,1e1,,",
        '11,a,login,2026-03-05 00:00,"10,00",, | value_ignored:invalid_event_count',
        "12,ghost,login,2026-03-02,-1,soon, | row_rejected:unknown_account",
        "13,a,login,2026-03-03,-5,2026-03-04, | row_rejected:duplicate_key"
        " value_ignored:out_of_range_event_count",
        "13,a,login,2026-03-03,20,2026-03-05,",
    ),
    "subscriptions": (
        "subscription_id,account_id,plan_id,mrr,started_at,seats,ended_at,renews_at",
        "s1,a,team,100,2026-01-01,10,, | row_rejected:duplicate_key",
        "s2,a,team,free,2026-01-01,10,, | row_rejected:invalid_mrr",
        "s3,a,team,-0.01,2026-01-01,10,, | row_rejected:out_of_range_mrr",
        's4,a,team,"10,00",2026-01-01,10,, | row_rejected:invalid_mrr',
        "s5,a,team,,2026-01-01,10,, | row_rejected:missing_mrr",
        "s6,a,team,1e999,2026-01-01,10,, | row_rejected:invalid_mrr",
        "s7,a,team,20,2026-01-01,-5,, | value_ignored:out_of_range_seats",
        "s8,a,team,3,2026-01-01,ten,,soon | value_ignored:invalid_seats"
        " value_ignored:invalid_renews_at",
        "s9,a,team,1000,2026-02-01,1,2026-01-01, | value_changed:ends_before_start",
        "s1,a,team,50,2026-01-01T00:00Z,5,,",
    ),
    "invoices": (
        "invoice_id,account_id,amount,issued_at,due_at,paid_at",
        "i1,a,-10,2026-01-01,2026-01-15,",
        "i2,a,ten,2026-01-01,2026-01-15, | row_rejected:invalid_amount",
        "i3,a,10,2026-01-01,the 15th, | value_ignored:invalid_due_at",
        "i4,a,10,2026-01-01,2026-01-15,1900-01-01 | value_ignored:implausible_paid_at",
    ),
    "tickets": (
        "ticket_id,account_id,created_at,priority,first_replied_at,solved_at,reopens,csat_score",
        "t1,a,2026-03-01,huge,,,, | value_ignored:unknown_priority",
        "t2,a,2026-03-01,,2026-02-01,2026-02-02,, | value_changed:ends_before_start"
        " value_changed:ends_before_start",
        "t3,a,2026-03-01,,,,-1,6 | value_ignored:out_of_range_reopens"
        " value_ignored:out_of_range_csat_score",
        "t4,a,2026-03-01,Urgent,,,x,0.99 | value_ignored:invalid_reopens"
        " value_ignored:out_of_range_csat_score",
        "t5,,soon,,,,, | row_rejected:missing_account_id",
    ),
    "touchpoints": (
        "touchpoint_id,account_id,channel,occurred_at",
        "p1,a,fax,2026-03-01 | row_rejected:unknown_channel",
        "p2,a,fax,1999-03-01 | row_rejected:unknown_channel",
        "p3,a,MEETING,2026-03-01",
    ),
    "survey_responses": (
        "response_id,account_id,kind,score,responded_at",
        "r1,a,csat,5,2026-03-01 | row_rejected:unknown_kind",
        "r2,a,nps,11,2026-03-01 | row_rejected:out_of_range_score",
        "r3,a,nps,0,2026-03-01",
        "r4,a,pulse,0,2026-03-01 | row_rejected:out_of_range_score",
        "r5,a,pulse,6,2026-03-01 | row_rejected:out_of_range_score",
        "r6,a,csat,five,2026-03-01 | row_rejected:invalid_score",
        "r7,a,pulse,+inf,2026-03-01 | row_rejected:invalid_score",
    ),
    "risk_assessments": (
        "assessment_id,account_id,risk_score,assessed_at",
        "k1,a,100.5,2026-03-01 | row_rejected:out_of_range_risk_score",
        "k2,a,-1,2026-03-01 | row_rejected:out_of_range_risk_score",
        "k3,a,100,2026-03-01",
        "k4,ghost,101,2026-03-01 | row_rejected:out_of_range_risk_score",
    ),
    "health_overrides": (
        "override_id,account_id,pillar_id,state,reason,author,created_at,expires_at",
        "o1,a,support,good,why,me,2026-03-01, | row_rejected:unknown_pillar_id",
        "o2,a,support,fine,why,me,2026-03-01, | row_rejected:unknown_pillar_id",
        "o3,a,service,not_calculated,why,me,2026-03-01, | row_rejected:unknown_state",
        "o4,a,overall,good,,me,2026-03-01, | row_rejected:missing_reason",
        "o5,a,Overall,GOOD,why,me,2026-03-01,2026-02-01 | value_changed:ends_before_start",
        "o6,a,service,poor,why,me,2026-03-01,later | value_ignored:invalid_expires_at",
    ),
}


# The key columns of a table where they are not the first one.
KEYS: dict[str, tuple[str, ...]] = {
    "account_attributes": (),
    "account_tags": (),
    "subscriptions": ("subscription_id", "started_at"),
}


def raw_rows(table: str) -> list[tuple[list[str], list[str]]]:
    """The cells of each row, header first, and the `effect:reason`s that it must be listed with."""
    parts = [line.partition(" | ") for line in ROWS[table]]
    cells = csv.reader(row for row, _, _ in parts)
    return [(row, notes.split()) for row, (_, _, notes) in zip(cells, parts, strict=True)]


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("dirty")
    raw = folder / "raw"
    raw.mkdir()
    for table in ROWS:
        with (raw / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(row for row, _ in raw_rows(table))
    warehouse = Warehouse(folder / "warehouse.duckdb", raw)
    warehouse.calculate(HEALTH_DATE)
    return warehouse


@pytest.mark.parametrize("table", ROWS)
def test_each_broken_rule_has_its_reason(dirty: Warehouse, table: str) -> None:
    (header, _), *rows = raw_rows(table)
    key = KEYS.get(table, header[:1])
    expected = []
    for row, notes in rows:
        cells = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
        record_key = "|".join(cells[name] for name in key) or None
        content = {name: cell for name, cell in cells.items() if cell}
        expected += [(record_key, *note.split(":"), content) for note in notes]
    listed = dirty.query(
        "select record_key, effect, reason, record from health.rejected_records"
        f" where table_name = '{table}'"
    )
    got = [
        (key, effect, reason, {name: cell for name, cell in json.loads(record).items() if cell})
        for key, effect, reason, record in listed
    ]
    assert sorted(got, key=repr) == sorted(expected, key=repr)


def test_rejected_records_have_their_time_and_first_date(dirty: Warehouse) -> None:
    assert dirty.query(
        "select record_key, record_time, first_seen_on from health.rejected_records"
        " where table_name = 'events' and effect = 'row_rejected' and record_key in ('6', '7', '8')"
        " order by 1"
    ) == [
        ("6", None, HEALTH_DATE),
        ("7", datetime(1970, 1, 1), HEALTH_DATE),
        ("8", datetime(2026, 3, 2), HEALTH_DATE),
    ]


def test_what_breaks_no_rule_counts(dirty: Warehouse) -> None:
    values = dirty.query(
        "select metric_id, value from health.pillar_metrics_history where account_id = 'a'"
        " and metric_id in ('events_30d', 'mrr', 'seats', 'overdue_invoices', 'risk_tags',"
        " 'open_tickets', 'touchpoints_30d', 'nps_latest', 'risk_score_90d', 'reopens_30d',"
        " 'pulse_90d', 'csat_score_90d', 'inactive_users_30d') order by 1"
    )
    assert values == [
        ("events_30d", 5 + 1 + 1 + 0 + 2 + 3 + 10 + 1 + 20.0),
        ("inactive_users_30d", 2.0),  # u1 and u6; u5 was deactivated when created
        ("mrr", 50 + 20 + 3.0),
        ("nps_latest", 0.0),
        ("open_tickets", 3.0),  # t1, t3, t4; t2 was solved when created
        ("overdue_invoices", 1.0),  # i4
        ("reopens_30d", 0.0),
        ("risk_score_90d", 100.0),
        ("risk_tags", 1.0),
        ("seats", 5.0),
        ("touchpoints_30d", 1.0),
    ]
    assert dirty.query(
        "select pillar_id, state, is_overridden from health.pillar_health_history"
        " where account_id = 'a' and is_overridden"
    ) == [("service", "poor", True)]


def test_accounts_that_count_are_in_scope(dirty: Warehouse) -> None:
    assert dirty.query("select account_id, account_name from health.account_health order by 1") == [
        ("a", "Alpha"),
        ("g", "Gamma"),
        ("h", "Eta"),
        ("twin", "Second"),
    ]


def test_dirty_files_equal_the_reference(dirty: Warehouse) -> None:
    found = difference_from_reference(dirty)
    assert not found, "\n".join(found)


# Files that cannot be used ------------------------------------------------------------------------


def failed_run(calculated: Warehouse, raw: Path) -> tuple[list[str], list[str]]:
    """What a run of the next date on an unusable folder says, and the tables that it changed."""
    before = published(calculated)
    run = Warehouse(calculated.path, raw).build(NEXT_DATE)
    assert run.exit_code != 0, "the run went well"
    after = published(calculated)
    changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    return run.output.splitlines(), sorted(changed)


def says(lines: list[str], *words: str) -> bool:
    """Whether one line has all the words."""
    return any(all(word in line for word in words) for line in lines)


SET_A_FOLDER = ("Set HEALTH_RAW_DIR to the folder with your raw tables", "make sample")


def test_a_missing_folder_says_what_to_set(odd: Warehouse, tmp_path: Path) -> None:
    lines, changed = failed_run(odd, tmp_path / "nowhere")
    assert says(lines, str(tmp_path / "nowhere"), *SET_A_FOLDER)
    assert not changed


def test_missing_accounts_say_what_to_set(odd: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").touch()
    (tmp_path / "users.csv").write_text("user_id,account_id,created_at\nu,a,2026-01-01\n")
    lines, changed = failed_run(odd, tmp_path)
    assert says(lines, f"no table `accounts` in the folder {tmp_path}", *SET_A_FOLDER)
    assert not changed


def test_accounts_that_lack_a_column_are_named_with_their_file(
    odd: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "accounts.csv").write_text("account_id,name,created_at\na,Alpha,2026-01-01\n")
    lines, changed = failed_run(odd, tmp_path)
    assert says(lines, str(tmp_path / "accounts.csv"), "`account_name` is missing")
    assert not changed


def not_utf_8(raw: Path) -> str:
    """Latin-1 far down, where nothing that looks at the first lines meets it."""
    lines = ["override_id,account_id,pillar_id,state,reason,author,created_at"]
    lines += [f"o{number},007,overall,good,why,me,2026-01-01" for number in range(30_000)]
    lines.append("last,007,overall,good,weil Zoë es sagt,me,2026-01-01\n")
    (raw / "health_overrides.parquet").unlink()
    (raw / "health_overrides.csv").write_bytes("\n".join(lines).encode("latin-1"))
    return "health_overrides.csv"


def unterminated_quote(raw: Path) -> str:
    """A quote far down that is never closed: what follows it would be lost without a word."""
    lines = ["ticket_id,account_id,created_at,user_id"]
    lines += [f"{number},007,2026-03-01,u1" for number in range(30_000)]
    lines += ['open,007,2026-03-01,"u1', "lost,007,2026-03-01,u1", "lost too,7,2026-03-01,u1\n"]
    (raw / "tickets.csv").write_text("\n".join(lines))
    return "tickets.csv"


def truncated_parquet(raw: Path) -> str:
    path = raw / "subscriptions.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    return "subscriptions.parquet"


def lacks_a_column(raw: Path) -> str:
    shutil.rmtree(raw / "events")
    (raw / "events").mkdir()
    pq.write_table(pa.table({"event_id": ["1"]}), raw / "events" / "part-0.parquet")
    return "events/part-0.parquet"


SPOILED = {
    "health_overrides": not_utf_8,
    "tickets": unterminated_quote,
    "subscriptions": truncated_parquet,
    "events": lacks_a_column,
}


@pytest.fixture(scope="module")
def spoiled(odd: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The next date, with tables that cannot be read, and the one after it, with all as it was."""
    folder = tmp_path_factory.mktemp("spoiled")
    shutil.copytree(odd.raw, folder / "raw")
    files = {table: spoil(folder / "raw") for table, spoil in SPOILED.items()}
    shutil.copy(odd.path, folder / "warehouse.duckdb")
    warehouse = Warehouse(folder / "warehouse.duckdb", folder / "raw")
    warehouse.calculate(NEXT_DATE)
    named = warehouse.query("select table_name, file from health.raw_files where not is_read")
    assert dict(named) == files
    problems = warehouse.query(
        "select table_name, problem from staging.raw_tables where problem <> ''"
    )
    assert dict(problems).keys() == files.keys()
    for table, problem in problems:
        assert files[table] in problem
    return warehouse


def test_the_summary_names_each_with_its_problem_once(spoiled: Warehouse) -> None:
    named = dict(spoiled.query(UNREAD_FILES))
    assert named.keys() == {
        "health_overrides.csv",
        "tickets.csv",
        "subscriptions.parquet",
        "events/part-0.parquet",
    }
    assert "byte 0xEB is not UTF-8" in named["health_overrides.csv"]


def test_tables_that_cannot_be_read_cost_their_pillars_alone(spoiled: Warehouse) -> None:
    statuses = spoiled.query(
        "select table_name, status, rows_before_date from health.source_status"
        f" where health_date = '{NEXT_DATE}' and status = 'unreadable' order by 1"
    )
    assert statuses == [(table, "unreadable", 0) for table in sorted(SPOILED)]
    reasons = spoiled.query(
        "select distinct pillar_id, reason from health.pillar_health_history"
        f" where health_date = '{NEXT_DATE}' and account_id = '007' order by 1"
    )
    assert dict(reasons) == {
        "product_adoption": "source_unavailable",
        "financial": "source_unavailable",
        "service": "source_unavailable",
        "relationship": "source_unavailable",
        "external": None,
    }


def test_their_metrics_are_missing_and_their_detail_is_not_shown(spoiled: Warehouse) -> None:
    assert (
        spoiled.query(
            f"select distinct metric_id from health.pillar_metrics_history where health_date ="
            f" '{NEXT_DATE}' and metric_id in ('events_30d', 'mrr', 'open_tickets')"
        )
        == []
    )
    assert spoiled.query("select count(*) from health.feature_adoption") == [(0,)]
    assert spoiled.query(
        f"select count(*) from health.rejected_records where table_name in {tuple(SPOILED)}"
    ) == [(0,)]


def test_events_that_were_kept_outlive_a_bad_night(spoiled: Warehouse, odd: Warehouse) -> None:
    kept = "select * from intermediate.int_events_daily order by all"
    assert spoiled.query(kept) == odd.query(kept) != []
    good = Warehouse(spoiled.path, odd.raw)
    after = date(2026, 3, 12)
    good.calculate(after)
    fresh = Warehouse(spoiled.path.parent / "fresh" / "warehouse.duckdb", odd.raw)
    fresh.path.parent.mkdir()
    fresh.calculate(after)
    asked = (
        "select account_id, metric_id, value from health.pillar_metrics_history"
        f" where health_date = '{after}' order by all"
    )
    assert good.query(asked) == fresh.query(asked) != []
