"""How the reference reads files, declared values and money: tiny inputs worked out by hand.

docs/raw_tables.md, "Files", "How values are read" and "Money".
"""

import gzip
import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reference import calculate
from reference.declared_values import wrong_rows
from reference.raw_files import RawRows, read_table
from reference.raw_tables import raw_tables
from small_world import ACCOUNT_COLUMNS as HEADER
from small_world import World

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "cases"
TABLES = {table.name: table for table in raw_tables()}
FIRST = {"account_id": "a1", "account_name": "Acme", "created_at": "2026-01-01"}
SECOND = {"account_id": "a2", "account_name": "Beta", "created_at": "2026-01-02"}


def rows(*records: dict[str, str]) -> list[list[str]]:
    return [list(record.values()) for record in records]


def read(folder: Path, content: str | bytes, name: str = "accounts.csv") -> RawRows:
    """The accounts, from one file with this content."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(folder, TABLES["accounts"])


def names(folder: Path, *lines: str, header: str = HEADER) -> list[str | None]:
    """The names of the accounts of a CSV file."""
    found = read(folder, "\n".join((header, *lines)))
    assert found.problem is None, found.problem
    return [row.get("account_name") for row in found.rows]


def problem(folder: Path, *lines: str, header: str = HEADER) -> str:
    found = read(folder, "\n".join((header, *lines)))
    assert found.rows is None
    return found.problem or ""


def write_parquet(path: Path, **columns: Sequence[object] | pa.Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


# Forms of files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("above", ["", "sep=;\n", '"sep=,"\r\n', "SEP=\t\n"])
@pytest.mark.parametrize("ending", ["csv", "tsv", "CSV", "csv.gz", "Tsv.GZ"])
def test_separated_text(tmp_path: Path, separator: str, above: str, ending: str) -> None:
    header = [*HEADER.split(","), '"Notes, more; and\t|"']
    lines = [separator.join(cells) for cells in (header, FIRST.values())]
    content = (above + "\n".join(lines)).encode("utf-8-sig")
    if ending.lower().endswith("gz"):
        content = gzip.compress(content)
    assert read(tmp_path, content, f"accounts.{ending}").rows == [FIRST]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith("e") else ""
    content = f"{mark}{HEADER}\r\na1,Bêta 株,2026-01-01\r\n".encode(encoding)
    assert read(tmp_path, content).rows == [{**FIRST, "account_name": "Bêta 株"}]


@pytest.mark.parametrize("name", ["accounts.jsonl", "accounts.ndjson", "accounts.NDJSON.gz"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    content = f"{json.dumps(FIRST)}\n\n{json.dumps(SECOND)}\r\n".encode()
    packed = gzip.compress(content) if name.endswith("gz") else content
    assert read(tmp_path, packed, name).rows == [FIRST, SECOND]


def test_lists_of_objects(tmp_path: Path) -> None:
    """Typed values become their text; of a name that is there twice the first counts."""
    text = (
        '[{"Account_ID": 7.0, "account_id": "x", "account_name": true,\n "created_at": 1709269567},'
        ' {"account_id": 12, "account_name": 7.50, "created_at": null, "more": {"a": [1]}}]'
    )
    found = read(tmp_path, text, "accounts.json")
    assert found.rows == [
        {"account_id": "7", "account_name": "true", "created_at": "1709269567"},
        {"account_id": "12", "account_name": "7.50"},
    ]
    assert found.columns == {"account_id", "account_name", "created_at"}
    assert found.files[0].ignored == ["account_id", "more"]


@pytest.mark.parametrize("name", ["accounts.json", "accounts.jsonl"])
def test_json_without_objects_is_a_table_without_rows(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, "[]" if name.endswith("json") else "\n\n", name)
    assert found.rows == []
    assert found.problem is None


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("accounts.csv", HEADER.encode() + b"\na1,caf\xe9,2026-01-01", "line 2: it is not UTF-8"),
        ("accounts.csv.gz", gzip.compress(HEADER.encode(), mtime=0)[:-9], "unpacked"),
        ("accounts.csv.gz", HEADER.encode(), "unpacked"),
        ("accounts.jsonl", b'{"account_id": 1}\n{"account_id"', "line 2"),
        ("accounts.jsonl", b"[1]\n", "line 1"),
        ("accounts.json", b"[1, 2]", "list of objects"),
        ("accounts.json", b'{"account_id": 1}', "list of objects"),
        ("accounts.json", b'{"account_id": 1}\n{"account_id": 2}', "list of objects"),
        ("accounts.parquet", b"PAR1 and no more", "no whole Parquet file"),
        ("accounts.csv", b"\n \n", "no header line"),
        ("accounts.csv", b"account_id,account_name\na1,Acme", "lacks the column created_at"),
        ("accounts.json", b'[{"account_id": 1}]', "lacks the column account_name, created_at"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    found = read(tmp_path, content, name)
    assert found.rows is None
    assert name in (found.problem or "")
    assert told in (found.problem or "")


# Records ------------------------------------------------------------------------------------------


def test_quotes_by_the_standard(tmp_path: Path) -> None:
    """Line breaks, separators and doubled quotes inside; an empty line is no record."""
    assert names(
        tmp_path,
        'a1,"two\r\nlines, ""one"" cell",2026-01-01',
        "",
        'a2,"",2026-01-01',
        '"a3","""",2026-01-01',
        "   ",
    ) == ['two\r\nlines, "one" cell', None, '"']


