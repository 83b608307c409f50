"""The reference against tiny worlds worked out by hand from the contract.

Each test states the numbers it expects and why; none is copied from a run.
"""

import json
from datetime import date, datetime
from pathlib import Path

import pandas
import pytest
from reference.conditions import all_hold, any_holds
from reference.settled import Replay, Standing, settled_state
from reference.values import (
    is_null_number,
    is_null_time,
    number_text,
    read_number,
    read_time,
    rounded,
)
from small_world import ACCOUNT_COLUMNS, DAY, DEFAULT_SEGMENT, World

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# Values


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22", datetime(2026, 11, 22)),
        ("2026-11-22T10:30", datetime(2026, 11, 22, 10, 30)),
        ("2026-11-22 10:30:15.5", datetime(2026, 11, 22, 10, 30, 15, 500000)),
        ("2026-11-22 10:30:15.1234569Z", datetime(2026, 11, 22, 10, 30, 15, 123456)),
        ("2026-11-22 10:30 UTC", datetime(2026, 11, 22, 10, 30)),
        ("2026-11-22T00:30+01:00", datetime(2026, 11, 21, 23, 30)),
        ("2026-11-22T00:30+0130", datetime(2026, 11, 21, 23, 0)),
        ("2026-11-22T23:30-02", datetime(2026, 11, 23, 1, 30)),
        ("2026/1/5", datetime(2026, 1, 5)),
        ("20260105", datetime(2026, 1, 5)),
        ("20260105T9:05", datetime(2026, 1, 5, 9, 5)),
        ("2026-1-05  9:30", datetime(2026, 1, 5, 9, 30)),
        ("2026-11-22t05:06:07z", datetime(2026, 11, 22, 5, 6, 7)),
        ("2026-11-22 10:30:15,25 gmt", datetime(2026, 11, 22, 10, 30, 15, 250000)),
        ("2026-11-22 10:30UTC", datetime(2026, 11, 22, 10, 30)),
        ("2024-03-01 05:06:07 -0800", datetime(2024, 3, 1, 13, 6, 7)),
        ("2024-03-01 05:06:07+0000 UTC", datetime(2024, 3, 1, 5, 6, 7)),
        ("2024-03-01 05:06:07.123 +00:00", datetime(2024, 3, 1, 5, 6, 7, 123000)),
        ("2024-03-01 00:00:00 -23:59", datetime(2024, 3, 1, 23, 59)),
        ("1709269567", datetime(2024, 3, 1, 5, 6, 7)),
        ("1709269567123", datetime(2024, 3, 1, 5, 6, 7, 123000)),
        ("1709269567123456", datetime(2024, 3, 1, 5, 6, 7, 123456)),
        ("2026-11-22Z", None),
        ("2026-11-22 +01:00", None),
        ("2026-02-30", None),
        ("2026/11-22", None),
        ("2026-11-22 24:00", None),
        ("2026-11-22 10:5", None),
        ("2026-11-22 10", None),
        ("2026-11-22T 10:30", None),
        ("2026-11-22 10:30:60", None),
        ("2026-11-22 10:30:15.", None),
        ("2026-11-22 10:30 +24:00", None),
        ("2026-11-22 10:30 +01:60", None),
        ("2026-11-22 10:30 PST", None),
        ("2026-11-22 10:30 Z UTC", None),
        ("2026-11-22 10:30 +0100 GMT", None),
        ("20260105T1030", None),
        ("202601", None),
        ("-1709269567", None),
        ("1709269567.0", None),
        ("22.11.2026", None),
        ("12026-01-05", None),
        ("0000-00-00 00:00:00", None),
    ],
)
def test_times(text: str, moment: datetime | None) -> None:
    assert read_time(text) == moment


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("-0.5", -0.5),
        ("+1e3", 1000),
        ("1,000", 1000),
        ("-12,345,678.5e1", -123456785),
        ("999,000", 999000),
        ("0,000", None),
        ("1000,000", None),
        ("1,00", None),
        (",000", None),
        ("1,000.000,5", None),
        ("1.5,000", None),
        ("1_000", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("0x1", None),
        ("5 %", None),
    ],
)
def test_numbers(text: str, number: float | None) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize("word", ["null", "None", "N/A", "na", "NaN", r"\N", r"\n", "-"])
def test_words_that_are_null_in_times_and_numbers(word: str) -> None:
    assert is_null_time(word)
    assert is_null_number(word)
    assert read_time(word) is None
    assert read_number(word) is None


@pytest.mark.parametrize("word", ["--", "nil", "0", "n.a.", "unknown", ""])
def test_other_words_are_not_null(word: str) -> None:
    assert not is_null_time(word)
    assert not is_null_number(word)


def test_times_that_begin_with_four_zeros_are_null() -> None:
    assert is_null_time("0000-00-00 00:00:00")
    assert not is_null_number("0000")


def test_declared_formats_come_first() -> None:
    """In the order of their text; without a zone they are UTC."""
    assert read_time("2026-05-01", ["%Y-%d-%m"]) == datetime(2026, 1, 5)
    assert read_time("2026-05-13", ["%Y-%d-%m"]) == datetime(2026, 5, 13)
    assert read_time("01/02/2026", ["%m/%d/%Y", "%d/%m/%Y"]) == datetime(2026, 2, 1)
    assert read_time("13/02/2026", ["%m/%d/%Y", "%d/%m/%Y"]) == datetime(2026, 2, 13)
    assert read_time("5.1.2026 9:00 +0200", ["%d.%m.%Y %H:%M %z"]) == datetime(2026, 1, 5, 7)
    assert read_time("5/1/26 9:30 pm", ["%-d/%-m/%y %-I:%M %p"]) == datetime(2026, 1, 5, 21, 30)
    assert read_time("09:30:00, 2026-01-05", ["%T, %x"]) == datetime(2026, 1, 5, 9, 30)
    assert read_time("at 2026-01-05 09:30:00", ["at %c"]) == datetime(2026, 1, 5, 9, 30)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (5.0, "5"),
        (0.25, "0.25"),
        (1e-5, "0.00001"),
        (1e-9, "0"),
        (-1e-9, "0"),
        (2 / 3, "0.666667"),
        (1e21, "1000000000000000000000"),
        (-1200.50, "-1200.5"),
    ],
)
def test_number_text(number: float, text: str) -> None:
    assert number_text(number) == text


def test_halves_round_away_from_zero() -> None:
    assert rounded(1 / 128) == 0.007813
    assert rounded(-1 / 128) == -0.007813


# Row rules


def test_a_row_has_only_its_first_reason(world: World) -> None:
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at",
        [
            ",a1,soon",  # missing comes before invalid
            "t2,nobody,soon",  # invalid before unknown_account
            "t3,nobody,1999-12-31",  # implausible before unknown_account
            "t4,nobody,2026-01-05",
            "t5,a1,2026-01-05",
        ],
    )
    assert world.rejected() == [
        ("tickets", "t2", "invalid_created_at"),
        ("tickets", "t3", "implausible_created_at"),
        ("tickets", "t4", "unknown_account"),
        ("tickets", None, "missing_ticket_id"),
    ]


def test_ranges_and_words_of_required_values(world: World) -> None:
    world.raw(
        "survey_responses",
        "response_id,account_id,kind,score,responded_at",
        [
            "r1,a1,NPS,10,2026-11-01",
            "r2,a1,pulse,6,2026-11-01",
            "r3,a1,ces,3,2026-11-01",
            "r4,a1,pulse,0.5,2026-11-01",
        ],
    )
    world.raw(
        "subscriptions",
        "subscription_id,account_id,plan_id,mrr,started_at",
        ["s1,a1,basic,-0.01,2026-01-01"],
    )
    assert world.rejected() == [
        ("subscriptions", "s1|2026-01-01", "out_of_range_mrr"),
        ("survey_responses", "r2", "out_of_range_score"),
        ("survey_responses", "r3", "unknown_kind"),
        ("survey_responses", "r4", "out_of_range_score"),
    ]


def test_a_time_after_the_dates_asked_for_is_no_fault(world: World) -> None:
    world.raw("accounts", ACCOUNT_COLUMNS, ["a1,Acme,2026-01-01", "a2,Bolt,2199-01-01"])
    assert world.rejected() == []


