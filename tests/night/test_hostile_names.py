"""Names are data: what customers call themselves goes through every command as text.

Ids, names, managers, notes and reasons hold markup of consoles, Markdown, HTML, formulas, control
codes and line breaks. Every command must tell of them without obeying them, in 80 columns.
"""

import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb
import pytest
from check_worlds import HEALTH_DATE, check
from click.testing import CliRunner, Result
from dagster import DagsterRun, Failure
from markdown_it import MarkdownIt
from rich.cells import cell_len

from expectations import build_docs
from expectations.reports import CheckResult
from expectations.reports import Failure as Failing
from expectations.validation import Figures, validated
from orchestration.assets.asset_checks import check_results
from orchestration.base import escaping, progress
from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.console import in_process
from orchestration.insight import pictures
from orchestration.insight.backtest_results import Results, Rival
from orchestration.insight.prediction import Estimate
from orchestration.notify.destinations import Alert, json_body, slack_body
from orchestration.runs.health_run import failures_in_words
from orchestration.runs.partitions import tags_of
from orchestration.runs.sensors import failed_run_text
from orchestration.sample_data import write_sample
from orchestration.warehouse.configuration import Configuration

END = date(2026, 11, 22)
START = END - timedelta(days=3)
NAMES = (
    "[/EU] Acme",
    "[red]Bolt[/red] :smile: 5",
    "Two\nLines",
    "<script>alert(1)</script>",
    "**bold** | pipe `code` _it_",
    "![x](http://evil.example/p.png)",
    "[click](http://evil.example)",
    "\x1b[31mRed\x1b[0m\x1b]0;title\x07",
    "\u202edlog \u2066x",
    "$\\frac{x$ & Co",
    "# Heading",
    "<!channel> <http://evil.example|Log in>",
    "ends with \\",
    "see https://evil.example or www.evil.example",
    "\x9b31m C1\x85next",
    "Longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong",
    "你好世界" * 12,
    "1. First",
    "&lt;b&gt; &#42;",
)
IDS = ("[/a]", "a|b", "é\nx", "<img src=x onerror=alert(1)>", "$id $$", "\x1b[2J", "`id`", "{{id}}")
# How each command is asked; None: it prints nothing of the data.
ARGUMENTS: dict[str, list[str] | None] = {
    "run": ["--start", str(START), "--end", str(END)],
    "summary": [],
    "query": ["select account_id, account_name, csm_email, mrr from health.account_health"],
    "sample": None,  # refuses where HEALTH_RAW_DIR is set
    "explain": ["[/a]", "--plot", "explain.png"],
    "portfolio": ["--limit", "50", "--markdown", "portfolio.md"],
    "trend": ["--by", "csm", "--markdown", "trend.md", "--plot", "trend.svg"],
    "transitions": ["--from", str(START), "--to", str(END), "--markdown", "transitions.md"],
    "flaps": ["--within", "3", "--markdown", "flaps.md"],
    "calibrate": ["--markdown", "calibrate.md"],
    "preset": None,  # prints what the project brings
    "serve": None,  # answers browsers; tests/pages asks it
    "site": None,  # writes what that answers; so do its tests
    "what-if": [
        *("--configuration", "seeds", "--against", "changed", "--markdown", "what-if.md"),
        *("--start", str(END), "--end", str(END)),
    ],
    "backtest": ["--published-only", "--markdown", "backtest.md"],
    "check": ["--date", str(END)],
    "erase": None,  # nobody asked for it; the tests of erasure see to what it prints
    "restore": None,  # prints places of files and counts
    "forget": None,  # prints health dates
    "failures": ["--all", "--limit", "100", "--markdown", "failures.md"],
    "lint": ["--markdown", "lint.md"],
    "register": None,  # refuses where there is no Spark; tests/unit/test_spark_raw.py asks it
    "ui": None,  # becomes Dagster's own
    "unlock": None,  # prints which process held the lock, and when
    "dagster": None,  # hands over to Dagster's programs
}
REFUSALS = {"backtest": "Too few accounts left"}
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sample data whose texts that people fill in are hostile, and a changed configuration."""
    folder = tmp_path_factory.mktemp("hostile")
    raw = folder / "raw"
    write_sample(raw, accounts=24, days=50, end_date=END)
    make_hostile(raw)
    for name, threshold in (("seeds", "5"), ("changed", "1")):
        shutil.copytree("seeds", folder / name)
        rules = folder / name / "health_rules.csv"
        text = rules.read_text(encoding="utf-8")
        rules.write_text(text.replace("open_tickets,=,0", f"open_tickets,<=,{threshold}"))
    return folder


def make_hostile(raw: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table names as select unnest(?) as name", [list(NAMES)])
        connection.execute("create table lookup (old text, new text)")
        accounts = connection.execute(
            f"select account_id from '{raw}/accounts.parquet' order by account_id"
        ).fetchall()
        for (old,), new in zip(accounts, IDS, strict=False):
            connection.execute("insert into lookup values (?, ?)", [old, new])
        for path in sorted(raw.iterdir()):
            if path.suffix != ".parquet" and not path.is_dir():
                continue
            files = f"{path}/**/*.parquet" if path.is_dir() else str(path)
            connection.execute(f"create or replace table old as from read_parquet('{files}')")
            columns = {row[0] for row in connection.execute("describe old").fetchall()}
            changes = ["coalesce(lookup.new, old.account_id) as account_id"]
            for column in ("account_name", "user_name", "note", "author", "reason", "subject"):
                if column in columns:
                    changes.append(f"{hostile(column)} as {column}")
            if path.stem == "accounts":
                changes.append(f"{hostile('csm_email')} as csm_email")
            connection.execute(
                f"create or replace table new as select old.* replace ({', '.join(changes)})"
                " from old left join lookup on old.account_id = lookup.old"
            )
            if path.is_dir():
                shutil.rmtree(path)
            connection.execute(f"copy new to '{raw / path.stem}.parquet' (format parquet)")


def hostile(column: str) -> str:
    """One of the names for each value."""
    place = f"row_number() over (order by old.account_id) % {len(NAMES)} + 1"
    return (
        f"case when old.{column} is not null"
        f" then (select list(name) from names)[cast({place} as integer)] end"
    )


@pytest.fixture(scope="module")
def results(folder: Path) -> Iterator[dict[str, Result]]:
    """What each command answers, after a run."""
    patch = pytest.MonkeyPatch()
    patch.setenv("HEALTH_RAW_DIR", str(folder / "raw"))
    patch.setenv("HEALTH_DB_PATH", str(folder / "w.duckdb"))
    patch.setenv("COLUMNS", "80")
    patch.delenv("HEALTH_ALERT_DESTINATION", raising=False)
    patch.chdir(folder)
    yield {
        name: CliRunner().invoke(main, [name, *arguments])
        for name, arguments in ARGUMENTS.items()
        if arguments is not None
    }
    patch.undo()


def test_every_command_is_tried() -> None:
    assert set(ARGUMENTS) == set(main.commands)


ASKED = [name for name, arguments in ARGUMENTS.items() if arguments is not None]


@pytest.mark.parametrize("command", ASKED)
def test_a_command_takes_names_for_text(command: str, results: dict[str, Result]) -> None:
    result = results[command]
    if command in REFUSALS:
        assert REFUSALS[command] in result.output
    else:
        assert result.exit_code == 0, (result.output, result.exception)
    for line in result.output.splitlines():
        assert not UNSEEN.search(line), line


@pytest.mark.parametrize("command", ASKED)
def test_80_columns_are_enough(command: str, results: dict[str, Result]) -> None:
    if command in REFUSALS:
        return
    for line in results[command].output.splitlines():
        assert "…" not in line
        is_path = line.startswith(("/", "Data Docs: "))  # a path in one piece can be copied
        assert is_path or cell_len(line) <= 80, line


def test_names_are_shown_as_they_are(folder: Path, results: dict[str, Result]) -> None:
    for command, columns in (
        ("query", ("account_id", "account_name", "csm_email")),
        ("portfolio", ("csm_email",)),
    ):
        shown = "".join(results[command].output.split())
        for name in published(folder, *columns):
            assert "".join(escaping.line(name).split()) in shown, (command, name)


def published(folder: Path, *columns: str) -> set[str]:
    """The texts of these columns in what is published."""
    file = str(folder / "published" / "account_health.duckdb")
    with duckdb.connect(file, read_only=True) as connection:
        sql = f"select {', '.join(columns)} from health.account_health"
        found = {text for row in connection.execute(sql).fetchall() for text in row if text}
    assert len(found) > len(NAMES) / 2
    return found


TAGS = {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td"}


def test_markdown_holds_no_markup_of_a_name(folder: Path, results: dict[str, Result]) -> None:
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    files = sorted(folder.glob("*.md"))
    assert {file.stem for file in files} >= {"portfolio", "trend", "what-if", "failures"}
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert not UNSEEN.search(text)
        assert "http:" not in text and "https:" not in text and "www." not in text
        page = Page()
        page.feed(renderer.render(text))
        assert {tag for tag, _ in page.tags} <= TAGS, (file, page.tags)
        for table in re.split(r"\n\n", text):
            columns = {len(line.split(" | ")) for line in table.splitlines() if line[:1] == "|"}
            assert len(columns) <= 1, table
    portfolio = Page()
    portfolio.feed(renderer.render((folder / "portfolio.md").read_text(encoding="utf-8")))
    for name in published(folder, "csm_email"):
        assert escaping.line(name) in portfolio.text, name


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_data_docs_show_keys_of_records_as_text(tmp_path: Path) -> None:
    keys = (*IDS, *NAMES)
    asked = check("to_review", maximum=0)
    records = [
        {"health_date": HEALTH_DATE, "record_key": key, asked.title: 3, "detail": key}
        for key in keys
    ]
    report = validated("health", [HEALTH_DATE], [Figures([asked], records)])
    assert {failure.record_key for failure in report.failed[0].failures} == set(keys)
    index = build_docs([report], tmp_path / "docs")
    [page] = (tmp_path / "docs" / "validations").rglob("*.html")
    for file in (index, page):
        found = Page()
        found.feed(file.read_text(encoding="utf-8"))
        assert_harmless(found)
    for key in IDS:
        assert escaping.line(key) in " ".join(found.text.split()), key


def assert_harmless(page: Page) -> None:
    """No script, no request, no link to elsewhere; and the browser is told to allow none."""
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form", "svg"}
    [policy] = [
        attributes["content"] or ""
        for _, attributes in page.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy and "script-src" not in policy
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], attributes
        assert not set(attributes) & {"src", "srcset", "action", "style", "background"}
        assert not re.match(r"\s*(\w+:|//)", attributes.get("href") or ""), attributes


def test_data_docs_of_a_run_open_without_a_network(
    folder: Path, results: dict[str, Result]
) -> None:
    assert "Data Docs" in results["check"].output
    docs = folder / "docs"
    pages = sorted(docs.rglob("*.html"))
    assert len(pages) > 10
    assert {file.suffix for file in docs.rglob("*") if file.is_file()} == {".html"}
    for file in pages:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"url\(|@import", text)
        found = Page()
        found.feed(text)
        assert_harmless(found)
        for link in [attributes["href"] for _, attributes in found.tags if "href" in attributes]:
            target = unquote(urlsplit(link).path)
            assert not target or (file.parent / target).is_file(), (file, link)


def test_messages_hold_no_markup_of_a_name() -> None:
    for name in NAMES:
        alert = Alert(
            *(END, "turned_poor", "[/a]\n", "overall", name, "good", "poor", 1.0, "high"),
            *("Call.", "<!here>"),
        )
        body = slack_body(alert)
        assert (body["mrkdwn"], body["parse"]) == (False, "none")
        for text in (str(body["text"]), str(json_body(alert)["text"])):
            assert not UNSEEN.search(text) and "\n" not in text
        assert not set(str(body["text"])) & set("<>")
        assert json_body(alert)["account_name"] == name


def test_a_run_says_notes_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a receiver answered, say: `1 alert waits for the next run: ...`."""

    def run(settings: Settings, first: date, last: date, show: progress.Listener) -> None:
        for name in NAMES:
            show(progress.Step(note=name))

    monkeypatch.setattr(in_process, "execute", run)
    in_process.run_ready_job(Settings(tmp_path, tmp_path / "w.duckdb"), START, END)
    shown = capsys.readouterr().out
    assert not UNSEEN.search(shown)
    told = "".join(shown.split())
    for name in NAMES:
        assert "".join(escaping.lines(name).split()) in told