def test_backslashes_before_quotes(tmp_path: Path) -> None:
    r"""`\\` is a backslash there; any other backslash stays."""
    lines = [r'a1,"Say \"hi\" Ltd",2026-01-01', r'a2,"C:\dir\\",2026-01-01', r"a3,\n,2026-01-01"]
    lines.append(r'a4,"x ""y"" \"z\"" ,2026-01-01')
    assert names(tmp_path, *lines) == ['Say "hi" Ltd', "C:\\dir\\", r"\n", 'x "y" "z"']


def test_backslashes_are_characters_where_the_standard_is_kept(tmp_path: Path) -> None:
    assert names(tmp_path, r'a1,"C:\",2026-01-01', r'a2,"x ""y""",2026-01-01') == [
        "C:\\",
        'x "y"',
    ]


def test_a_quote_inside_an_unquoted_cell_is_a_character(tmp_path: Path) -> None:
    assert names(tmp_path, 'a1,5" pipe,2026-01-01', 'a2, "x",2026-01-01') == ['5" pipe', '"x"']


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (('a1,"Acme,2026-01-01', "a2,Beta,2026-01-01"), 2),
        # Two rows are open: behind the second quote there is text.
        (('a1,"Acme,2026-01-01', "a2,Beta,2026-01-01", 'a3,"Gamma,2026-01-01'), 2),
        # It parses, and two rows would be gone: each line could be a row.
        (("a0,Zero,2026-01-01", 'a1,"Acme,2026-01-01', 'a2,Beta",2026-01-01'), 3),
        (('a1,"Acme,2026-01-01', "a2,Beta,2026-01-01", 'a3,Gamma",2026-01-01'), 2),
        (('a1,"Acme" Ltd,2026-01-01',), 2),
        (("a1,Acme,2026-01-01", "a2,Beta,2026-01-01,more"), 3),
        # By the standard two records, with backslashes one.
        (("a1,Acme,2026-01-01", r'a2,"2026\"', r'\"x",2026-01-02'), 3),
    ],
)
def test_whatever_leaves_a_rows_end_in_doubt(
    tmp_path: Path, lines: Sequence[str], line: int
) -> None:
    assert f"accounts.csv: line {line}:" in problem(tmp_path, *lines)


@pytest.mark.parametrize(
    ("lines", "names_found"),
    [
        # Rows as short as the others: in doubt.
        (("a0,Zero,2026-01-01", 'a1,"Acme,2026-01-01', 'a2,Beta",2026-01-01'), None),
        # A row that has a quoted value of its own.
        (('a1,"Acme,2026-01-01,,', 'a2,", Inc",2026-01-02,,', 'a3,Gamma",2026-01-03,,'), None),
        # With blank lines between, in rows with more separators than the header, without a time.
        (('a1,"Acme,2026-01-01,,,,', "", 'a2,Beta",2026-01-02,,,,'), None),
        (('a1,"Acme,soon,,', "a2,Beta,2026-01-02,,", 'a3,Gamma",later,,'), None),
        (('a1,"Acme,soon,,', 'a2,Beta",later,,'), None),
        # A time in a format that only raw_values.csv knows.
        (('a1,"Acme,31.12.2026', 'a2,Beta",30.12.2026'), None),
        # No doubt: one of the lines is no row.
        (('a1,"Acme', '2026-01-01",2026-01-02,,'), ["Acme\n2026-01-01"]),
        (('a1,"Acme', "", 'of 2026",2026-01-02'), ["Acme\n\nof 2026"]),
        (('a1,"Acme, Inc', 'Berlin, Germany",2026-01-01,,'), ["Acme, Inc\nBerlin, Germany"]),
    ],
)
def test_lines_that_could_be_rows(
    tmp_path: Path, lines: Sequence[str], names_found: list[str] | None
) -> None:
    header = f"{HEADER},region,churned_at"
    if names_found is None:
        assert "a quote" in problem(tmp_path, *lines, header=header)
    else:
        assert names(tmp_path, *lines, header=header) == names_found