def test_words_for_null_are_no_fault_unless_the_value_is_required(world: World) -> None:
    """A text keeps such a word: the author is called None."""
    world.raw(
        "risk_assessments",
        "assessment_id,account_id,risk_score,assessed_at,author",
        ["r1,a1,N/A,2026-11-01,", "r2,a1,5,0000-00-00,", "r3,a1,5,2026-11-01,None"],
    )
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at,solved_at,reopens",
        [r"t1,a1,2026-11-02,NULL,-", r"t2,a1,2026-11-02,0000-00-00 00:00:00,\N"],
    )
    world.metrics("open_tickets", "reopens,30")
    assert world.values() == {"open_tickets": 2, "reopens_30": 0}
    assert world.rejected() == [
        ("risk_assessments", "r1", "missing_risk_score"),
        ("risk_assessments", "r2", "missing_assessed_at"),
    ]
    assert world.calculate()["account_risk"].iloc[0]["risk_author"] == "None"


def test_numbers_with_commas_count_in_attributes_too(world: World) -> None:
    world.seed(
        attributes=["size,number,,"],
        score_rules=["everyone,service,size,1,>=,1234567.5,,,"],
    )
    world.raw(
        "account_attributes",
        "account_id,attribute,recorded_at,value",
        ['a1,size,2026-11-01,"1,234,567.5"'],
    )
    assert world.pillar()["score"] == 10


def test_exact_copies_collapse_and_duplicates_keep_the_latest_loaded(world: World) -> None:
    world.raw(
        "events",
        "event_id,account_id,feature,occurred_at,event_count,loaded_at,other",
        [
            "e1,a1,search,2026-11-20T10:00,1,2026-11-20,x",
            "e1,a1, search ,2026-11-20T10:00,1,2026-11-22,y",  # a copy: loaded on the 22nd
            "e1,a1,search,2026-11-20T12:00,5,2026-11-21,",  # later, but loaded earlier
            "e1,a1,search,2026-11-20T13:00,7,,",  # no loaded_at: lowest
            "e1,a1,search,2026-11-21T10:00,10,,",  # another day: another event
        ],
    )
    world.metrics("events,7")
    assert world.values() == {"events_7": 11}
    rejected = world.calculate()["rejected_records"]
    counts = [json.loads(record)["event_count"] for record in rejected["record"]]
    assert sorted(counts) == ["5", "7"]
    assert set(rejected["reason"]) == {"duplicate_key"}


def test_duplicates_without_loaded_at_keep_the_latest_then_the_greatest_text(
    world: World,
) -> None:
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at,reopens",
        ["t1,a1,2026-11-02,1", "t1,a1,2026-11-01,9", "t1,a1,2026-11-02,2"],
    )
    world.metrics("reopens,30")
    assert world.values() == {"reopens_30": 2}
    assert world.rejected() == [("tickets", "t1", "duplicate_key")] * 2


def test_values_of_duplicates_are_looked_at(world: World) -> None:
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at,csat_score",
        ["t1,a1,2026-11-02,1", "t1,a1,2026-11-01,9"],
    )
    assert world.rejected() == [
        ("tickets", "t1", "duplicate_key"),
        ("tickets", "t1", "out_of_range_csat_score"),
    ]


def test_the_duplicate_of_a_rejected_row_stays(world: World) -> None:
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at",
        ["t1,nobody,2026-11-02", "t1,a1,2026-11-01"],
    )
    assert world.rejected() == [("tickets", "t1", "unknown_account")]


def test_ignored_values_read_as_null(world: World) -> None:
    """Both counts read as null, which is 1; the unknown priority is no priority."""
    world.raw(
        "events",
        "event_id,account_id,feature,occurred_at,event_count",
        ["e1,a1,search,2026-11-20,-2", "e2,a1,search,2026-11-20,many"],
    )
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at,priority,solved_at",
        ["t1,a1,2026-11-02,huge,1970-01-01", "t2,a1,2026-11-02,High,"],
    )
    world.metrics("events,7", "open_tickets,,priority,high", "tickets_created")
    assert world.values() == {"events_7": 2, "open_tickets": 1, "tickets_created": 2}
    assert world.rejected() == [
        ("events", "e1", "out_of_range_event_count"),
        ("events", "e2", "invalid_event_count"),
        ("tickets", "t1", "implausible_solved_at"),
        ("tickets", "t1", "unknown_priority"),
    ]


def test_an_end_before_its_start_is_read_as_the_start(world: World) -> None:
    """The reply takes 0 hours, the solution too: the ticket is solved when it is created."""
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at,first_replied_at,solved_at",
        ["t1,a1,2026-11-10T12:00,2026-11-10T11:00,2026-11-09"],
    )
    world.metrics("first_reply_hours,30", "resolution_hours,30", "open_tickets")
    assert world.values() == {
        "first_reply_hours_30": 0,
        "resolution_hours_30": 0,
        "open_tickets": 0,
    }
    rejected = world.calculate()["rejected_records"]
    assert list(rejected["reason"]) == ["ends_before_start"] * 2
    assert set(rejected["effect"]) == {"value_changed"}
    assert set(rejected["record_time"]) == {datetime(2026, 11, 10, 12)}
    assert set(rejected["first_seen_on"]) == {DAY}


def test_files_with_bom_crlf_and_line_breaks(world: World) -> None:
    lines = ["note,tag,kind,account_id,added_at", '"two\nlines, one cell",Risky,RISK,a1,2026-01-02']
    path = world.raw_dir / "account_tags.csv"
    path.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    world.metrics("risk_tags")
    assert world.values() == {"risk_tags": 1}


def test_parquet_folders_and_empty_files(world: World) -> None:
    """Ids stay text, typed times count as they are, and a file of 0 bytes is no file."""
    for day in ("2026-11-20", "2026-11-21"):
        folder = world.raw_dir / "events" / f"occurred_on={day}"
        folder.mkdir(parents=True)
        frame = pandas.DataFrame(
            {
                "event_id": [f"e{day}"],
                "account_id": ["a1"],
                "feature": [7],
                "occurred_at": pandas.to_datetime([f"{day} 23:59:59.5"]).tz_localize("UTC"),
                "event_count": [2.0],
            }
        )
        frame.to_parquet(folder / "part.parquet")
    (world.raw_dir / "tickets.csv").touch()
    world.metrics("events,1,feature,7", "events,7", "tickets_created")
    assert world.values() == {"events_1": 2, "events_7": 4}


# Measures


def test_window_edges(world: World) -> None:
    """A window of 7 days before 22 November begins with 15 November 00:00 and ends before D."""
    world.raw(
        "events",
        "event_id,account_id,feature,occurred_at,event_count",
        [
            "e1,a1,search,2026-11-14T23:59:59.999999,1",
            "e2,a1,search,2026-11-15,10",
            "e3,a1,search,2026-11-21T23:59:59.999999,100",
            "e4,a1,search,2026-11-22,1000",
            "e5,a1,search,2026-11-08,10000",
            "e6,a1,search,2026-11-07T23:59,100000",
        ],
    )
    world.metrics("events,7", "events", "event_change_ratio,7", "active_days,7")
    assert world.values() == {
        "events_7": 110,
        "events": 110111,
        "event_change_ratio_7": pytest.approx(110 / 10001 - 1),
        "active_days_7": 2,
    }


def test_known_users(world: World) -> None:
    """Known on D: ann, bob (event only), eve (left on D itself). Not dan, who left before D,
    fay, who comes on D, nor gus, who left before D although he has an event."""
    world.raw(
        "users",
        "user_id,account_id,created_at,deactivated_at",
        [
            "ann,a1,2026-01-02,",
            "dan,a1,2026-01-02,2026-11-21",
            "eve,a1,2026-01-02,2026-11-22",
            "fay,a1,2026-11-22,",
            "gus,a1,2026-01-02,2026-11-21T23:59",
        ],
    )
    world.raw(
        "events",
        "event_id,account_id,feature,occurred_at,user_id",
        [
            "e1,a1,search,2026-11-20,ann",
            "e2,a1,search,2026-10-01,bob",
            "e3,a1,search,2026-11-20,gus",
            "e4,a1,export,2026-11-20,",
        ],
    )
    world.metrics("inactive_users,7", "active_user_ratio,7", "active_users,7", "features_used,7")
    assert world.values() == {
        "inactive_users_7": 2,
        "active_user_ratio_7": pytest.approx(1 / 3),
        "active_users_7": 2,
        "features_used_7": 2,
    }


