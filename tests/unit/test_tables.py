"""Tables of the console: nothing is cut, however narrow it is; numbers as a person writes them."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from orchestration.base.figures import counted, plural, rounded, shown_score
from orchestration.insight.report import money, number
from orchestration.insight.tables import Table, print_table

SENTENCE = "Find out why the values stopped coming. Metrics that need them lose accounts."
TABLE = Table(
    "",
    ("account", "state", "since", "score", "MRR", "worst_pillar_id", "what to do"),
    [
        ("Vermeil Studios (acc_00007)", "poor", "2026-11-15", "5", "812", "financial", SENTENCE),
        ("[/EU] 你好世界 (" + "x" * 90 + ")", "average", "2026-11-16", "7.25", "1,344", "", ""),
    ],
    numbers=(3, 4),
)


@pytest.mark.parametrize("is_prose", [True, False])
@pytest.mark.parametrize("rows", [TABLE.rows, TABLE.rows[:1]])
@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 400])
def test_a_table_of_any_width_shows_every_cell(width: int, rows: list, is_prose: bool) -> None:
    table = Table("", TABLE.columns, rows, TABLE.numbers, is_prose=is_prose)
    stream = io.StringIO()
    print_table(table, Console(file=stream, width=width))
    shown = stream.getvalue()
    assert "…" not in shown
    assert all(cell_len(line) <= width for line in shown.splitlines())
    unwrapped = "".join(character for character in shown if character not in " \n│┃")
    for row in rows:
        for value in row:
            for word in value.split():
                assert word in unwrapped or word in shown, word


@pytest.mark.parametrize("width", [80, 120])
def test_words_and_numbers_stay_whole(width: int) -> None:
    stream = io.StringIO()
    print_table(
        Table("", TABLE.columns, TABLE.rows[:1], TABLE.numbers), Console(file=stream, width=width)
    )
    for word in " ".join(TABLE.rows[0]).split():
        assert word in stream.getvalue()


def test_rows_that_share_their_first_cell_share_a_heading() -> None:
    columns = ("", *(f"column {letter * 8}" for letter in "abcd"))
    rows = [
        (group, *(f"{group}-{n}-{'x' * 12}" for _ in range(4))) for group in "pq" for n in (1, 2)
    ]
    stream = io.StringIO()
    print_table(Table("", columns, rows), Console(file=stream, width=70))
    lines = [line.strip() for line in stream.getvalue().splitlines()]
    assert lines.count("p") == lines.count("q") == 1


@pytest.mark.parametrize(
    ("value", "beside", "written"),
    [
        (5.402083, (), "5.4"),
        (812.46, (), "812"),
        (85.25, (), "85.3"),  # half up, where Python says 85.2
        (0.558824, (0.75,), "0.56"),
        (0.0123456, (), "0.012"),
        (-0.141935, (-0.35,), "-0.14"),
        (0.4996, (0.5,), "0.4996"),  # would read as the threshold that it is below
        (10.04, (10.0,), "10.04"),
        (10.0, (10.0,), "10"),
        (0.0, (), "0"),
        (-0.0000001, (), "0"),
    ],
)
def test_numbers_are_rounded_as_a_person_would(
    value: float, beside: tuple[float, ...], written: str
) -> None:
    assert rounded(value, *beside) == written


@pytest.mark.parametrize(
    ("amount", "unit", "comparison", "written"),
    [
        ("1", "users", "", "1 user"),
        ("2", "users", "more", "2 more users"),
        ("0.5", "ratio", "", "0.5 ratio"),
        ("69", "score 0 to 100", "", "69"),
        ("3", "", "", "3"),
    ],
)
def test_an_amount_has_its_unit(amount: str, unit: str, comparison: str, written: str) -> None:
    assert counted(amount, unit, comparison) == written


@pytest.mark.parametrize(
    ("score", "beside", "shown"),
    [
        (7.1, (), "7.1"),
        (8.25, (), "8.3"),  # both published worked examples, docs/health.md
        (8.249999999999998, (), "8.3"),  # as floating point may sum it up
        (6.666667, (), "6.7"),
        (0.05, (), "0.1"),
        (10.0, (), "10"),
        (6.655, (6.66, 3.34), "6.655"),  # average, and would read as the good that it misses
        (6.67, (6.66, 3.34), "6.67"),
        (7.02, (6.98, None), "7.02"),
        (None, (6.66,), ""),
    ],
)
def test_a_score_has_one_decimal_rounded_half_up(
    score: float | None, beside: tuple[float | None, ...], shown: str
) -> None:
    assert shown_score(score, *beside) == shown


def test_amounts_are_rounded_half_up() -> None:
    assert (money(2.5), money(1234567.5)) == ("3", "1,234,568")
    assert (number(2.675), number(1234.5), number(1e21)) == ("2.68", "1,234.5", f"{10**21:,}")


def test_one_thing_is_told_in_the_singular() -> None:
    assert (counted("1", "tickets"), counted("2", "tickets")) == ("1 ticket", "2 tickets")
    assert (plural(1, "account"), plural(1200, "account")) == ("1 account", "1,200 accounts")