def test_rows_in_a_heading(tmp_path: Path) -> None:
    header = f'{HEADER},"region'
    assert "header" in problem(
        tmp_path, "a1,Acme,2026-01-01,EU", 'a2,B,2026-01-01,"', header=header
    )


def test_rows_shorter_and_longer_than_the_header(tmp_path: Path) -> None:
    lines = ["a1,Acme,2026-01-01,,, ,", "a2,Beta", ",,"]
    assert names(tmp_path, *lines) == ["Acme", "Beta", None]


def test_headings_in_any_case_and_twice(tmp_path: Path) -> None:
    found = read(tmp_path, "ACCOUNT_ID,Notes,account_name ,notes,account_id,Created_At\na,,b,,c,d")
    assert found.rows == [{"account_id": "a", "account_name": "b", "created_at": "d"}]
    assert found.files[0].columns == ["account_id", "account_name", "created_at"]
    assert found.files[0].ignored == ["Notes", "notes", "account_id"]


# Folders ------------------------------------------------------------------------------------------


def test_a_folder_of_many_forms(tmp_path: Path) -> None:
    """At any depth; hidden ones and what writers leave behind are no data."""
    folder = tmp_path / "accounts"
    read(tmp_path, f"{HEADER}\na1,Acme,2026-01-01\n", "accounts/part-0.csv")
    read(tmp_path, json.dumps(SECOND), "accounts/x/y/rows.jsonl")
    read(tmp_path, "no parquet", "accounts/_temporary/0/part.parquet")
    read(tmp_path, "no parquet", "accounts/.part.parquet")
    read(tmp_path, "", "accounts/empty.parquet")
    read(tmp_path, "words", "accounts/readme.txt")
    write_parquet(
        folder / "typed.parquet",
        account_name=["Gamma"],
        account_id=pa.array([7.0]),
        created_at=pa.array([date(2026, 1, 3)]),
    )
    found = read_table(tmp_path, TABLES["accounts"])
    assert found.rows == [
        FIRST,
        {"account_id": "7", "account_name": "Gamma", "created_at": "2026-01-03"},
        SECOND,
    ]
    assert [file.path for file in found.files] == [
        "accounts/part-0.csv",
        "accounts/typed.parquet",
        "accounts/x/y/rows.jsonl",
    ]


def test_partitions(tmp_path: Path) -> None:
    """A key in any case, decoded; the file's own column comes first."""
    line = "account_name,created_at\nAcme,2026-01-01\n"
    read(tmp_path, line, "accounts/ACCOUNT_ID=a%201/region=__HIVE_DEFAULT_PARTITION__/x.csv")
    read(tmp_path, line, "accounts/account_id=a2/Region=E%2FU/x.csv")
    read(tmp_path, f"{HEADER}\nown,,2026-01-01\n", "accounts/account_id=a3/x.csv")
    found = read_table(tmp_path, TABLES["accounts"])
    acme = {"account_name": "Acme", "created_at": "2026-01-01"}
    assert found.rows == [
        {"account_id": "a 1", **acme},
        {"account_id": "a2", "region": "E/U", **acme},
        {"account_id": "own", "created_at": "2026-01-01"},
    ]
    assert "region" in found.columns


def test_one_file_that_lacks_a_required_column_spoils_the_table(tmp_path: Path) -> None:
    read(tmp_path, f"{HEADER}\na1,Acme,2026-01-01\n", "accounts/a.csv")
    read(tmp_path, "account_id,account_name\n", "accounts/b.csv")
    found = read_table(tmp_path, TABLES["accounts"])
    assert found.problem == "accounts/b.csv: it lacks the column created_at"