def test_absent_tables_are_missing_and_empty_ones_are_zero(world: World) -> None:
    world.metrics("events,7", "days_since_last_event", "tickets_created", "csat_score,7", "mrr")
    assert world.values() == {}
    world.raw("events", "event_id,account_id,feature,occurred_at", [])
    world.raw("tickets", "ticket_id,account_id,created_at", [])
    # 1 January to 22 November 2026: 325 midnights.
    assert world.values() == {"events_7": 0, "days_since_last_event": 325, "tickets_created": 0}


def test_mrr_change_follows_the_plan_change(world: World) -> None:
    """30 days before D, 23 October, s1 stood at 100; on D its second row stands at 150, and s2,
    which ends on D itself, adds 50."""
    world.seed(plans=["basic,Basic,1", "pro,Pro,2"])
    world.raw(
        "subscriptions",
        "subscription_id,account_id,plan_id,mrr,started_at,seats,ended_at,renews_at",
        [
            "s1,a1,basic,100,2026-01-01,10,,2026-11-22",
            "s1,a1,pro,150,2026-11-01,20,,2026-12-02T08:00",
            "s2,a1,gone,50,2026-10-23,,2026-11-22,2026-11-21",
            "s3,a1,pro,70,2026-11-22,5,,",
            "s4,a1,pro,70,2026-01-01,5,2026-10-22,",
        ],
    )
    world.raw(
        "events",
        "event_id,account_id,feature,occurred_at,user_id",
        [f"e{number},a1,search,2026-11-20,u{number}" for number in range(5)],
    )
    world.metrics(
        "mrr",
        "mrr_change_ratio,30",
        "seats",
        "plan_rank",
        "plan_rank_change,30",
        "days_to_renewal",
        "license_utilization,7",
    )
    assert world.values() == {
        "mrr": 200,
        "mrr_change_ratio_30": 1,
        "seats": 20,
        "plan_rank": 2,
        "plan_rank_change_30": 1,
        "days_to_renewal": 10,
        "license_utilization_7": 0.25,
    }


def test_mrr_change_is_missing_without_earlier_mrr(world: World) -> None:
    world.raw(
        "subscriptions",
        "subscription_id,account_id,plan_id,mrr,started_at",
        ["s1,a1,basic,100,2026-10-23"],
    )
    world.metrics("mrr_change_ratio,30", "plan_rank", "seats", "mrr")
    assert world.values() == {"mrr": 100}


def test_late_payment_ratio(world: World) -> None:
    """Of i1 to i4, due in the window, i2 was paid on a later day, i3 not before D and i4 not at
    all; i1 was paid later on the day it was due."""
    world.raw(
        "invoices",
        "invoice_id,account_id,amount,issued_at,due_at,paid_at,voided_at",
        [
            "i1,a1,10,2026-10-01,2026-11-01T08:00,2026-11-01T23:00,",
            "i2,a1,10,2026-10-01,2026-11-01T23:00,2026-11-02T01:00,",
            "i3,a1,10,2026-10-01,2026-11-02,2026-11-22,2026-11-22",
            "i4,a1,40,2026-10-01,2026-11-21T12:00,,",
            "i5,a1,10,2026-10-01,2026-11-05,,2026-11-06",  # voided before D
            "i6,a1,10,2026-10-01,2026-11-22,,",  # due on D
            "i7,a1,-5,2026-10-01,2026-11-05,2026-11-20,",  # a credit
            "i8,a1,10,2026-11-22,2026-11-21,,",  # issued on D
            "i9,a1,-5,2026-10-01,2026-11-05,,",  # a credit that was not paid out
        ],
    )
    world.metrics(
        "late_payment_ratio,30",
        "open_invoices",
        "overdue_invoices",
        "overdue_amount",
        "days_overdue",
        "invoices_due,7",
        "amount_paid,30",
    )
    assert world.values() == {
        "late_payment_ratio_30": 0.75,
        "open_invoices": 3,  # i3, i4, i6
        "overdue_invoices": 2,  # i3, i4
        "overdue_amount": 50,
        "days_overdue": 20,
        "invoices_due_7": 1,  # i4
        "amount_paid_30": 15,  # i1, i2, i7
    }


def test_tickets(world: World) -> None:
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at,first_replied_at,solved_at,reopens,csat_score,csat_at",
        [
            "t1,a1,2026-11-20T10:00,2026-11-20T11:30,2026-11-21T10:00,2,5,",
            "t2,a1,2026-11-01T22:00,2026-11-22,2026-11-22,,1,2026-11-21",
            "t3,a1,2026-10-01,,2026-11-15,1,2,2026-11-22",
            "t4,a1,2026-10-01,,2026-11-14T23:59,1,2,",
            "t5,a1,2026-11-22,,,1,,",
        ],
    )
    world.metrics(
        "open_tickets",
        "open_tickets,7",
        "tickets_created,7",
        "tickets_solved,7",
        "open_ticket_age_days",
        "first_reply_hours,30",
        "resolution_hours,7",
        "reopens,30",
        "csat_score,7",
        "good_csat,7",
        "bad_csat,7",
    )
    assert world.values() == {
        "open_tickets": 1,  # t2, solved at D 00:00, was not solved before D
        "open_tickets_7": 3,  # t1, t2, and t3, solved at D - 7 days
        "tickets_created_7": 1,
        "tickets_solved_7": 2,  # t1, t3
        "open_ticket_age_days": 21,
        "first_reply_hours_30": 1.5,
        "resolution_hours_7": (24 + 45 * 24) / 2,
        "reopens_30": 2,
        "csat_score_7": 3,  # t1: 5, t2: 1
        "good_csat_7": 1,
        "bad_csat_7": 1,
    }


def test_surveys_tags_and_risk(world: World) -> None:
    world.raw(
        "survey_responses",
        "response_id,account_id,kind,score,responded_at",
        [
            "r1,a1,nps,9,2026-11-10",
            "r2,a1,nps,10,2026-11-10",
            "r10,a1,nps,6,2026-11-10",
            "r3,a1,nps,7,2026-11-09",
            "r4,a1,pulse,3,2026-11-01",
        ],
    )
    world.raw(
        "account_tags",
        "account_id,tag,kind,added_at,removed_at",
        [
            "a1,budget,risk,2026-11-01,2026-11-22",
            "a1,budget,risk,2026-11-02,",
            "a1,sponsor,risk,2026-11-01,2026-11-21",
            "a1,champion,confidence,2026-11-22,",
        ],
    )
    world.raw(
        "risk_assessments",
        "assessment_id,account_id,risk_score,assessed_at",
        ["x1,a1,80,2026-11-01", "x2,a1,30,2026-11-01", "x3,a1,99,2026-11-22"],
    )
    world.metrics("nps,30", "nps_latest,30", "pulse", "risk_tags", "confidence_tags", "risk_score")
    assert world.values() == {
        "nps_30": 25,  # (2 promoters - 1 detractor) of 4
        "nps_latest_30": 10,  # r2 is the highest id as text
        "pulse": 3,
        "risk_tags": 1,
        "confidence_tags": 0,
        "risk_score": 30,
    }


def test_touchpoints(world: World) -> None:
    world.raw(
        "touchpoints",
        "touchpoint_id,account_id,channel,occurred_at,user_id",
        [
            "p1,a1,Call,2026-11-15,ann",
            "p2,a1,email,2026-11-20T23:00,ann",
            "p3,a1,call,2026-11-14,bob",
            "p4,a1,fax,2026-11-21,bob",
        ],
    )
    world.metrics(
        "touchpoints,7,channel,CALL",
        "people_contacted",
        "days_since_last_touchpoint",
    )
    assert world.values() == {
        "touchpoints_7": 1,
        "people_contacted": 2,
        "days_since_last_touchpoint": 2,
    }


# Conditions


def test_three_valued_logic() -> None:
    assert all_hold([True, None]) is None
    assert all_hold([False, None]) is False
    assert all_hold([True, True]) is True
    assert any_holds([True, None]) is True
    assert any_holds([False, None]) is None
    assert any_holds([False, False]) is False
    assert any_holds([]) is False


