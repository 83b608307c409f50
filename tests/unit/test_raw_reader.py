"""The reader of raw files: every documented format is read, what cannot be is named with its cure.

docs/raw_tables.md, "Files".
"""

import gzip
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.raw_reader import RawTable, read_folder

ROWS = [
    ["a1", "Acme", "2026-01-01"],
    ["a2", "Zoë & Söhne", "2026-01-02"],
]
HEADER = ["account_id", "account_name", "created_at"]


def delimited(separator: str, rows: list[list[str]] = ROWS) -> str:
    return "".join(separator.join(row) + "\n" for row in [HEADER, *rows])


def objects(rows: list[list[str]] = ROWS) -> list[dict[str, str]]:
    return [dict(zip(HEADER, row, strict=True)) for row in rows]


def accounts(folder: Path) -> RawTable:
    return read_folder(folder).tables["accounts"]


def rows_of(table: RawTable, *columns: str) -> list[tuple]:
    """All rows of a table, the named columns as they are stored."""
    assert table.problem is None, table.problem
    found = []
    for group in table.groups:
        selected = [group.columns.get(name, {"expression": "null"}) for name in columns]
        expressions = ", ".join(column["expression"] for column in selected)
        found += duckdb.sql(f"select {expressions} from {group.relation}").fetchall()
    return sorted(found, key=str)


def test_every_format_of_text_gives_the_same_rows(tmp_path: Path) -> None:
    formats: dict[str, bytes] = {
        "accounts.csv": delimited(",").encode(),
        "accounts.CSV": delimited(";").encode("utf-8-sig"),
        "accounts.tsv": delimited("\t").encode(),
        "accounts.csv.gz": gzip.compress(delimited("|").encode()),
        "accounts.Tsv.GZ": gzip.compress(delimited("\t").encode("utf-16")),
        "accounts.jsonl": "\n".join(map(json.dumps, objects())).encode(),
        "accounts.ndjson": ("\n\n".join(map(json.dumps, objects())) + "\n").encode("utf-8-sig"),
        "accounts.json": json.dumps(objects(), indent=1).encode("utf-16"),
        "accounts.json.gz": gzip.compress(json.dumps(objects()).encode()),
        "accounts/part=1/a.csv": delimited(",").replace("\n", "\r\n").encode(),
        "accounts/a/b/c.csv": ("sep=;\n" + delimited(";")).encode("utf-16-le", "strict"),
    }
    formats["accounts/a/b/c.csv"] = b"\xff\xfe" + formats["accounts/a/b/c.csv"]
    for number, (name, content) in enumerate(formats.items()):
        file = tmp_path / str(number) / name
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        table = accounts(tmp_path / str(number))
        assert rows_of(table, *HEADER) == [tuple(row) for row in ROWS], name
        assert table.row_count == len(ROWS), name


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('a1,"Two\nLines",2026-01-01\n', ["Two\nLines"]),
        ('a1,"Say ""hi"", all",2026-01-01\n', ['Say "hi", all']),
        ('a1,"Say \\"hi\\" Ltd",2026-01-01\na2,"C:\\\\",2026-01-01\n', ['Say "hi" Ltd', "C:\\"]),
        ('a1,5" pipe,2026-01-01\na2,6" pipe,2026-01-01\n', ['5" pipe', '6" pipe']),
        ("a1,Acme,2026-01-01,,,\n\n  \na2,Beta\na3\n", ["Acme", "Beta", None]),
        (
            "a1,Acme,2026-01-01\r\na2,Beta,2026-01-01\na3,Gamma,2026-01-01\r",
            ["Acme", "Beta", "Gamma"],
        ),
        ('a1,"Acme" ,2026-01-01\n', ["Acme"]),
        ("a1,Acme,2026-01-01", ["Acme"]),
        ("#1,Acme,2026-01-01\n", ["Acme"]),
        ('"a1","","2026-01-01"\n', [""]),
        ("a1,x\x00y,2026-01-01\n", ["x\x00y"]),
    ],
)
def test_rows_are_told_apart(tmp_path: Path, text: str, names: list[str | None]) -> None:
    (tmp_path / "accounts.csv").write_text(",".join(HEADER) + "\n" + text, newline="")
    table = accounts(tmp_path)
    assert table.row_count == len(names)
    found = [name or None for (name,) in rows_of(table, "account_name")]
    assert sorted(found, key=str) == sorted([name or None for name in names], key=str)