def test_a_link_is_followed_but_not_in_circles(tmp_path: Path) -> None:
    read(tmp_path, f"{HEADER}\na1,Acme,2026-01-01\n", "elsewhere/a.csv")
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts" / "day=1").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "again").symlink_to(tmp_path / "accounts")
    (row,) = read_table(tmp_path, TABLES["accounts"]).rows
    assert row == {**FIRST, "day": "1"}


@pytest.mark.parametrize(
    ("log", "is_log"),
    [
        ("_delta_log/00000000000000000000.json", True),
        ("metadata/v1.metadata.json", True),
        ("metadata/rows.csv", False),
    ],
)
def test_table_formats_are_not_read_as_parquet(tmp_path: Path, log: str, is_log: bool) -> None:
    read(tmp_path, f"{HEADER}\na1,Acme,2026-01-01\n", f"accounts/{log}")
    write_parquet(tmp_path / "accounts/data/x.parquet", **{k: [v] for k, v in SECOND.items()})
    found = read_table(tmp_path, TABLES["accounts"])
    if is_log:
        assert found.rows is None
        assert "export" in (found.problem or "")
    else:
        assert found.rows == [SECOND, FIRST]


def test_a_table_twice(tmp_path: Path) -> None:
    """Not by files of 0 bytes, folders without data, other cases or other endings."""
    text = f"{HEADER}\na1,Acme,2026-01-01\n"
    for name in ("accounts.json", "accounts/x.parquet", "accounts/_x.csv", "accounts.TSV"):
        read(tmp_path, "", name)
    read(tmp_path, gzip.compress(b""), "accounts.tsv.gz")
    for name in ("Accounts.csv", "accounts (1).csv", "accounts.xlsx", "accounts.csv.bak"):
        read(tmp_path, text, name)
    assert read(tmp_path, text, "accounts.Csv").rows == [FIRST]
    found = read(tmp_path, gzip.compress(text.encode()), "accounts.csv.gz")
    assert found.rows is None
    assert "accounts.Csv" in (found.problem or "")
    assert "accounts.csv.gz" in (found.problem or "")


def test_types_differ_from_file_to_file(tmp_path: Path) -> None:
    """Each value as its own file has it; whole doubles up to 2^53 are their digits."""
    ids = [
        ("a", pa.array([1234567890123456.0, 9007199254740992.0, 0.5])),
        ("b", pa.array([7, 8, 9])),
        ("c", pa.array(["007", "7.0", None])),
    ]
    for name, values in ids:
        write_parquet(
            tmp_path / f"accounts/{name}.parquet",
            account_id=values,
            account_name=["Acme"] * 3,
            created_at=pa.array([datetime(2026, 1, 1, 12)] * 3, pa.timestamp("us")),
        )
    found = read_table(tmp_path, TABLES["accounts"])
    assert [row.get("account_id") for row in found.rows] == [
        *("1234567890123456", "9007199254740992", "0.5"),
        *("7", "8", "9"),
        *("007", "7.0", None),
    ]


def test_what_does_not_fit_the_kind_is_invalid(world: World) -> None:
    """A time in a column of numbers, a boolean in one of times; digits of a time are read."""
    write_parquet(
        world.raw_dir / "tickets" / "a.parquet",
        ticket_id=["t1", "t2"],
        account_id=["a1", "a1"],
        created_at=pa.array([1795000000, 20261118]),
        reopens=pa.array([datetime(2026, 1, 1)] * 2, pa.timestamp("us")),
    )
    write_parquet(
        world.raw_dir / "tickets" / "b.parquet",
        ticket_id=["t3"],
        account_id=["a1"],
        created_at=pa.array([True]),
        reopens=pa.array([2.0]),
    )
    assert world.rejected() == [
        ("tickets", "t1", "invalid_reopens"),
        ("tickets", "t2", "invalid_reopens"),
        ("tickets", "t3", "invalid_created_at"),
    ]