@pytest.mark.parametrize(
    ("rules", "matched", "unknown"),
    [
        (["1,size,>,5", "1,lost,>,5"], None, 1),
        (["1,size,<,5", "1,lost,>,5"], False, 1),
        (["1,size,>,5", "2,lost,>,5"], True, 1),
        (["1,size,<,5", "2,lost,>,5"], None, 1),
        (["1,size,=,6.0000004"], True, 0),
        (["1,size,in,5| 6.0"], True, 0),
        (["1,size,not_in,5|6"], False, 0),
        (["1,industry,=,Retail"], None, 1),
        (["1,tag,=,vip"], None, 1),
    ],
)
def test_good_conditions(
    world: World, rules: list[str], matched: bool | None, unknown: int
) -> None:
    """size is 6, lost is unreadable, industry is blank, and there is no table of tags."""
    world.numbers(size=6, lost="n/a")
    world.seed(health_rules=[f"everyone,relationship,good,{rule}," for rule in rules])
    pillar = world.pillar("relationship")
    assert pillar["good_matched"] is matched
    assert pillar["poor_matched"] is False
    assert pillar["unknown_conditions"] == unknown
    assert pillar["state"] == ("good" if matched else "average")


def test_tags_in_conditions(world: World) -> None:
    world.seed(
        health_rules=[
            "everyone,service,good,1,tag,in,vip|Beta,",
            "everyone,service,poor,1,tag,!=,vip,",
        ]
    )
    columns = "account_id,tag,kind,added_at"
    world.raw("account_tags", columns, ["a1,vip,label,2026-11-01", "a1,beta,risk,2026-11-01"])
    assert world.pillar()["state"] == "good"
    explanation = world.calculate()["health_explanations"].iloc[0]
    assert explanation["observed"] == "beta|vip"
    world.raw("account_tags", columns, [])
    pillar = world.pillar()
    assert (pillar["good_matched"], pillar["poor_matched"]) == (False, True)
    assert world.calculate()["health_explanations"].iloc[0]["observed"] == ""


def test_scaled_thresholds_and_explanations(world: World) -> None:
    """0.5 scaled by 800 asks for 400: 420.25 is 20.25 above it."""
    world.numbers(used=420.25, licences=800, lost="")
    world.seed(
        segments=["big,Big,1,,,,", *DEFAULT_SEGMENT],
        segment_rules=["big,1,used,>,500.0"],
        score_rules=[
            "everyone,service,used,1,>=,0.50,,,licences",
            "everyone,financial,used,1,>=,0.5,<,1,lost",
        ],
    )
    explanations = world.calculate()["health_explanations"]
    columns = [
        "segment_id",
        "pillar_id",
        "rule_set",
        "observed",
        "threshold",
        "resolved_threshold",
        "is_met",
        "gap",
    ]
    assert explanations[columns].values.tolist() == [
        ["big", None, "segment", "420.25", "500", "500", False, -79.75],
        ["everyone", "financial", "healthy", "420.25", "0.5", None, None, None],
        ["everyone", "financial", "poor_band", "420.25", "1", None, None, None],
        ["everyone", "service", "healthy", "420.25", "0.5", "400", True, 20.25],
    ]


def test_the_attribute_log_wins_over_the_account(world: World) -> None:
    world.raw(
        "accounts",
        "account_id,account_name,created_at,csm_email,lifecycle_stage",
        ["a1,Acme,2026-01-01,old@example.com,live"],
    )
    world.raw(
        "account_attributes",
        "account_id,attribute,recorded_at,value",
        [
            "a1,csm_email,2026-11-01,a@example.com",
            "a1,csm_email,2026-11-01,b@example.com",
            "a1,csm_email,2026-11-22,late@example.com",
            "a1,lifecycle_stage,2026-11-01,trial",
            "a1,lifecycle_stage,2026-11-02,",
        ],
    )
    row = world.calculate()["account_health"].iloc[0]
    assert row["csm_email"] == "b@example.com"
    assert row["lifecycle_stage"] is None


@pytest.mark.parametrize(
    ("subscriptions", "plan_id"),
    [
        (["s1,a1,pro,10,2026-01-01", "s2,a1,basic,99,2026-01-01"], "pro"),  # the highest rank
        (["s1,a1,pro,10,2026-01-01", "s2,a1,plus,20,2026-01-01"], "plus"),  # then mrr
        (["s2,a1,plus,10,2026-01-01", "s10,a1,pro,10,2026-01-01"], "pro"),  # then lowest id
        (["s1,a1,gone,10,2026-01-01", "s2,a1,basic,1,2026-01-01"], "basic"),  # gone: no plan
        (["s1,a1,pro,10,2026-11-22"], None),  # starts on D
    ],
)
def test_plan_id(world: World, subscriptions: list[str], plan_id: str | None) -> None:
    world.seed(
        plans=["basic,Basic,1", "pro,Pro,2", "plus,Plus,2"],
        segments=["pro,Pro,1,,,,", *DEFAULT_SEGMENT],
        segment_rules=["pro,1,plan_id,=,pro"],
    )
    columns = "subscription_id,account_id,plan_id,mrr,started_at"
    world.raw("subscriptions", columns, subscriptions)
    explanation = world.calculate()["health_explanations"].iloc[0]
    assert explanation["observed"] == plan_id
    assert explanation["is_met"] is (None if plan_id is None else plan_id == "pro")


# Health


def score_rules(pillar_id: str, **weights: float) -> list[str]:
    """Bands "more than 5 healthy, less than 2 poor" on the named signals."""
    return [
        f"everyone,{pillar_id},{signal_id},{weight},>,5,<,2,"
        for signal_id, weight in weights.items()
    ]


@pytest.mark.parametrize(("value", "score"), [(6, 10), (5, 5), (2, 5), (3, 5), (1, 0)])
def test_worked_band(world: World, value: float, score: float) -> None:
    world.numbers(size=value)
    world.seed(score_rules=score_rules("service", size=1))
    assert world.pillar()["score"] == score


LINEAR_COLUMNS = (
    "segment_id,pillar_id,signal_id,weight,scoring,healthy_operator,healthy_threshold,"
    "poor_operator,poor_threshold,scaled_by"
)


def seed_score_rules(world: World, *lines: str) -> None:
    """Score rules in a file that has the column `scoring`."""
    world.write(world.seeds_dir / "score_rules.csv", LINEAR_COLUMNS, lines)


@pytest.mark.parametrize(
    ("value", "poor", "healthy", "score", "met"),
    [
        (18, 7, 30, 4.782609, (False, False)),
        (5, 7, 30, 0, (False, True)),
        (40, 7, 30, 10, (True, False)),
        (15, 30, 10, 7.5, (False, False)),
        (29.9999996, 7, 30, 10, (True, False)),
        (30.0000004, 30, 10, 0, (False, True)),
    ],
)
def test_worked_linear(
    world: World, value: float, poor: float, healthy: float, score: float, met: tuple[bool, bool]
) -> None:
    world.numbers(size=value)
    seed_score_rules(world, f"everyone,service,size,1,linear,,{healthy},,{poor},")
    tables = world.calculate()
    told = tables["health_explanations"].set_index("rule_set")
    assert (told.loc["healthy", "is_met"], told.loc["poor_band", "is_met"]) == met
    assert told["operator"].tolist() == ["linear", "linear"]
    assert told.loc["poor_band", "threshold"] == str(poor)
    pillar = world.pillar()
    assert pillar["score"] == pytest.approx(score, abs=1e-6)
    assert (pillar["score_low"], pillar["score_high"]) == (pillar["score"], pillar["score"])