@pytest.mark.parametrize(
    "lines",
    [
        # More separators than the header has, blank lines between, a row with a quoted value.
        ['a1,"Acme,2026-01-01,,,,', 'a2,Beta",2026-01-02,,,,'],
        ['a1,"Acme,2026-01-01,,', "", 'a2,Beta",2026-01-02,,'],
        ['a1,"Acme,2026-01-01,,', 'a2,", Inc",2026-01-02,,', 'a3,Gamma",2026-01-03,,'],
        # Fewer; rows with a fault of their own; a format that only raw_values.csv knows.
        ['a1,"Acme,2026-01-01', 'a2,Beta",2026-01-02', "a3,Gamma,2026-01-03,,"],
        ['a1,"Acme,soon,,', "a2,Beta,2026-01-02,,", 'a3,Gamma",later,,'],
        ['a1,"Acme,soon,,', 'a2,Beta",later,,'],
        ['a1,"Acme,31.12.2026', 'a2,Beta",30.12.2026'],
        # Rows that are broken in another way, too.
        ['a1,"Acme,2026-01-01,,', 'a2,Beta,2026-01-02,EU,,x"'],
        [',a1,"Acme,2026-01-01,,', ',a2,Beta",2026-01-02,,'],
        # By the standard two rows, with backslashes before quotes one.
        [r'a1,"Acme\",,,', r'\"Beta",2026-01-02,,,'],
    ],
)
def test_rows_inside_a_quoted_value_make_a_file_unreadable(
    tmp_path: Path, lines: list[str]
) -> None:
    """Found by tests/support/fuzz_raw.py."""
    header = "account_id,account_name,created_at,region,churned_at"
    (tmp_path / "accounts.csv").write_text("\n".join([header, *lines]) + "\n")
    problem = accounts(tmp_path).problem
    assert problem
    assert "accounts.csv, line 2: a" in problem


def test_rows_inside_the_header_make_a_file_unreadable(tmp_path: Path) -> None:
    lines = [
        'account_id,account_name,created_at,"region',
        "a1,Acme,2026-01-01,EU",
        'a2,B,2026-01-02,"',
    ]
    (tmp_path / "accounts.csv").write_text("\n".join([*lines, "a3,Gamma,2026-01-03,EU"]))
    problem = accounts(tmp_path).problem
    assert problem
    assert "a quote in the header goes on for several lines" in problem


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (['a1,"Acme, Inc', 'Berlin, Germany",2026-01-01,,'], ["Acme, Inc\nBerlin, Germany"]),
        (['a1,"Acme', "", 'of 2026",2026-01-02'], ["Acme\n\nof 2026"]),
        (['a1,"Acme', '2026-01-01",2026-01-02,,'], ["Acme\n2026-01-01"]),
        ([r'a1,"C:\",2026-01-01', 'a2,"B, ""b""",2026-01-01'], ['B, "b"', "C:\\"]),
    ],
)
def test_values_with_line_breaks_are_no_rows(
    tmp_path: Path, lines: list[str], names: list[str]
) -> None:
    header = 'account_id,account_name,created_at,"Region\n(of sales)",churned_at'
    (tmp_path / "accounts.csv").write_text("\n".join([header, *lines]) + "\n")
    assert rows_of(accounts(tmp_path), "account_name") == [(name,) for name in names]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        # An odd and an even number of quotes that are never closed: no row is swallowed.
        ('a1,"Acme,2026-01-01\na2,Beta,2026-01-01\n', "line 2: a quote is opened"),
        (
            'a1,"Acme,2026-01-01\na2,Beta,2026-01-01\na3,"Gamma,2026-01-01\na4,D,2026-01-01\n',
            "line 2: a quote is opened",
        ),
        (
            'a1,"Acme,2026-01-01\na2,Beta",2026-01-01\n',
            "line 2: a quoted value goes on for 2 lines, and these could be rows",
        ),
        ("a1,Acme,2026-01-01,more\n", "line 2: the row has 4 cells and the header only 3"),
        ("\n\na1,Acme,2026-01-01\na2,B,C,D,E\n", "line 5: the row has 5 cells"),
    ],
)
def test_an_uncertain_end_of_a_row_is_named(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "accounts.csv").write_text(",".join(HEADER) + "\n" + text)
    table = accounts(tmp_path)
    assert f"{tmp_path / 'accounts.csv'}, {problem}" in str(table.problem)