# Tables that cannot be read -----------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_unreadable_table_counts_as_absent(world: World) -> None:
    world.raw("tickets", "ticket_id,account_id,created_at", ["t1,a1,2026-11-01,2026-11-02"])
    world.metrics("tickets_created", "touchpoints")
    world.seed(
        score_rules=[
            "everyone,service,account_age_days,1,>,5,,,",
            "everyone,relationship,account_age_days,1,>,5,,,",
        ],
        pillar_sources=["service,tickets", "relationship,touchpoints", "relationship,accounts"],
    )
    statuses = world.calculate()["source_status"].set_index("table_name")["status"]
    assert statuses["tickets"] == "unreadable"
    assert statuses["touchpoints"] == "absent"
    assert world.values() == {}
    assert world.pillar("service")["reason"] == "source_unavailable"
    assert world.pillar("relationship")["score"] == 10


def test_accounts_that_cannot_be_read_stop_the_run(world: World) -> None:
    world.raw("accounts", "account_id,account_name", ["a1,Acme"])
    with pytest.raises(FileNotFoundError, match="lacks the column created_at"):
        world.calculate()


def test_raw_files_names_what_was_read_and_what_was_not(world: World) -> None:
    world.raw("tickets", "ticket_id,account_id,created_at,Mood", ["t1,a1,2026-11-01,"])
    world.raw("users", "user_id", [])
    for name in ("Tickets.csv", "touchpoints (1).csv", "notes.txt"):
        (world.raw_dir / name).touch()
    files = world.calculate()["raw_files"]
    assert files[["table_name", "file", "row_count", "is_read"]].values.tolist() == [
        ["accounts", "accounts.csv", 1, True],
        ["users", "users.csv", 0, False],
        ["tickets", "tickets.csv", 1, True],
        ["tickets", "Tickets.csv", None, False],
        [None, "notes.txt", None, False],
        ["touchpoints", "touchpoints (1).csv", None, False],
    ]
    tickets = files.set_index("file").loc["tickets.csv"]
    assert json.loads(tickets["columns_read"]) == ["ticket_id", "account_id", "created_at"]
    assert json.loads(tickets["columns_ignored"]) == ["Mood"]


# Declared values ----------------------------------------------------------------------------------


def test_declared_values_come_before_anything_else(world: World) -> None:
    """P1 becomes urgent, `good` a 5, `gone` nothing; once only; then the two rows are copies."""
    world.seed(
        raw_values=[
            "tickets,priority,P1,,urgent",
            "tickets,priority,urgent,,low",
            "tickets,csat_score,Good,,5",
            "tickets,solved_at,gone,,",
            "tickets,created_at,,%d.%m.%Y,",
        ]
    )
    world.raw(
        "tickets",
        "ticket_id,account_id,created_at,priority,csat_score,solved_at",
        [
            "t1,a1,1.11.2026,p1,GOOD,Gone",
            "t1,a1,1.11.2026, P1 ,5,",
            "t2,a1,2026-11-02,Urgent,4,2026-11-03",
        ],
    )
    world.metrics(
        "open_tickets,,priority,urgent", "tickets_created,,priority,low", "tickets_solved"
    )
    assert world.values() == {"open_tickets": 1, "tickets_created": 1, "tickets_solved": 1}
    assert world.rejected() == []


def test_wrong_declared_values() -> None:
    columns = ("table_name", "column_name", "raw_value", "time_format", "value")
    wrong = [
        ("ticket", "priority", "P1", None, "urgent"),
        ("tickets", "severity", "P1", None, "urgent"),
        ("tickets", "priority", None, None, "urgent"),
        ("tickets", "solved_at", "soon", "%Y", None),
        ("tickets", "priority", None, "%Y", None),
        ("tickets", "solved_at", None, "%Y", "2026-01-01"),
        ("tickets", "priority", "p2", None, "low"),
        ("tickets", "solved_at", None, "%d/%m/%Y", None),
        ("tickets", "solved_at", None, "%d.%m.%Y %Z", None),
        ("tickets", "solved_at", None, "%G-%V-%u", None),
        ("tickets", "solved_at", None, "%-Y", None),
        ("tickets", "solved_at", None, "%Y%", None),
        ("tickets", "solved_at", None, "%H:%M", None),
        ("tickets", "solved_at", None, "100 %%Y", None),
    ]
    right = [
        ("tickets", "priority", "P2", None, "high"),
        ("tickets", "ticket_id", "x", None, None),
        ("exchange_rates", "rate_on", None, "%d/%m/%Y", None),
        ("tickets", "solved_at", None, "%d/%m/%Y", None),
        ("tickets", "solved_at", None, "%-d%% %b %y, %-I:%M %p", None),
        ("tickets", "solved_at", None, "%c", None),
    ]
    listed = [dict(zip(columns, row, strict=True)) for row in right + wrong]
    found = [tuple(row.values()) for row in wrong_rows(listed, raw_tables())]
    assert found == wrong


