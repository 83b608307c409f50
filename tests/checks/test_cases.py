"""Inputs that failed before, each of which stands for a kind: the folders of `cases` beside the
checkout, where they are there, and our own copies of the rows that matter.

Rows are validated with the SQL that dbt runs (`orchestration/dbt_runner/dbt_macros.py`), without
the rest of a run.
"""

import gzip
import shutil
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from pipeline import PROJECT, ROOT, Warehouse

from orchestration.dbt_runner.dbt_build import copied_project
from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.dbt_runner.wrong_configuration import refuse_wrong_configuration
from orchestration.raw_reader import read_folder

CASES = ROOT.parent / "shared" / "cases"
ACCOUNTS = "account_id,account_name,created_at\na1,Alpha,2024-01-01\na2,Beta,2024-01-01\n"


def case(name: str) -> Path:
    folder = CASES / name
    if not folder.exists():
        pytest.skip(f"the folder cases/{name} is not there")
    return folder / "raw" if (folder / "raw").exists() else folder


def validated(raw: Path, table: str, columns: str, project: Path = PROJECT) -> list[tuple]:
    """Rows of a raw table as the pipeline validates them, ordered."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create table config_pillars as select 'service' as pillar_id")
        macros = DbtMacros(
            connection, project=project, raw_folder=raw, dates=(date(2024, 3, 15),) * 2
        )
        for ids in ("accounts", "exchange_rates"):
            connection.execute(
                f"create table known_{ids} as select * from ({macros.validated_rows(ids)})"
                " where rejected_reason is null"
            )
        given = {} if table in ("accounts", "exchange_rates") else {"accounts": "known_accounts"}
        if table in ("subscriptions", "invoices"):
            given["rates"] = "known_exchange_rates"
        sql = macros.validated_rows(table, **given)
        return connection.execute(f"select {columns} from ({sql}) order by all").fetchall()


def test_absent_optional_columns_are_no_fault() -> None:
    raw = case("01_optional_column_absent")
    assert validated(raw, "tickets", "ticket_id, solved_at is null, rejected_reason") == [
        ("k1", False, None),
        ("k2", True, None),
    ]
    assert validated(raw, "invoices", "due_at, rejected_reason") == [(None, None)]


def test_files_are_read_or_named() -> None:
    found = read_folder(case("02_files_silently_not_read"))
    assert found.tables.keys() == {"accounts", "events", "invoices", "tickets"}
    named = {file.file for file in found.files if not file.is_read}
    assert {"Subscriptions.csv", "touchpoints (1).csv"} <= named


def test_a_lake_table_is_not_read_as_its_files() -> None:
    problem = read_folder(case("03_delta_folder")).tables["events"].problem
    assert problem and "Delta" in problem and "Export the table" in problem


GOOD_TIMES = {
    "t00": datetime(2024, 3, 1, 13, 6, 7),
    "t01": datetime(2024, 3, 1, 5, 6, 7),
    "t02": datetime(2024, 3, 1, 5, 6, 7),
    "t05": datetime(2024, 3, 1, 5, 6, 7),
    "t06": datetime(2024, 3, 1, 5, 6, 7),
    "t07": datetime(2024, 3, 1, 5, 6),
    "t08": datetime(2024, 3, 1),
    "t09": datetime(2024, 3, 1, 5, 6, 7),
    "t10": datetime(2024, 3, 1),
    "t14": datetime(2024, 3, 1, 5, 6, 7, 123456),
    "t15": datetime(2024, 3, 1, 5, 6, 7),
    "t22": datetime(2024, 3, 1),
    "t23": datetime(2024, 2, 29, 23, 36, 7),
    "t24": datetime(2024, 3, 1, 5, 6, 7),
    "t25": datetime(2024, 3, 1, 5, 6, 7),
    "t26": datetime(2024, 3, 1, 5, 6, 7),
    "t27": datetime(2024, 3, 1, 5, 6, 7),
    "t28": datetime(2024, 3, 1, 5, 6, 7, 123000),
    "t29": datetime(2024, 3, 1),
    "t30": datetime(2024, 3, 1, 5, 6, 7, 123000),
}
MISSING_TIMES = {"t19", "t20", "t21"}


def test_times_as_exports_write_them() -> None:
    rows = validated(case("05_time_formats"), "invoices", "invoice_id, issued_at, rejected_reason")
    times = [row for row in rows if row[0].startswith("t")]
    assert {row[0]: row[1] for row in times if row[2] is None} == GOOD_TIMES
    assert {row[0] for row in times if row[2] == "missing_issued_at"} == MISSING_TIMES
    assert {row[2] for row in times} == {None, "missing_issued_at", "invalid_issued_at"}


def test_numbers_as_exports_write_them() -> None:
    rows = validated(case("05_time_formats"), "invoices", "invoice_id, amount, rejected_reason")
    numbers = [row for row in rows if row[0].startswith("m")]
    assert {row[0]: row[1] for row in numbers if row[2] is None} == {
        "m00": 1200.0,
        "m05": 1200.0,
        "m06": 45.1,
        "m10": 7.0,
        "m11": -5.0,
        "m12": 1200.0,
    }
    assert [row[0] for row in numbers if row[2] == "missing_amount"] == ["m08"]


def test_words_for_nothing_are_no_entry() -> None:
    rows = validated(case("05_time_formats"), "invoices", "invoice_id, due_at, value_issues")
    assert {row[0]: row[2] for row in rows if row[0].startswith("d") and row[2]} == {
        "d06": "value_ignored:implausible_due_at:due_at",
        "d07": "value_ignored:invalid_due_at:due_at",
    }


@pytest.mark.parametrize("name", ["06_utf16", "08_semicolons"])
def test_what_spreadsheets_write_is_read(name: str) -> None:
    rows = validated(case(name), "accounts", "account_id, rejected_reason")
    assert rows == [("a1", None), ("a2", None), ("a3", None)]


def test_one_byte_of_latin_1_names_file_line_and_cure() -> None:
    tables = read_folder(case("14_one_latin1_table_stops_all")).tables
    problem = str(tables["touchpoints"].problem)
    assert "touchpoints.csv, line 3" in problem and "Save the file as UTF-8" in problem
    assert tables["events"].problem is None


def test_backslashes_before_quotes() -> None:
    rows = validated(case("csv_backslash_quotes"), "accounts", "account_name")
    assert rows == [("Beta",), ('Say "hi" Ltd',)]


def test_two_open_quotes_swallow_nothing() -> None:
    problem = read_folder(case("csv_two_open_quotes")).tables["accounts"].problem
    assert problem and "accounts.csv, line 2" in problem


def test_headings_that_differ_in_case_only() -> None:
    rows = validated(case("csv_header_differs_in_case"), "accounts", "account_id, rejected_reason")
    assert rows == [("a1", None)]


def test_double_ids_of_16_digits() -> None:
    rows = validated(
        case("parquet_double_ids_of_16_digits"), "events", "account_id, rejected_reason"
    )
    assert {("1234567890123456", None), ("2000000000000001", None)} <= set(rows)


def test_types_of_times_that_differ_from_file_to_file() -> None:
    rows = validated(
        case("parquet_time_int_and_timestamp"),
        "events",
        "event_id, occurred_at, rejected_reason",
    )
    assert rows[2:] == [
        ("s1", datetime(2026, 11, 18, 11, 6, 40), None),
        ("s2", datetime(2026, 11, 18, 11, 6, 41), None),
    ]
    assert [row[2] for row in rows] == [None] * 4


def test_files_that_spark_has_not_committed_are_no_data() -> None:
    assert read_folder(case("spark_staging_files")).tables["events"].row_count == 2


# Our own ------------------------------------------------------------------------------------------


def write(raw: Path, **tables: str) -> Path:
    raw.mkdir(exist_ok=True)
    for table, text in {"accounts": ACCOUNTS, **tables}.items():
        (raw / f"{table}.csv").write_text(text, encoding="utf-8")
    return raw


TIMES = {
    "2024-3-1": datetime(2024, 3, 1),
    "2024/03/1 7:05": datetime(2024, 3, 1, 7, 5),
    "2024-03-01   07:05:06,1234567 gmt": datetime(2024, 3, 1, 7, 5, 6, 123456),
    "20240301T07:05z": datetime(2024, 3, 1, 7, 5),
    "2024-03-01T07:05:06-00:30": datetime(2024, 3, 1, 7, 35, 6),
    "2024-03-01t07:05+0130utc": datetime(2024, 3, 1, 5, 35),
    "2024-03-01 07:05 +23:59 Utc": datetime(2024, 2, 29, 7, 6),
    "2024-03-01 23:59:59.9999999": datetime(2024, 3, 1, 23, 59, 59, 999999),
    "1709269567123456": datetime(2024, 3, 1, 5, 6, 7, 123456),
    "2024-03/01": None,
    "2024-03-01Z": None,
    "2024-03-01 7": None,
    "2024-03-01 07:5": None,
    "2024-03-01 07:05:06.": None,
    "2024-03-01 07:05+24": None,
    "2024-03-01 07:05+01:60": None,
    "2024-03-01T 07:05": None,
    "2024-13-01": None,
    "2023-02-29": None,
    "170926956": None,
    "-1709269567": None,
    "+1709269567": None,
    "1709269567.0": None,
    "202403": None,
    "24-03-01": None,
    "٢٠٢٤-03-01": None,
}


def test_times_and_near_misses(tmp_path: Path) -> None:
    lines = [f'i{number},a1,1,"{text}"' for number, text in enumerate(TIMES)]
    raw = write(tmp_path, invoices="invoice_id,account_id,amount,issued_at\n" + "\n".join(lines))
    rows = dict(validated(raw, "invoices", "invoice_id, issued_at"))
    assert {text: rows[f"i{number}"] for number, text in enumerate(TIMES)} == TIMES


NUMBERS = {
    "1,234": 1234.0,
    "-12,345,678.5e-1": -1234567.85,
    "+999,000.": 999000.0,
    ".5": 0.5,
    "1,23": None,
    "1234,567": None,
    "0,123": None,
    "1,234,56": None,
    "1,2345": None,
    "1e999": None,
    "0x10": None,
    "1 000": None,
}


def test_numbers_and_near_misses(tmp_path: Path) -> None:
    lines = [f'i{number},a1,"{text}",2024-01-01' for number, text in enumerate(NUMBERS)]
    raw = write(tmp_path, invoices="invoice_id,account_id,amount,issued_at\n" + "\n".join(lines))
    rows = dict(validated(raw, "invoices", "invoice_id, amount"))
    assert {text: rows[f"i{number}"] for number, text in enumerate(NUMBERS)} == NUMBERS


@pytest.mark.parametrize("word", ["null", "NONE", "n/a", "NA", "NaN", "\\N", "-"])
def test_each_word_for_nothing(tmp_path: Path, word: str) -> None:
    raw = write(
        tmp_path,
        invoices=f"invoice_id,account_id,amount,issued_at,due_at\n{word},a1,{word},2024-01-01,\n"
        f"i,a1,1,{word},\nj,a1,1,2024-01-01,{word}\n",
    )
    rows = validated(raw, "invoices", "invoice_id, rejected_reason, value_issues")
    assert sorted(rows) == sorted(
        [
            (word, "missing_amount", None),
            ("i", "missing_issued_at", None),
            ("j", None, None),
        ]
    )


def test_amounts_of_a_currency_without_rate_are_rejected(tmp_path: Path) -> None:
    raw = write(
        tmp_path,
        exchange_rates="currency,rate_on,rate\nusd,2024-01-01,0.9\nGBP,2024-01-01,0\n"
        "CHF,2024-01-01 10:00,1\nCHF,2024-01-01 11:00,2\n",
        subscriptions="subscription_id,account_id,plan_id,mrr,started_at,currency\n"
        "1,a1,p,1,2024-01-01,USD\n2,a1,p,1,2024-01-01,gbp\n3,a1,p,1,1999-01-01,EUR\n"
        "4,a1,p,-1,2024-01-01,\n5,ghost,p,1,2024-01-01,EUR\n6,a1,p,1,2024-01-01,cHf\n",
    )
    assert validated(raw, "subscriptions", "subscription_id, rejected_reason") == [
        ("1", None),
        ("2", "unknown_currency"),
        ("3", "unknown_currency"),
        ("4", "out_of_range_mrr"),
        ("5", "unknown_currency"),
        ("6", None),
    ]
    assert validated(raw, "exchange_rates", "currency, record_time, rejected_reason") == [
        ("CHF", datetime(2024, 1, 1, 10), "duplicate_key"),
        ("CHF", datetime(2024, 1, 1, 11), None),
        ("GBP", datetime(2024, 1, 1), "out_of_range_rate"),
        ("USD", datetime(2024, 1, 1), None),
    ]


def declared(tmp_path: Path, *rows: str) -> Path:
    """A project beside seeds that declare raw values."""
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    lines = ["table_name,column_name,raw_value,time_format,value", *rows]
    (seeds / "raw_values.csv").write_text("\n".join(lines))
    return copied_project(tmp_path / "checkout", seeds)


def test_declared_values_and_time_formats(tmp_path: Path) -> None:
    project = declared(
        tmp_path,
        "tickets,priority,p1,,urgent",
        "tickets,priority,urgent,,low",  # once: what P1 became stays
        "tickets,priority,none,,",
        "tickets,csat_score,Good,,5",
        "tickets,created_at,,%d/%m/%Y,",
        "tickets,created_at,,%d/%m/%Y %H:%M %z,",
        "tickets,account_id,alpha,,a1",
    )
    raw = write(
        tmp_path / "raw",
        tickets="ticket_id,account_id,created_at,priority,csat_score\n"
        "1,Alpha,01/02/2024, P1 ,GOOD\n"
        "1,a1,01/02/2024,urgent,5\n"
        "2,a1,01/02/2024 10:00 +0200,NONE,bad\n"
        "3,a1,2024-02-01,high,4\n",
    )
    rows = validated(
        raw,
        "tickets",
        "ticket_id, created_at, priority, csat_score, rejected_reason, value_issues",
        project,
    )
    assert rows == [
        ("1", datetime(2024, 2, 1), "low", 5.0, "duplicate_key", None),
        ("1", datetime(2024, 2, 1), "urgent", 5.0, None, None),
        (
            *("2", datetime(2024, 2, 1, 8), None, None, None),
            "value_ignored:invalid_csat_score:csat_score",
        ),
        ("3", datetime(2024, 2, 1), "high", 4.0, None, None),
    ]


def test_each_optional_column_may_be_absent(tmp_path: Path) -> None:
    """Also through gzip, where a copy is read."""
    text = "ticket_id,account_id,created_at\n1,a1,2024-01-01\n"
    raw = write(tmp_path)
    (raw / "tickets.csv.gz").write_bytes(gzip.compress(text.encode()))
    rows = validated(raw, "tickets", "* exclude (record_time)")
    assert rows[0][:3] == ("1", "a1", datetime(2024, 1, 1))
    assert set(rows[0][3:]) == {None, "1"}


def test_a_file_that_a_configuration_lacks_is_an_empty_one(tmp_path: Path) -> None:
    """As in an older revision or folder that is compared or linted."""
    shutil.copytree(ROOT / "seeds", tmp_path / "seeds")
    for name in ("raw_values.csv", "milestones.csv", "alert_rules.csv"):
        (tmp_path / "seeds" / name).unlink()
    write(tmp_path / "raw")
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", tmp_path / "raw", tmp_path / "seeds")
    warehouse.calculate(date(2024, 3, 15))
    assert warehouse.query("select count(*) from configuration.config_milestones") == [(0,)]
    refuse_wrong_configuration(tmp_path / "seeds")