def parquet(file: Path, **columns: list) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), file)


def whole_accounts(file: Path) -> None:
    parquet(file, account_id=["a1"], account_name=["A"], created_at=["2026-01-01"])


def cut_off(file: Path) -> None:
    whole_accounts(file)
    file.write_bytes(file.read_bytes()[:-20])


def flipped_page(file: Path) -> None:
    names = [f"{number:050x}" for number in range(2000)]
    parquet(file, account_id=names, account_name=names, created_at=names)
    content = bytearray(file.read_bytes())
    for place in range(200, len(content) // 2, 97):
        content[place] ^= 0xFF
    file.write_bytes(content)


def lake_table(folder: Path, name: str, inside: str) -> None:
    whole_accounts(folder / "part-0.parquet")
    (folder / name).mkdir()
    (folder / name / inside).write_text("{}")


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "Latin-1": (
        lambda raw: (raw / "accounts.csv").write_bytes(
            delimited(",", [["a1", "x", "y"], ["a2", "é", "z"]]).encode("latin-1")
        ),
        "accounts.csv, line 3: byte 0xE9 is not UTF-8",
    ),
    "gzip cut off": (
        lambda raw: (raw / "accounts.csv.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9]),
        "accounts.csv.gz is no whole gzip file",
    ),
    "UTF-16 cut off": (
        lambda raw: (raw / "accounts.csv").write_bytes(delimited(",").encode("utf-16")[:-1]),
        "accounts.csv begins like UTF-16 and is not",
    ),
    "Parquet cut off": (
        lambda raw: cut_off(raw / "accounts" / "p.parquet"),
        "accounts/p.parquet is no whole Parquet file",
    ),
    "Parquet page flipped": (
        lambda raw: flipped_page(raw / "accounts.parquet"),
        "accounts.parquet is no whole Parquet file",
    ),
    "no JSON": (
        lambda raw: (raw / "accounts.jsonl").write_text('{"account_id": "a"}\n{"account_id": \n'),
        "accounts.jsonl, line 2: is no JSON",
    ),
    "no objects": (
        lambda raw: (raw / "accounts.json").write_text('{"account_id": "a"}'),
        "accounts.json holds no list of objects",
    ),
    "required column in one file only": (
        lambda raw: (
            whole_accounts(raw / "accounts" / "1.parquet"),
            (raw / "accounts" / "2.csv").write_text("account_id,created_at\na,2026-01-01\n"),
        ),
        "accounts/2.csv: required column `account_name` is missing. The columns there are: "
        "account_id, created_at.",
    ),
    "twice": (
        lambda raw: (
            whole_accounts(raw / "accounts.parquet"),
            (raw / "accounts.csv").write_text(delimited(",")),
        ),
        "accounts is there more than once",
    ),
    "Delta": (
        lambda raw: lake_table(raw / "accounts", "_delta_log", "0.json"),
        "is a table of Delta",
    ),
    "Iceberg": (
        lambda raw: lake_table(raw / "accounts", "metadata", "v1.metadata.json"),
        "is a table of Iceberg",
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_named_with_its_cure(tmp_path: Path, kind: str) -> None:
    write, problem = UNREADABLE[kind]
    write(tmp_path)
    table = accounts(tmp_path)
    assert problem in str(table.problem)
    for advice in ("ignore_errors", "encoding=", "strict_mode", "Binder", "null_padding"):
        assert advice not in str(table.problem)


def test_empty_files_and_folders_do_not_make_a_table_twice(tmp_path: Path) -> None:
    (tmp_path / "accounts.parquet").touch()
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts" / "part.csv").touch()
    (tmp_path / "accounts.csv").write_text(delimited(","))
    (tmp_path / "tickets.csv").touch()
    found = read_folder(tmp_path)
    assert found.tables.keys() == {"accounts"}
    assert found.tables["accounts"].row_count == 2


def test_a_json_file_without_objects_is_a_table_without_rows(tmp_path: Path) -> None:
    (tmp_path / "accounts.json").write_text("[]")
    table = accounts(tmp_path)
    assert (table.problem, table.row_count, table.groups) == (None, 0, ())


def test_headings_in_any_case_and_twice(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text(
        " ACCOUNT_ID ,Notes,notes,Account_Name,account_name,created_at,\n1,x,y,First,Second,t,\n"
    )
    table = accounts(tmp_path)
    assert rows_of(table, *HEADER) == [("1", "First", "t")]
    assert table.other_columns == ("Notes", "notes", "")
    [file] = read_folder(tmp_path).files
    assert file.columns_read == ("account_id", "account_name", "created_at")
    assert file.columns_ignored == ("Notes", "notes", "account_name", "")


def test_parquet_files_keep_their_own_types(tmp_path: Path) -> None:
    parquet(
        tmp_path / "events" / "day=1" / "a.parquet",
        event_id=[1.0],
        account_id=["x"],
        feature=["f"],
        occurred_at=[datetime(2026, 1, 1)],
    )
    parquet(
        tmp_path / "events" / "day=2" / "b.parquet",
        event_id=["two"],
        account_id=["x"],
        feature=["f"],
        occurred_at=[1767225600],
    )
    table = read_folder(tmp_path).tables["events"]
    kinds = {group.columns["occurred_at"]["type"] for group in table.groups}
    assert kinds == {"TIMESTAMP", "BIGINT"}
    assert table.row_count == 2


def test_partition_values_are_decoded_and_files_come_first(tmp_path: Path) -> None:
    rest = {"account_name": ["n"], "created_at": ["2026-01-01"]}
    parquet(tmp_path / "accounts" / "Account_ID=a%20b" / "1.parquet", **rest)
    parquet(tmp_path / "accounts" / "account_id=__HIVE_DEFAULT_PARTITION__" / "2.parquet", **rest)
    parquet(tmp_path / "accounts" / "account_id=p" / "3.parquet", account_id=["own"], **rest)
    packed = tmp_path / "accounts" / "account_id=é%2Fx" / "4.csv.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(b"account_name,created_at\nn,2026-01-01\n"))
    lines = tmp_path / "accounts" / "account_id=j" / "5.jsonl"
    lines.parent.mkdir()
    lines.write_text('{"account_name": "n", "created_at": "2026-01-01"}')
    found = rows_of(accounts(tmp_path), "account_id")
    assert found == sorted([("a b",), (None,), ("own",), ("é/x",), ("j",)], key=str)


def test_hidden_files_are_no_data_and_links_are_followed(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    whole_accounts(raw / "accounts" / "a.parquet")
    whole_accounts(tmp_path / "elsewhere" / "b.parquet")
    (raw / "accounts" / "day=1").symlink_to(tmp_path / "elsewhere")
    (raw / "accounts" / "round").symlink_to(raw / "accounts")
    (raw / "accounts" / "link.parquet").symlink_to(tmp_path / "elsewhere" / "b.parquet")
    for hidden in ("_temporary/0", ".staging"):
        (raw / "accounts" / hidden).mkdir(parents=True)
        (raw / "accounts" / hidden / "part.parquet").write_text("not written to its end")
    (raw / "accounts" / "_SUCCESS").touch()
    assert accounts(raw).row_count == 3


def test_characters_that_stand_for_others_in_paths(tmp_path: Path) -> None:
    raw = tmp_path / "raw [1]* it's {x}?"
    raw.mkdir()
    (raw / "accounts.csv").write_text(delimited(","))
    parquet(
        raw / "users" / "day=[a*]" / "u?.parquet",
        user_id=["u"],
        account_id=["a1"],
        created_at=["t"],
    )
    found = read_folder(raw)
    assert rows_of(found.tables["accounts"], "account_id") == [("a1",), ("a2",)]
    assert rows_of(found.tables["users"], "user_id") == [("u",)]


def test_files_that_nobody_reads_are_named_once_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text(delimited(","))
    for name in ("touchpoints (1).csv", "Subscriptions.csv", "events.xlsx", "events.parquet.gz"):
        (tmp_path / name).write_text("x")
    (tmp_path / "invoices_old").mkdir()
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "notes.txt").write_text("x")
    (tmp_path / ".hidden").write_text("x")
    unread = {file.file: file for file in read_folder(tmp_path).files if not file.is_read}
    assert unread.keys() == {
        "touchpoints (1).csv",
        "Subscriptions.csv",
        "events.xlsx",
        "events.parquet.gz",
        "invoices_old/",
        "users/notes.txt",
    }
    assert "rename it to touchpoints.csv" in str(unread["touchpoints (1).csv"].problem)
    assert "rename it to subscriptions.csv" in str(unread["Subscriptions.csv"].problem)
    assert "Export it as events.csv" in str(unread["events.xlsx"].problem)
    assert unread["users/notes.txt"].table_name == "users"


def test_files_are_looked_at_once_and_again_when_they_change(tmp_path: Path) -> None:
    raw, notes = tmp_path / "raw", tmp_path / "notes"
    raw.mkdir()
    file = raw / "accounts.json"
    file.write_text(json.dumps(objects()))
    assert read_folder(raw, notes).tables["accounts"].row_count == 2
    [copy] = notes.rglob("*.parquet")
    before = copy.stat().st_mtime_ns
    assert read_folder(raw, notes).tables["accounts"].row_count == 2
    assert copy.stat().st_mtime_ns == before
    file.write_text(json.dumps(objects()[:1]))
    assert read_folder(raw, notes).tables["accounts"].row_count == 1
    assert list(notes.rglob("*.parquet")) != [copy]
    # Notes that are damaged, or gone, are made again.
    for note in notes.rglob("looks.json"):
        note.write_text("{")
    assert read_folder(raw, notes).tables["accounts"].row_count == 1
    for path in notes.rglob("*.parquet"):
        path.unlink()
    assert rows_of(read_folder(raw, notes).tables["accounts"], "account_id") == [("a1",)]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_many_small_files_are_read_from_few_copies(tmp_path: Path, ending: str) -> None:
    """Each row as its own file has it, with the values of its folders; a large file is left."""
    raw, notes = tmp_path / "raw", tmp_path / "notes"

    def write(number: int, name: str) -> None:
        file = raw / "accounts" / f"region=r%20{number % 2}" / f"{number:04}.{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        row = [f"a{number}", name, "2026-01-01"]
        text = delimited(",", [row]) if ending == "csv" else json.dumps(objects([row])[0])
        file.write_text(text, encoding="utf-8")

    for number in range(120):
        write(number, "Zoë" if number % 3 else "")
    write(120, "long" * 30_000)
    expected = [
        (f"a{number}", ("Zoë" if number % 3 else "") or None, f"r {number % 2}")
        for number in range(120)
    ]
    expected.append(("a120", "long" * 30_000, "r 0"))
    table = read_folder(raw, notes).tables["accounts"]
    names = ("account_id", "account_name", "region")
    found = [(key, name or None, region) for key, name, region in rows_of(table, *names)]
    assert found == sorted(expected, key=str)
    assert sum(group.relation.count(f".{ending}'") for group in table.groups) <= 1
    assert sum(group.relation.count(".parquet'") for group in table.groups) <= 3
    # A file that is written later is in them, and a copy that is damaged is made again.
    write(121, "new")
    for path in notes.rglob("*.parquet"):
        path.write_bytes(b"damaged")
    later = rows_of(read_folder(raw, notes).tables["accounts"], "account_id")
    assert len(later) == 122
    assert rows_of(read_folder(raw, notes).tables["accounts"], "account_id") == later


def test_a_table_format_has_its_folder_among_the_files(tmp_path: Path) -> None:
    lake_table(tmp_path / "accounts", "_delta_log", "0.json")
    [file] = read_folder(tmp_path).files
    assert (file.table_name, file.file, file.format) == ("accounts", "accounts/", "delta")
    assert not file.is_read
    assert file.problem