# Money --------------------------------------------------------------------------------------------


def test_amounts_of_other_currencies(world: World) -> None:
    """The latest rate on or before the day, else the earliest; none at all is a fault."""
    world.raw(
        "exchange_rates",
        "currency,rate_on,rate",
        [
            "usd,2026-03-01,0.5",
            "USD,2026-06-01T15:00,0.25",
            "Usd,2026-06-01T09:00,4",  # the same day, earlier
            "gbp,2026-01-01,0",
            "chf,1999-12-31,2",
        ],
    )
    world.raw(
        "invoices",
        "invoice_id,account_id,amount,issued_at,paid_at,currency",
        [
            "i1,a1,10000,2026-06-01T03:00,,usd",  # 2500 by the rate of that day
            "i2,a1,1000,2026-05-31,,USD",  # 500
            "i3,a1,100,2026-01-01,,Usd",  # 50, by the earliest
            "i4,a1,10,2026-01-01,,GBP",
            "i5,nobody,10,1999-01-01,,CHF",  # before implausible_ and unknown_account
            "i6,a1,x,2026-01-01,,CHF",  # after invalid_
            "i7,a1,1,2026-01-01,,",
            "i8,a1,2,2026-01-01,,eur",
        ],
    )
    world.raw(
        "subscriptions",
        "subscription_id,account_id,plan_id,mrr,started_at,currency",
        ["s1,a1,basic,-1,2026-01-01,usd", "s2,a1,basic,8,2026-01-01,usd"],
    )
    world.metrics("mrr")
    world.seed(metrics=["paid,financial,open_invoices,,,,,", "mrr,financial,mrr,,,,,"])
    tables = world.calculate(reporting_currency="EUR")
    values = tables["pillar_metrics_history"].set_index("metric_id")["value"]
    assert values.to_dict() == {"paid": 5, "mrr": 4}
    assert world.rejected(reporting_currency="EUR") == [
        ("exchange_rates", "Usd|2026-06-01T09:00", "duplicate_key"),
        ("exchange_rates", "chf|1999-12-31", "implausible_rate_on"),
        ("exchange_rates", "gbp|2026-01-01", "out_of_range_rate"),
        ("invoices", "i4", "unknown_currency"),
        ("invoices", "i5", "unknown_currency"),
        ("invoices", "i6", "invalid_amount"),
        ("subscriptions", "s1|2026-01-01", "out_of_range_mrr"),
    ]
    assert ("invoices", "i8", "unknown_currency") in world.rejected()


def test_overdue_amounts_are_worth_what_the_rate_says(world: World) -> None:
    world.raw("exchange_rates", "currency,rate_on,rate", ["usd,2099-01-01,0.5"])
    world.raw(
        "invoices",
        "invoice_id,account_id,amount,issued_at,due_at,paid_at,currency",
        ["i1,a1,30,2026-06-01,2026-07-01,,USD", "i2,a1,7,2026-06-01,2026-07-01,,"],
    )
    world.metrics("overdue_amount")
    assert world.values() == {"overdue_amount": 22}


# Columns that are not there -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "columns", "missing"),
    [
        ("events", "module,product", {"active_users_7", "people"}),
        ("events", "user_id", {"modules_used_7", "events_7"}),
        ("events", "user_id,module,product", set()),
        ("invoices", "paid_at", {"overdue_invoices", "late_payment_ratio_30"}),
        ("invoices", "due_at", {"overdue_invoices", "late_payment_ratio_30", "open_invoices"}),
        ("tickets", "csat_score,csat_at", {"open_tickets", "tickets_solved_7"}),
        ("tickets", "csat_score", {"csat_score_30", "open_tickets", "tickets_solved_7"}),
        ("tickets", "solved_at,csat_at", {"csat_score_30"}),
    ],
)
def test_measures_that_rest_on_a_column_that_is_not_there(
    world: World, table: str, columns: str, missing: set[str]
) -> None:
    """With all columns each of these has a value for an account without rows."""
    required = [column.name for column in TABLES[table].columns if column.is_required]
    header = ",".join([*required, columns])
    world.metrics(
        "events,7,product,crm" if table == "events" else "mrr",
        "modules_used,7",
        "active_users,7",
        "overdue_invoices",
        "open_invoices",
        "open_tickets",
        "tickets_solved,7",
        "tickets_created",
    )
    world.raw(table, header, [])
    always = {"tickets_created"} if table == "tickets" else set()
    of_table = {
        "events": {"events_7", "modules_used_7", "active_users_7"},
        "invoices": {"overdue_invoices", "open_invoices"},
        "tickets": {"open_tickets", "tickets_solved_7"},
    }[table]
    assert set(world.values()) == (of_table - missing) | always