@pytest.mark.parametrize(
    ("numbers", "score"),
    [
        ({"size": -4, "scale": -10}, 7.5),  # -1 is poor, -5 healthy
        ({"size": 4, "scale": 10}, 7.5),
        ({"size": 4, "scale": 0}, None),
        ({"size": 4, "scale": ""}, None),
        ({"size": "", "scale": 10}, None),
    ],
)
def test_linear_with_a_scale(
    world: World, numbers: dict[str, float | str], score: float | None
) -> None:
    """One condition, unknown where it gives nothing; the rest is weighed without it."""
    world.numbers(other=1, **numbers)
    seed_score_rules(
        world,
        "everyone,service,size,3,linear,,0.5,,0.1,scale",
        "everyone,relationship,size,3,linear,,0.5,,0.1,scale",
        "everyone,relationship,other,1,,>=,1,,,",
    )
    service, both = world.pillar("service"), world.pillar("relationship")
    assert service["unknown_conditions"] == both["unknown_conditions"] == (score is None)
    told = world.calculate()["health_explanations"]
    assert told.loc[told["operator"] == "linear", "gap"].isna().all() == (score is None)
    if score is None:
        assert (service["reason"], service["score"]) == ("no_data", None)
        assert (service["score_low"], service["score_high"], service["is_certain"]) == (
            0,
            10,
            False,
        )
        assert (both["score_low"], both["score"], both["score_high"]) == (2.5, 10, 10)
        assert both["is_certain"] is False
    else:
        assert service["score"] == score
        assert both["score"] == (3 * score + 10) / 4
        assert both["is_certain"] is True


@pytest.mark.parametrize(
    ("good", "poor", "low", "score", "high", "certain"),
    [
        ("yes", "yes", 0, 0, 0, True),
        ("yes", "no", 10, 10, 10, True),
        ("no", "no", 5, 5, 5, True),
        ("yes", "unknown", 0, 10, 10, False),
        ("unknown", "yes", 0, 0, 0, True),
        ("unknown", "no", 5, 5, 10, False),
        ("no", "unknown", 0, 5, 5, False),
        ("unknown", "unknown", 0, None, 10, False),
        ("none", "unknown", 0, None, 10, False),
        ("unknown", "none", 0, None, 10, False),
        ("none", "no", 5, 5, 5, True),
    ],
)
def test_ends_by_health_rules(
    world: World, good: str, poor: str, low: float, score: float | None, high: float, certain: bool
) -> None:
    world.numbers(yes=1, no=0, unknown="")
    world.seed(
        health_rules=[
            f"everyone,relationship,{state},1,{signal},=,1,"
            for state, signal in (("good", good), ("poor", poor))
            if signal != "none"
        ]
    )
    pillar = world.pillar("relationship")
    assert (pillar["score_low"], pillar["score"], pillar["score_high"]) == (low, score, high)
    assert pillar["is_certain"] is certain


def test_ends_by_score_rules(world: World) -> None:
    """Over all score rules; state and certainty from the health rules where there are any."""
    world.numbers(high=6, low=1, lost="")
    world.seed(
        score_rules=[
            *score_rules("product_adoption", high=3, lost=1),
            *score_rules("service", low=3, lost=1),
            *score_rules("relationship", lost=1),
            *score_rules("financial", high=1, lost=1),
        ],
        health_rules=["everyone,financial,poor,1,low,<,5,"],
    )
    tables = world.calculate()
    pillars = tables["pillar_health_history"].set_index("pillar_id")
    columns = ["calculated_state", "score_low", "score", "score_high", "is_certain"]
    assert pillars.loc["product_adoption", columns].tolist() == ["good", 7.5, 10, 10, True]
    assert pillars.loc["service", columns].tolist() == ["poor", 0, 0, 2.5, True]
    assert pillars.loc["relationship", columns].tolist() == ["average", 0, None, 10, False]
    assert pillars.loc["financial", columns].tolist() == ["poor", 5, 10, 10, True]
    overall = tables["account_health_history"].iloc[0]
    assert (overall["score_low"], overall["score_high"]) == (12.5 / 4, 32.5 / 4)
    # The score is the mean of 10, 0 and 10.
    assert (overall["calculated_overall_state"], overall["is_certain"]) == ("good", False)


def test_caps_of_the_ends(world: World) -> None:
    """The low by what could be poor, the high by what is for sure; only weighed and configured."""
    world.numbers(high=6, low=1, lost="")
    world.seed(
        score_rules=[
            *score_rules("product_adoption", high=1),
            *score_rules("service", high=1, lost=3),
        ],
        health_rules=["everyone,relationship,poor,1,low,<,5,"],
        pillar_weights=[
            "everyone,product_adoption,7,1",
            "everyone,service,2,4",
            "everyone,relationship,1,8",
            "everyone,financial,9,2",
        ],
    )
    overall = world.overall()
    # Lows 10, 2.5 and 0 make 7.5, which a poor service would cap at 4; highs 10, 10 and 0 make 9.
    assert (overall["score_low"], overall["overall_score"], overall["score_high"]) == (4, 8, 8)
    assert overall["is_certain"] is False


def test_no_ends_without_anything_to_know(world: World) -> None:
    world.numbers(lost="")
    world.seed(
        score_rules=score_rules("service", lost=1),
        pillar_weights=["everyone,financial,1,"],
    )
    ends = ["score_low", "score_high", "is_certain"]
    assert world.pillar("financial")[ends].tolist() == [None, None, None]
    assert world.pillar("service")[ends].tolist() == [0, 10, False]
    assert world.overall()[ends].tolist() == [None, None, None]
    world.seed(pillar_weights=["everyone,service,1,"])
    assert world.overall()[ends].tolist() == [0, 10, False]
    on_its_first_day = world.calculate(date(2026, 1, 1))
    for table in ("pillar_health_history", "account_health_history"):
        assert on_its_first_day[table].iloc[0][ends].tolist() == [None, None, None]


def test_worked_overalls(world: World) -> None:
    """Bands 10 and 5 alike: 7.5. Weighted 4 to 1: 9. Then 8.25, and 7.1 with two fives."""
    world.numbers(high=6, middle=3)
    world.seed(
        score_rules=[
            *score_rules("product_adoption", high=1, middle=1),
            *score_rules("financial", high=4, middle=1),
        ],
        pillar_weights=["everyone,product_adoption,50,", "everyone,financial,50,"],
    )
    assert world.pillar("product_adoption")["score"] == 7.5
    assert world.pillar("financial")["score"] == 9.0
    assert world.overall()["overall_score"] == pytest.approx(8.25)
    world.seed(
        score_rules=[
            *score_rules("product_adoption", high=1, middle=1),
            *score_rules("financial", high=4, middle=1),
            *score_rules("service", middle=1),
            *score_rules("relationship", middle=1),
        ],
        pillar_weights=[
            "everyone,product_adoption,20,",
            "everyone,financial,40,",
            "everyone,service,20,",
            "everyone,relationship,20,",
        ],
    )
    overall = world.overall()
    assert overall["overall_score"] == pytest.approx(7.1)
    assert overall["overall_state"] == "good"
    assert overall["coverage"] == 1


def test_worked_mean_without_weights(world: World) -> None:
    """10, 10 and 0 alike are 6.67: good by the default bands."""
    world.numbers(high=6, low=1)
    world.seed(
        score_rules=[
            *score_rules("product_adoption", high=1),
            *score_rules("financial", high=1),
            *score_rules("service", low=1),
        ]
    )
    tables = world.calculate()
    overall = tables["account_health_history"].iloc[0]
    assert overall["overall_score"] == pytest.approx(6.67, abs=0.01)
    assert overall["overall_state"] == "good"
    assert tables["account_health"].iloc[0]["worst_pillar_id"] == "service"


def test_worked_good_and_poor_is_poor(world: World) -> None:
    world.numbers(size=6)
    world.seed(
        health_rules=[
            "everyone,service,good,1,size,>,5,",
            "everyone,service,poor,1,size,>,5,",
        ]
    )
    pillar = world.pillar()
    assert (pillar["state"], pillar["score"]) == ("poor", 0)
    assert (pillar["good_matched"], pillar["poor_matched"]) == (True, True)


@pytest.mark.parametrize(
    ("pillar_id", "state", "reason"),
    [("service", "not_calculated", "no_data"), ("relationship", "average", None)],
)
def test_worked_nothing_known_is_never_poor(
    world: World, pillar_id: str, state: str, reason: str | None
) -> None:
    """service is not calculated without data, relationship is average: neither has a score."""
    world.numbers(lost="")
    world.seed(health_rules=[f"everyone,{pillar_id},poor,1,lost,<,5,"])
    pillar = world.pillar(pillar_id)
    assert (pillar["state"], pillar["score"], pillar["reason"]) == (state, None, reason)
    overall = world.overall()
    assert overall["overall_state"] == "not_calculated"
    assert overall["reason"] == "no_pillar_calculated"
    assert overall["coverage"] == 0