def test_a_notice_of_a_failed_run_is_text() -> None:
    run = DagsterRun(job_name="health", tags=tags_of(START, END))
    for name in NAMES:
        assert not UNSEEN.search(failed_run_text(run, f"{name} is wrong."))


def test_what_dagster_is_told_is_text() -> None:
    for name in NAMES:
        with pytest.raises(Failure) as failure, failures_in_words():
            raise RuntimeError(f"{name} is wrong.")
        assert not UNSEEN.search(str(failure.value.description))
        result = CheckResult(
            *(END, check("to_review", maximum=0), False, name, name),
            (Failing(name, observed=name, owner=name, detail=name),),
        )
        [told] = check_results([result])
        assert not UNSEEN.search(str(told.description))
        for row in told.metadata["failing rows (latest)"].records:
            assert not [cell for cell in row.data.values() if UNSEEN.search(str(cell))]


def test_every_picture_takes_names_for_text(tmp_path: Path) -> None:
    """Those that the commands above do not draw of this data; `$` begins no formula."""
    names = [name for name in (*IDS, *NAMES) if "$" in name or "\x1b" in name]
    pillars = [
        {"pillar_id": name, "pillar_name": name, "display_order": str(place)}
        for place, name in enumerate(names)
    ]
    one = Estimate(0.6, 0.5, 0.7, churned=12)
    results = Results(
        dates=[START, END],
        known_until=END,
        labels="churn.csv",
        accounts=20,
        churned={30: 12},
        configurations=[Configuration("1", {"pillars": pillars})],
        aucs={("all", name, 30): one for name in ("overall", *names)},
        rivals={(name, 30): Rival(one, one, one) for name in names},
        calibration=[(0.0, 5.0, 10, [0.1])],
    )
    pictures.draw_backtest(results, tmp_path)
    rows = [(name, day, "good", 1, None) for name in names for day in (START, END)]
    pictures.draw_trend(rows, " ".join(names), tmp_path / "trend.png")
    assert len(list(tmp_path.iterdir())) == 3
    # The last two are parts of draw_backtest.
    assert {name for name in vars(pictures) if name.startswith("draw_")} == {
        *("draw_account", "draw_trend", "draw_backtest"),
        *("draw_aucs", "draw_calibration"),
    }


QUOTES = ("' or '1' = '1", "'; drop table health.account_health; --", '"; select 1; --', "%", "_")


@pytest.mark.parametrize(
    "asked",
    [
        *[["explain"], ["trend", "--pillar"], ["flaps", "--pillar"], ["calibrate", "--pillar"]],
        *[["portfolio", "--csm"], ["check", "--gone-for-good"]],
    ],
)
def test_what_users_ask_for_is_no_sql(
    asked: list[str], folder: Path, results: dict[str, Result]
) -> None:
    for text in QUOTES:
        result = CliRunner().invoke(main, [*asked, text])
        assert result.exit_code in (1, 2), (asked, text, result.output)
        assert not re.search("Parser|Binder|Catalog|fault of this program", result.output)