def test_csat_needs_its_score_and_one_of_its_times(world: World) -> None:
    world.metrics("good_csat,30")
    required = "ticket_id,account_id,created_at"
    for columns, has_value in (
        ("csat_score,csat_at", True),
        ("csat_score,solved_at", True),
        ("csat_score", False),
        ("csat_at,solved_at", False),
    ):
        world.raw("tickets", f"{required},{columns}", [])
        assert bool(world.values()) is has_value


def test_a_column_in_one_of_the_files_is_there(world: World) -> None:
    for name, header in (("a", ""), ("b", ",module")):
        path = world.raw_dir / "events" / f"{name}.csv"
        world.write(path, f"event_id,account_id,feature,occurred_at{header}", [])
    world.metrics("modules_used", "events,,product,crm")
    assert world.values() == {"modules_used": 0}


def test_events_of_a_product(world: World) -> None:
    world.raw(
        "events",
        "event_id,account_id,feature,occurred_at,product",
        ["e1,a1,search,2026-11-20,crm", "e2,a1,search,2026-11-20,CRM", "e3,a1,search,2026-11-20,"],
    )
    world.metrics("events,7,product,crm|erp")
    assert world.values() == {"events_7": 1}


# Explanations -------------------------------------------------------------------------------------


def test_clause_holds_when_all_its_conditions_do(world: World) -> None:
    world.numbers(size=6, lost="n/a")
    world.seed(
        health_rules=[
            "everyone,service,good,1,size,>,5,",
            "everyone,service,good,1,size,<,6,",
            "everyone,service,good,2,size,>,5,",
            "everyone,service,good,2,lost,>,5,",
            "everyone,service,poor,2,size,>,5,",
        ],
        score_rules=["everyone,financial,size,1,>,5,<,3,", "everyone,financial,lost,1,>,5,,,"],
    )
    explanations = world.calculate()["health_explanations"]
    columns = ["rule_set", "clause", "is_met", "clause_holds"]
    assert explanations[columns].values.tolist() == [
        ["healthy", None, True, True],
        ["poor_band", None, False, False],
        ["healthy", None, None, None],
        ["good", "1", True, False],
        ["good", "1", False, False],
        ["good", "2", True, None],
        ["good", "2", None, None],
        ["poor", "2", True, True],
    ]


# The inputs that failed ---------------------------------------------------------------------------


def case(name: str, day: str) -> dict[str, object]:
    folder = CASES / name
    if not folder.is_dir():
        pytest.skip("the folder of cases is not there")
    raw = folder / "raw" if (folder / "raw").is_dir() else folder
    return calculate(raw, ROOT / "seeds", date.fromisoformat(day), date.fromisoformat(day))


def statuses(tables: dict[str, object]) -> dict[str, str]:
    frame = tables["source_status"]
    return dict(zip(frame["table_name"], frame["status"], strict=True))


def metric(tables: dict[str, object], metric_id: str) -> dict[str, float]:
    frame = tables["pillar_metrics_history"]
    frame = frame[frame["metric_id"] == metric_id]
    return dict(zip(frame["account_id"], frame["value"], strict=True))


def reasons(tables: dict[str, object]) -> list[tuple[str, str]]:
    frame = tables["rejected_records"]
    return sorted(zip(frame["record_key"], frame["reason"], strict=True))


def account_names(tables: dict[str, object]) -> list[str]:
    return sorted(tables["account_health"]["account_name"])


def test_case_optional_column_absent() -> None:
    tables = case("01_optional_column_absent", "2024-03-15")
    assert statuses(tables)["tickets"] == statuses(tables)["invoices"] == "ok"
    assert metric(tables, "open_tickets") == {"a1": 1}
    assert metric(tables, "overdue_invoices") == {}