def test_weights_cap_and_coverage(world: World) -> None:
    """(3 x 10 + 1 x 0) / 4 = 7.5, capped at 4 by the poor service; financial, which is not
    configured, keeps 4 of the 8 weights from being covered."""
    world.numbers(high=6, low=1)
    world.seed(
        score_rules=[
            *score_rules("product_adoption", high=1),
            *score_rules("service", low=1),
            *score_rules("relationship", high=1),
        ],
        pillar_weights=[
            "everyone,product_adoption,3,1",
            "everyone,service,1,4",
            "everyone,financial,4,2",
        ],
    )
    overall = world.overall()
    assert overall["overall_score"] == 4
    assert overall["coverage"] == 0.5
    assert overall["overall_state"] == "average"
    assert world.pillar("financial")["reason"] == "pillar_not_configured"


def test_segments(world: World) -> None:
    """big holds and is configured; small fails; maybe is unknown; empty has no rules."""
    world.numbers(size=6, lost="")
    world.seed(
        segments=[
            "empty,Empty,1,,,,",
            "maybe,Maybe,2,,,,",
            "small,Small,3,,,,",
            "plain,Plain,4,,,,",
            "big,Big,5,,9,1,",
            *DEFAULT_SEGMENT,
        ],
        segment_rules=[
            "maybe,1,lost,>,5",
            "small,1,size,<,5",
            "plain,1,size,>,5",
            "big,1,size,>,5",
        ],
        health_rules=[
            "empty,service,good,1,size,>,5,",
            "maybe,service,good,1,size,>,5,",
            "big,service,poor,1,size,<,5,",
            "everyone,service,good,1,size,>,5,",
        ],
    )
    membership = world.calculate()["segment_membership"]
    columns = ["segment_id", "priority", "membership", "is_chosen"]
    assert membership[columns].values.tolist() == [
        ["maybe", 2, "unknown", False],
        ["plain", 4, "member", False],
        ["big", 5, "member", True],
        ["everyone", 9, "member", False],
    ]
    assert world.overall()["overall_state"] == "average"


def test_scope_and_created_today(world: World) -> None:
    """a1 is created on D; a2 on the day after; a3 left before D, a4 on D."""
    world.raw(
        "accounts",
        "account_id,account_name,created_at,churned_at",
        [
            "a1,Acme,2026-11-22T23:59,",
            "a2,Bolt,2026-11-23,",
            "a3,Core,2026-01-01,2026-11-21T23:59",
            "a4,Dash,2026-01-01,2026-11-22",
        ],
    )
    history = world.calculate()["account_health_history"]
    assert history[["account_id", "reason"]].values.tolist() == [
        ["a1", "created_today"],
        ["a4", "no_segment"],
    ]


ENTRY_COLUMNS = (
    "entry_id,account_id,kind,entered_at,author,tag,tag_kind,risk_score,pillar_id,state,"
    "expires_at,note,refers_to"
)


def test_entries(world: World) -> None:
    """docs/raw_tables.md, "Entries": each kind, what it needs, and what it ends."""
    world.raw(
        "account_tags",
        "account_id,tag,kind,added_at,removed_at",
        [
            "a1,old,risk,2026-11-10,",
            "a1,old,label,2026-11-10,",
            "a1,old,risk,2026-11-12,",  # added after it was taken off
            "a1,gone,risk,2026-11-01,2026-11-05",  # removed before
            "a1,odd,risk,2026-11-01,soon",  # its own end is noted, and the entry's holds
        ],
    )
    world.raw(
        "health_overrides",
        "override_id,account_id,pillar_id,state,reason,author,created_at,expires_at",
        ["o1,a1,overall,poor,r,m,2026-11-10,2026-12-01", "o2,a1,nothing,poor,r,m,2026-11-10,"],
    )
    world.raw(
        "health_entries",
        ENTRY_COLUMNS,
        [
            "e1,a1,risk_score,2026-11-12,m,,,60,,,,,",
            "e2,a1,tag_off,2026-11-11,m,old,risk,,,,,,",
            "e3,a1,tag_off,2026-11-11,m,gone,,,,,,,",
            "e4,a1,tag_off,2026-11-11,m,odd,,,,,,,",
            "e5,a1,tag_on,2026-11-13,m,new,confidence,,,,,,",
            "e6,a1,override,2026-11-14,m,,,,Overall,GOOD,,why,",
            "e7,a1,override_off,2026-11-15,m,,,,,,,,o1",
            "e8,a1,override_off,2026-11-13,m,,,,,,,,entry:e6",  # before it was created
            "e9,a1,override_off,2026-11-15,m,,,,,,,,o2",  # its row does not count: no matter
            "f1,a1,override_off,2026-11-15,m,,,,,,,,entry:e1",
            "f8,a1,override,2026-11-13,m,,,,overall,good,,why,",  # its id is another's
            "f8,a1,tag_off,2026-11-14,m,gone,,,,,,,",
            "f9,a1,override_off,2026-11-15,m,,,,,,,,entry:f8",
            "g1,a1,override,2026-11-13,m,,,,service,good,,why,",
            "g1,a1,override_off,2026-11-14,m,,,,,,,,nobody",  # counts not, so the override does
            "g2,a1,override_off,2026-11-15,m,,,,,,,,entry:g1",
            "f2,a1,tag_on,2026-11-13,m,new,,,,,,,",
            "f3,a1,risk_score,2026-11-13,m,,,100.5,,,,,",
            "f4,a1,override,2026-11-13,m,,,,nothing,good,,why,",
            "f5,a1,override,2026-11-13,m,,,,overall,good,,,",
            "f6,a1,risk_score,2026-11-01,m,,wrong,50,,,2026-13-01,,",
            "f7,a1,what,2026-11-13,m,,,,,,,,",
        ],
    )
    tables = world.calculate()
    risk = tables["account_risk"].iloc[0]
    assert (risk["risk_score"], risk["risk_author"]) == (60, "m")
    assert (risk["risk_tags"], risk["confidence_tags"]) == ('["old"]', '["new"]')
    assert world.rejected() == [
        ("account_tags", None, "invalid_removed_at"),
        ("health_entries", "f1", "unknown_refers_to"),
        ("health_entries", "f2", "missing_tag_kind"),
        ("health_entries", "f3", "out_of_range_risk_score"),
        ("health_entries", "f4", "unknown_pillar_id"),
        ("health_entries", "f5", "missing_note"),
        ("health_entries", "f6", "invalid_expires_at"),
        ("health_entries", "f6", "unknown_tag_kind"),
        ("health_entries", "f7", "unknown_kind"),
        ("health_entries", "f8", "duplicate_key"),
        ("health_entries", "f9", "unknown_refers_to"),
        ("health_entries", "g1", "unknown_refers_to"),
        ("health_overrides", "entry:e6", "ends_before_start"),
        ("health_overrides", "o2", "unknown_pillar_id"),
    ]
    overall = world.overall(start=date(2026, 11, 15))
    assert (overall["overall_state"], overall["is_overridden"]) == ("poor", True)
    assert not world.overall(start=date(2026, 11, 16))["is_overridden"]


def test_entries_make_a_table_that_has_no_files(world: World) -> None:
    world.raw("health_entries", ENTRY_COLUMNS, ["e1,a1,tag_on,2026-11-13,m,new,risk,,,,,,"])
    status = world.calculate()["source_status"].set_index("table_name")["status"]
    assert (status["account_tags"], status["risk_assessments"]) == ("ok", "absent")
    world.raw("account_tags", "account_id,tag", ["a1,x"])
    tables = world.calculate()
    status = tables["source_status"].set_index("table_name")["status"]
    assert status["account_tags"] == "unreadable"
    assert tables["account_risk"].iloc[0]["risk_tags"] is None