def test_case_files_silently_not_read() -> None:
    tables = case("02_files_silently_not_read", "2024-03-15")
    read_tables = {name for name, status in statuses(tables).items() if status != "absent"}
    assert read_tables == {"accounts", "events", "tickets", "invoices"}
    files = tables["raw_files"]
    assert list(files[~files["is_read"].astype(bool)]["file"]) == [
        *("README", "Subscriptions.csv", "touchpoints (1).csv")
    ]


def test_case_delta_folder() -> None:
    assert statuses(case("03_delta_folder", "2024-03-15"))["events"] == "unreadable"


def test_case_time_formats() -> None:
    tables = case("05_time_formats", "2024-03-15")
    invalid = (3, 4, 11, 12, 13, 16, 17, 18, 31, 32, 33)
    assert [(key, reason) for key, reason in reasons(tables) if reason.endswith("issued_at")] == [
        *((f"t{number:02}", "invalid_issued_at") for number in invalid if number < 19),
        *((f"t{number:02}", "missing_issued_at") for number in (19, 20, 21)),
        *((f"t{number:02}", "invalid_issued_at") for number in invalid if number > 21),
    ]


def test_case_utf16() -> None:
    assert account_names(case("06_utf16", "2024-03-15")) == ["Alpha", "Bêta GmbH", "Gamma"]


def test_case_semicolons() -> None:
    assert account_names(case("08_semicolons", "2024-03-15")) == ["Alpha", "Bêta GmbH", "Gamma"]


def test_case_health_date_before_2015() -> None:
    assert metric(case("10_health_date_before_2015", "2013-06-30"), "overdue_amount") == {"a1": 30}


def test_case_cents_and_currencies() -> None:
    """Without rates no amount is of a known currency."""
    tables = case("12_cents_and_currencies", "2024-03-15")
    assert reasons(tables) == [(f"s{n}|2024-01-01", "unknown_currency") for n in (1, 2, 3)]


def test_case_vocabulary() -> None:
    """What nobody declared is named, value by value."""
    found = reasons(case("13_vocabulary", "2024-03-15"))
    assert ("k1", "unknown_priority") in found
    assert ("c2", "unknown_channel") in found
    assert ("k0", "invalid_csat_score") in found
    assert ("c5", "unknown_channel") not in found


def test_case_one_latin1_table_stops_all() -> None:
    tables = case("14_one_latin1_table_stops_all", "2024-03-15")
    assert statuses(tables)["touchpoints"] == "unreadable"
    assert metric(tables, "events_30d") == {"a1": 1}
    problem, readme = tables["raw_files"]["problem"].dropna()
    assert readme == "it is not read"
    assert problem.startswith("touchpoints.csv: line 3:")


def test_case_backslash_quotes() -> None:
    assert account_names(case("csv_backslash_quotes", "2026-11-22")) == ["Beta", 'Say "hi" Ltd']


def test_case_header_differs_in_case() -> None:
    assert account_names(case("csv_header_differs_in_case", "2026-11-22")) == ["Acme"]


def test_case_two_open_quotes() -> None:
    if CASES.is_dir():
        with pytest.raises(FileNotFoundError, match=r"accounts\.csv: line 2"):
            case("csv_two_open_quotes", "2026-11-22")


def test_case_double_ids() -> None:
    tables = case("parquet_double_ids_of_16_digits", "2026-11-22")
    assert metric(tables, "events_30d") == {"1234567890123456": 1, "2000000000000001": 1, "12": 1}


def test_case_times_as_integers() -> None:
    """Whole numbers of ten digits are seconds since 1970, whatever file has them."""
    tables = case("parquet_time_int_and_timestamp", "2026-11-22")
    assert metric(tables, "events_30d") == {"1": 2, "2": 2}


def test_case_staging_files() -> None:
    assert metric(case("spark_staging_files", "2026-11-22"), "events_30d") == {"1": 1, "2": 1}


def test_case_linked_partition() -> None:
    if (CASES / "symlinked_partition" / "raw" / "events" / "day=19").is_file():
        pytest.skip("the link of this case was copied as a file")
    assert metric(case("symlinked_partition", "2026-11-22"), "events_30d") == {"a1": 2}


@pytest.mark.parametrize("name", ["id_with_brackets_explain", "name_with_newline_markdown"])
def test_case_hostile_names(name: str) -> None:
    """Names are data: the reference reads them like any other."""
    assert len(account_names(case(name, "2026-11-22"))) > 0