def test_overrides(world: World) -> None:
    """o2 and o10 are created together: o2 is the highest id. o3 has expired, o4 comes on D."""
    world.numbers(size=6)
    world.seed(score_rules=score_rules("service", size=1))
    world.raw(
        "health_overrides",
        "override_id,account_id,pillar_id,state,reason,author,created_at,expires_at",
        [
            "o1,a1,service,good,r,a,2026-11-01,",
            "o2,a1,Service,Poor,r,a,2026-11-02,2026-11-22",
            "o10,a1,service,average,r,a,2026-11-02,",
            "o3,a1,service,average,r,a,2026-11-03,2026-11-21",
            "o4,a1,service,average,r,a,2026-11-22,",
            "o5,a1,financial,good,r,a,2026-11-02,",
            "o6,a1,overall,good,r,a,2026-11-02,",
            "o7,a1,support,good,r,a,2026-11-02,",
        ],
    )
    pillar = world.pillar("service")
    assert (pillar["state"], pillar["calculated_state"], pillar["score"]) == ("poor", "good", 10)
    financial = world.pillar("financial")
    assert (financial["state"], financial["reason"]) == ("good", "pillar_not_configured")
    overall = world.overall()
    assert (overall["overall_score"], overall["is_overridden"]) == (10, True)
    assert world.rejected() == [("health_overrides", "o7", "unknown_pillar_id")]


# Sources and history


def test_sources(world: World) -> None:
    """Of 4 ticket rows of the 3 days before D, and one without a readable time, 2 are rejected;
    the copy counts once and the old one not at all: 0.4."""
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at",
        [
            "t1,a1,2026-11-19",
            "t2,a1,2026-11-20",
            "t2,a1,2026-11-20",
            "t3,a1,2026-11-21T23:00",
            "t4,nobody,2026-11-20",
            "t5,a1,soon",
            "t6,nobody,2026-11-18T23:59",
        ],
    )
    world.seed(
        sources=["tickets,1,0.4", "invoices,1,"],
        pillar_sources=["service,tickets", "service,invoices", "financial,invoices"],
        score_rules=[
            "everyone,service,account_age_days,1,>,5,,,",
            "everyone,financial,account_age_days,1,>,5,,,",
        ],
    )

    def status(**options: object) -> list[object]:
        statuses = world.calculate(**options)["source_status"]
        return statuses[statuses["table_name"] == "tickets"].iloc[0].tolist()[1:]

    latest_at = datetime(2026, 11, 21, 23)
    assert status() == ["tickets", "ok", 3, latest_at, 0.4]
    assert world.pillar("service")["score"] == 10
    assert world.pillar("financial")["reason"] == "source_unavailable"
    # Only t3, t5 and nothing else is looked at in the last day.
    assert status(late_arrival_days=1) == ["tickets", "broken", 3, latest_at, 0.5]
    world.seed(sources=["tickets,0.99,0.1"])
    assert status()[1] == "stale"
    assert status(source_check_failures=[(DAY, "tickets")])[1] == "failed"
    assert world.pillar("service")["reason"] == "source_unavailable"
    assert len(world.calculate()["source_status"]) == 14


def test_runs_of_states(world: World) -> None:
    """size is known from the 20th on (entered on the 19th) and falls on the 21st."""
    world.seed(
        attributes=["size,number,,"],
        score_rules=score_rules("service", size=1),
    )
    world.raw(
        "account_attributes",
        "account_id,attribute,recorded_at,value",
        ["a1,size,2026-11-19,6", "a1,size,2026-11-20T10:00,1"],
    )
    tables = world.calculate(date(2026, 11, 18), DAY)
    states = tables["account_health_history"]["overall_state"].tolist()
    assert states == ["not_calculated", "not_calculated", "good", "poor", "poor"]
    row = tables["account_health"].iloc[0]
    assert row["previous_overall_state"] == "good"
    assert row["state_since"] == date(2026, 11, 21)
    missing = tables["not_calculated_accounts"]
    of_service = missing[missing["pillar_id"] == "service"]
    assert of_service[["reason", "since", "needs_review"]].values.tolist() == [
        ["no_data", date(2026, 11, 18), True],
        ["no_data", date(2026, 11, 18), True],
    ]
    of_financial = missing[missing["pillar_id"] == "financial"]
    assert of_financial["needs_review"].tolist() == [False] * 5
    assert set(of_financial["since"]) == {date(2026, 11, 18)}


# Changes, alerts, calibration


def test_an_override_is_the_cause_whatever_is_calculated(world: World) -> None:
    world.seed(
        attributes=["use,number,,"],
        health_rules=["everyone,service,poor,1,use,<,3,", "everyone,service,good,1,use,>=,10,"],
    )
    world.raw(
        "account_attributes",
        "account_id,attribute,recorded_at,value",
        ["a1,use,2026-11-01,1", "a1,use,2026-11-21 10:00,5", "a1,use,2026-11-22 10:00,20"],
    )
    world.raw(
        "health_overrides",
        "override_id,account_id,pillar_id,state,reason,author,created_at,expires_at",
        ["o1,a1,service,good,Known,kim,2026-11-19 10:00,2026-11-21 10:00"],
    )
    changes = world.calculate(date(2026, 11, 19), date(2026, 11, 23))["health_changes"]
    of_service = changes[changes["pillar_id"] == "service"]
    columns = ["health_date", "from_state", "to_state", "days_in_from_state", "cause"]
    assert of_service[columns].values.tolist() == [
        [date(2026, 11, 20), "poor", "good", 1, "override"],
        [date(2026, 11, 22), "good", "average", 2, "override"],  # ends as the calculated moves
        [date(2026, 11, 23), "average", "good", 1, "behaviour"],
    ]


def test_calibration_of_a_scaled_threshold(world: World) -> None:
    """Shares of seats: 10 of 20, 30 of 40, and 5 of nobody knows how many."""
    world.seed(
        attributes=["used,number,,", "seats,number,,"],
        health_rules=["everyone,service,good,1,used,>=,0.6,seats"],
    )
    accounts = [f"a{number},Name,2026-01-01" for number in (1, 2, 3)]
    world.raw("accounts", ACCOUNT_COLUMNS, accounts)
    world.raw(
        "account_attributes",
        "account_id,attribute,recorded_at,value",
        [
            *("a1,used,2026-11-01,10", "a1,seats,2026-11-01,20"),
            *("a2,used,2026-11-01,30", "a2,seats,2026-11-01,40"),
            "a3,used,2026-11-01,5",
        ],
    )
    [row] = world.calculate()["threshold_calibration"].to_dict("records")
    assert (row["accounts"], row["missing"], row["matched_share"]) == (3, 1, 0.5)
    assert (row["p10"], row["p50"], row["p90"]) == (12, 20, 28)
    # Half of those known use 0.625 of their seats or more.
    assert row["threshold_for_50_percent"] == 0.625
    assert row["threshold_for_10_percent"] == pytest.approx(0.725)


def test_a_score_alone_is_told_once(world: World) -> None:
    world.seed(
        attributes=["use,number,,"],
        health_rules=["everyone,service,poor,1,use,<,3,"],
        alert_rules=[
            "low,service,,,5,,,high,Call",
            "fell,service,,,,5,,high,Call",
            "turned,service,,poor,,,,high,Call",
            "elsewhere,service,,,5,,nowhere,high,Call",
        ],
    )
    world.raw(
        "account_attributes",
        "account_id,attribute,recorded_at,value",
        ["a1,use,2026-11-01,5", "a1,use,2026-11-19 10:00,1"],
    )
    alerts = world.calculate(date(2026, 11, 12), DAY)["health_alerts"]
    found = alerts[["health_date", "alert_id", "from_state", "to_state"]].values.tolist()
    day = date(2026, 11, 20)
    assert sorted(found) == [[day, name, "average", "poor"] for name in ("fell", "low", "turned")]


# Settled states


def test_the_page_s_example_of_settled_states() -> None:
    page = (DOCS / "health.md").read_text(encoding="utf-8")
    calculated, shown = (
        [cell.strip() for cell in line.split("|")[2:-1]]
        for line in page.splitlines()
        if line.startswith(("| calculated |", "| settled |"))
    )
    days = range(1, len(calculated) + 1)
    assert [settled_state(calculated[:day], settle_days=2) for day in days] == shown


@pytest.mark.parametrize(
    ("calculated", "settle_days", "expected"),
    [
        (["good", "poor"], 0, "poor"),
        (["good", "poor"], 1, "poor"),  # none ever held
        (["good", "good", "poor"], 1, "good"),
        (["good", "good", "poor", "poor"], 1, "poor"),
        (["good", "good", "poor", "average", "poor", "average"], 1, "good"),
        (["good", "good", "poor", None, "poor"], 1, "good"),  # no row ends a stretch
        (["good", "good", "poor", "not_calculated", "not_calculated"], 1, "not_calculated"),
    ],
)
def test_what_held_last_is_settled(
    calculated: list[str | None], settle_days: int, expected: str
) -> None:
    assert settled_state(calculated, settle_days) == expected


def test_a_replay_rests_on_what_is_there() -> None:
    """A date put in between later counts for what is calculated after it, and not before."""
    key = ("a", "overall")
    states = {1: "good", 2: "good", 3: "poor", 4: "poor", 5: "poor"}
    days = {date(2026, 11, day): {key: Standing(state, 2)} for day, state in states.items()}
    first, second, third, fourth, fifth = days
    replay = Replay()
    replay.run([first, second, fourth, fifth], days)
    assert replay.settled[fifth][key] == "poor", "none held on three dates"
    replay.run([third], days)
    assert replay.settled[third][key] == "poor"
    replay.run([fourth], {fourth: {key: Standing("poor", 2, "good")}})
    assert replay.settled[fourth][key] == "good", "by override"
    replay.run([fifth], days)
    assert replay.settled[fifth][key] == "poor"
    replay.run([fourth], {})
    assert fourth not in replay.settled, "no account is in scope, so it is no date of the history"


def test_an_alert_goes_by_settled_states(world: World) -> None:
    world.seed(
        attributes=["use,number,,"],
        health_rules=["everyone,service,poor,1,use,<,3,"],
        alert_rules=["turned,service,average,poor,,,,high,Call"],
    )
    world.write(
        world.seeds_dir / "segments.csv",
        "segment_id,segment_name,priority,is_default,settle_days,good_from,poor_below,description",
        ["everyone,Everyone,9,true,2,,,"],
    )
    world.raw(
        "account_attributes",
        "account_id,attribute,recorded_at,value",
        ["a1,use,2026-11-01,5", "a1,use,2026-11-17 10:00,1"],
    )
    tables = world.calculate(date(2026, 11, 12), DAY)
    [alert] = tables["health_alerts"].to_dict("records")
    # Poor from the 18th on, and so on the third date in a row on the 20th.
    assert (alert["health_date"], alert["from_state"]) == (date(2026, 11, 20), "average")
    [change] = [
        row for row in tables["health_changes"].to_dict("records") if row["pillar_id"] == "service"
    ]
    assert change["health_date"] == date(2026, 11, 18)


# override_outcomes


def test_what_became_of_overrides(world: World) -> None:
    """o1 applies until o2 comes; a2 left on the 90th day from o3's, a3 a day later; o5's go on."""
    world.raw(
        "accounts",
        f"{ACCOUNT_COLUMNS},churned_at",
        [
            "a1,Acme,2026-01-01,",
            "a2,B,2026-01-01,2026-10-29",
            "a3,C,2026-01-01,2026-10-30",
        ],
    )
    world.raw(
        "health_overrides",
        "override_id,account_id,pillar_id,state,reason,author,created_at,expires_at",
        [
            "o1,a1,overall,poor,r,a,2026-11-19 08:00,",
            "o2,a1,overall,good,r,a,2026-11-21,",
            "o3,a2,overall,poor,r,a,2026-08-01 23:00,2026-08-02",
            "o4,a3,overall,poor,r,a,2026-08-01,2026-08-02",
            "o5,a2,overall,poor,r,a,2026-10-01,2026-10-02",
            "o6,a3,overall,poor,r,a,2026-11-01,",
        ],
    )
    rows = world.calculate(date(2026, 11, 20), DAY)["override_outcomes"]
    found = {
        row["override_id"]: (
            *(row["first_applied_on"], row["last_applied_on"]),
            *(row["calculated_state_at_start"], row["left_within_90_days"]),
        )
        for row in rows.to_dict("records")
    }
    assert found == {
        "o1": (date(2026, 11, 20), date(2026, 11, 21), "not_calculated", None),
        "o2": (DAY, DAY, "not_calculated", None),
        "o3": (None, None, None, True),
        "o4": (None, None, None, False),
        "o5": (None, None, None, None),
        "o6": (None, None, None, None),
    }


# Measures of metrics: docs/measures.md


METRIC_COLUMNS = (
    "metric_id,pillar_id,measure,window_days,base_metric,peer_attribute,dimension,dimension_values"
)


def test_a_change_is_worked_out_as_if_the_earlier_day_were_the_health_date(world: World) -> None:
    """On 2026-11-12, ten days before, the window of ten days had events of two users, and of three
    on the health date; the lifetime had ended, too, and the last event was a day old."""
    lines = [
        "2026-11-01,ann",  # the day before the earlier window
        "2026-11-02,ann",
        "2026-11-11,ben",
        "2026-11-12,ann",
        "2026-11-20,cid",
        "2026-11-21,dan",
    ]
    world.raw(
        "events",
        "event_id,account_id,feature,occurred_at,user_id",
        [f"e{number},a1,report,{line}" for number, line in enumerate(lines)],
    )
    world.write(
        world.seeds_dir / "metrics.csv",
        METRIC_COLUMNS,
        [
            "users,service,active_users,10,,,,",
            "events,service,events,,,,,",
            "last,service,days_since_last_event,,,,,",
            "renewal,service,days_to_renewal,,,,,",
            "users_change,service,metric_change,10,users,,,",
            "users_ratio,service,metric_change_ratio,10,users,,,",
            "events_change,service,metric_change,10,events,,,",
            "last_ratio,service,metric_change_ratio,10,last,,,",
            "none_before,service,metric_change_ratio,30,users,,,",
            "all_new,service,metric_change,30,users,,,",
            "renewal_change,service,metric_change,10,renewal,,,",
            "before_creation,service,metric_change,326,events,,,",
            "on_creation,service,metric_change,325,events,,,",
        ],
    )
    assert world.values() == {
        "users": 3,
        "events": 6,
        "last": 1,
        "users_change": 1,
        "users_ratio": 0.5,
        "events_change": 3,
        "last_ratio": 0,
        "all_new": 3,
        "on_creation": 6,  # 2026-01-01, the day of created_at
    }


def test_a_deviation_is_from_the_median_of_the_peers(world: World) -> None:
    """The page's five accounts in one region; with another that is created on the date, one
    without a region, and five of another region, three of which have the same."""
    tickets = {"a1": 1, "a2": 2, "a3": 3, "a4": 4, "a5": 20, "new": 9, "nowhere": 2}
    tickets |= {"b1": 2, "b2": 2, "b3": 2, "b4": 5, "b5": 6}
    regions = {**dict.fromkeys(("a1", "a2", "a3", "a4", "a5", "new"), "eu"), "nowhere": ""}
    world.raw(
        "accounts",
        "account_id,account_name,created_at,region",
        [
            f"{account},{account},{DAY if account == 'new' else '2026-01-01'},"
            f"{regions.get(account, 'us')}"
            for account in tickets
        ],
    )
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at,priority",
        [
            f"{account}-{number},{account},2026-11-01,low"
            for account, count in tickets.items()
            for number in range(count)
        ],
    )
    world.write(
        world.seeds_dir / "metrics.csv",
        METRIC_COLUMNS,
        [
            "tickets,service,tickets_created,,,,,",
            "of_region,service,peer_deviation,,tickets,region,,",
            "of_all,service,peer_deviation,,tickets,,,",
        ],
    )
    metrics = world.calculate()["pillar_metrics_history"]
    found = {
        metric: dict(zip(rows["account_id"], rows["value"], strict=True))
        for metric, rows in metrics.groupby("metric_id")
    }
    assert found["of_region"] == {"a1": -2, "a2": -1, "a3": 0, "a4": 1, "a5": 17}
    # Of all but the new one: 1 2 2 2 2 2 3 4 5 6 20, median 2, distances 1 0 0 0 0 0 1 2 3 4 18.
    assert found["of_all"] == {
        "a1": -1,
        "a2": 0,
        "a3": 1,
        "a4": 2,
        "a5": 18,
        "nowhere": 0,
        "b1": 0,
        "b2": 0,
        "b3": 0,
        "b4": 3,
        "b5": 4,
    }
