"""`health site`: the pages of a date as files, which say what the served pages say."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb
import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner, Result
from dagster_browser import a_browser
from pages_server import END
from pipeline import Warehouse

from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.pages import site as site_module
from orchestration.pages.site import file_name

SECONDS = 60
TIMEOUT = 60_000  # milliseconds


def health_site(settings: Settings, folder: Path, *options: str, **more: str) -> Result:
    environment = settings.environment | {"HEALTH_PAGES_USER": "ines@example.com"} | more
    return CliRunner().invoke(main, ["site", str(folder), *options], env=environment)


@pytest.fixture(scope="module")
def folder(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("site") / "site"
    result = health_site(warehouse.settings, found)
    assert result.exit_code == 0, result.output
    assert str(found / "index.html") in "".join(result.output.split("\n"))
    return found


class Links(HTMLParser):
    """What a page refers to, the ids in it, and its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attributes:
            if name in ("href", "src", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.add(value or "")


def pages_of(folder: Path) -> dict[Path, Links]:
    return {file: Links(file.read_text(encoding="utf-8")) for file in folder.rglob("*.html")}


def broken_links(folder: Path) -> list[tuple[str, str]]:
    """Links that lead to no file of the site, or to no place in it."""
    pages = pages_of(folder)
    found = []
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            to = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            is_inside = to.is_relative_to(folder.resolve()) and to.is_file()
            has_place = not parts.fragment or unquote(parts.fragment) in pages[to].ids
            if parts.scheme or not link or not is_inside or not has_place:
                found.append((file.name, link))
    return found


def text_of(markup: str) -> str:
    """What is read of the main part of a page."""
    main_part = markup[markup.index("<main") :]
    for form in (r"<details class=.*?</details>", r"<form.*?</form>"):
        main_part = re.sub(form, "", main_part, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", main_part).split())


def test_every_link_resolves_and_nothing_needs_a_server(folder: Path) -> None:
    assert broken_links(folder) == []
    for file, page in pages_of(folder).items():
        assert not {"form", "script", "button", "input"} & page.tags, file
    assert {"index.html", "trend.html", "changes.html", "trust.html", "accounts.csv"} <= {
        file.name for file in folder.iterdir()
    }


def test_it_says_what_the_served_pages_say(folder: Path, address: str) -> None:
    for file, path in (
        ("index.html", "/?match=all"),
        ("accounts-poor.html", "/?state=poor"),
        ("trend.html", "/trend"),
        ("changes.html", "/changes"),
        ("trust.html", "/trust"),
    ):
        served = requests.get(address + path, timeout=SECONDS).text
        assert text_of((folder / file).read_text(encoding="utf-8")) == text_of(served), file
    served = requests.get(f"{address}/accounts.csv", timeout=SECONDS).content
    assert (folder / "accounts.csv").read_bytes() == served


def test_an_account_has_all_its_tabs_on_one_page(
    folder: Path, address: str, warehouse: Warehouse
) -> None:
    [(account,)] = warehouse.query(
        "select account_id from health.account_health where overall_state = 'poor'"
        " order by mrr desc nulls last, account_id limit 1"
    )
    written = text_of((folder / "accounts" / f"{account}.html").read_text(encoding="utf-8"))
    for tab in ("", "service", "product_adoption"):
        served = requests.get(f"{address}/accounts/{account}?tab={tab}", timeout=SECONDS).text
        part = text_of(served).partition("Risk and notes")[2]
        assert part.strip() in written, tab


def test_every_account_is_listed_once_and_has_a_page(folder: Path, warehouse: Warehouse) -> None:
    listed: list[str] = []
    for file in [folder / "index.html", *sorted(folder.glob("accounts-[0-9]*.html"))]:
        markup = file.read_text(encoding="utf-8")
        listed += re.findall(r'<th scope="row"><a href="(accounts/[^"]+)', markup)
    accounts = [id_ for (id_,) in warehouse.query("select account_id from health.account_health")]
    assert sorted(listed) == sorted(f"accounts/{account}.html" for account in accounts)


def test_it_says_of_which_date_and_publication_it_is(folder: Path, warehouse: Warehouse) -> None:
    said = json.loads((folder / "publication.json").read_text(encoding="utf-8"))
    [(accounts,)] = warehouse.query("select count(*) from health.account_health")
    assert (said["health_date"], said["run_id"], said["accounts"]) == (str(END), "test", accounts)
    for file in pages_of(folder):
        assert "As of 22 Nov 2026, published" in file.read_text(encoding="utf-8")


def test_only_the_accounts_that_are_asked_for(warehouse: Warehouse, tmp_path: Path) -> None:
    [(manager, accounts)] = warehouse.query(
        "select csm_email, count(*) from health.account_health where csm_email is not null"
        " group by all order by all limit 1"
    )
    result = health_site(warehouse.settings, tmp_path / "site", "--manager", manager)
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "site" / "accounts").iterdir())) == accounts
    assert broken_links(tmp_path / "site") == []
    assert f"manager is {manager}" in (tmp_path / "site" / "trend.html").read_text("utf-8")
    refused = health_site(warehouse.settings, tmp_path / "none", "--manager", "nobody@nowhere")
    assert refused.exit_code == 1
    assert "No account" in refused.output
    assert not (tmp_path / "none").exists()


def test_a_person_gets_what_the_server_would_show(warehouse: Warehouse, tmp_path: Path) -> None:
    [(manager, accounts)] = warehouse.query(
        "select csm_email, count(*) from health.account_health where csm_email is not null"
        " group by all order by all limit 1"
    )
    people = tmp_path / "people.csv"
    people.write_text(f"person,may_enter,accounts\n{manager},true,own\n", encoding="utf-8")
    asked = {"HEALTH_PAGES_PEOPLE": str(people)}
    result = health_site(warehouse.settings, tmp_path / "site", "--as", manager, **asked)
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "site" / "accounts").iterdir())) == accounts
    refused = health_site(warehouse.settings, tmp_path / "other", "--as", "stranger", **asked)
    assert "may see nothing" in refused.output


def test_an_earlier_date_is_what_the_history_keeps(warehouse: Warehouse, tmp_path: Path) -> None:
    day = END - timedelta(days=20)
    result = health_site(warehouse.settings, tmp_path / "site", "--date", str(day))
    assert result.exit_code == 0, result.output
    assert broken_links(tmp_path / "site") == []
    for state, accounts in warehouse.query(
        "select overall_state, count(*) from health.account_health_history"
        f" where health_date = '{day}' group by all"
    ):
        markup = (tmp_path / "site" / f"accounts-{state}.html").read_text(encoding="utf-8")
        assert f" {accounts} account" in text_of(markup)
        assert "kept of the latest date alone" in markup
    trend = (tmp_path / "site" / "trend.html").read_text(encoding="utf-8")
    assert "22 Nov 2026" not in trend[trend.index("<main") :]
    [(account, letters)] = warehouse.query(
        "select account_id, string_agg(case overall_state when 'good' then 'g' when 'poor' then 'p'"
        " when 'average' then 'a' else '-' end, '' order by health_date) from"
        f" health.account_health_history where health_date between date '{day}' - 44 and '{day}'"
        " group by account_id having count(*) = 45 order by account_id limit 1"
    )
    connection = site_module.Snapshot(warehouse.settings, day).connection
    [(strip,)] = connection.execute(
        "select last_60_days from health.account_health where account_id = ?", [account]
    ).fetchall()
    assert strip == letters.rjust(60, ".")


HOSTILE = [
    "../../evil",
    "a/b",
    "A/B",
    "ACC",
    "acc",
    "con",
    ".",
    "..",
    "é\nx",
    "<img src=x>",
    "x" * 300,
]


def test_names_of_files_stay_in_the_folder_and_apart() -> None:
    names = [file_name(account) for account in HOSTILE]
    assert len({name.lower() for name in names}) == len(HOSTILE)
    for name in names:
        assert re.fullmatch(r"[a-z0-9_-]*(~[0-9a-f]{24})?\.html", name), name
        assert name != "con.html"
    assert file_name("acc_00001") == "acc_00001.html"


@pytest.fixture(scope="module")
def hostile(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy in which the ids of some accounts are hostile everywhere."""
    settings = replace(warehouse.settings, published=tmp_path_factory.mktemp("hostile"))
    shutil.copyfile(warehouse.settings.published_file, settings.published_file)
    with duckdb.connect(str(settings.published_file)) as connection:
        accounts = connection.execute(
            "select account_id from health.account_health order by account_id"
        ).fetchall()
        tables = connection.execute(
            "select table_name from information_schema.columns where table_schema = 'health'"
            " and column_name = 'account_id' and table_name in"
            " (select table_name from duckdb_tables())"
        ).fetchall()
        for (account,), new in zip(accounts, HOSTILE, strict=False):
            for (table,) in tables:
                connection.execute(
                    f"update health.{table} set account_id = ? where account_id = ?", [new, account]
                )
    return settings


def test_hostile_ids_are_pages_like_others(hostile: Settings, tmp_path: Path) -> None:
    result = health_site(hostile, tmp_path / "in" / "site")
    assert result.exit_code == 0, result.output
    assert broken_links(tmp_path / "in" / "site") == []
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["site"]
    shown = [page for file, page in pages_of(tmp_path / "in").items() if "~" in file.name]
    assert len(shown) >= len(HOSTILE) - 1
    assert not any("img" in page.tags for page in shown)


def test_a_run_that_stops_leaves_the_site_before(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "site"
    assert health_site(warehouse.settings, target).exit_code == 0
    before = {file: file.read_bytes() for file in target.rglob("*.html")}
    content = site_module.Site.content
    asked: list[str] = []

    def stopping(self: Any, address: str) -> str:
        asked.append(address)
        if len(asked) == 30:
            raise KeyboardInterrupt
        return content(self, address)

    monkeypatch.setattr(site_module.Site, "content", stopping)
    assert health_site(warehouse.settings, target).exit_code != 0
    assert {file: file.read_bytes() for file in target.rglob("*.html")} == before
    monkeypatch.undo()
    # Stopped between the two renames: the former site is beside its place.
    target.rename(tmp_path / ".site.old")
    assert health_site(warehouse.settings, target).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_another_folder_is_not_replaced(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine", encoding="utf-8")
    result = health_site(warehouse.settings, tmp_path)
    assert result.exit_code == 1
    assert "is there and no site" in " ".join(result.output.split())
    assert [file.name for file in tmp_path.iterdir()] == ["letters.txt"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with a_browser() as found:
        yield found


def test_a_browser_reads_it_from_files(browser: Any, folder: Path) -> None:
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.set_default_timeout(TIMEOUT)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((folder / "index.html").as_uri())
    name = tab.locator("tbody th a").first.inner_text()
    tab.locator("tbody th a").first.click()
    assert tab.locator("h1").inner_text() == name
    tab.locator("nav.tabs a", has_text="Service").click()
    assert tab.url.endswith("#service")
    tab.locator("nav a", has_text="Trend").click()
    assert tab.locator("h1").inner_text() == "Trend"
    assert [url for url in asked if not url.startswith("file:")] == []


def test_no_file_has_a_violation_that_axe_finds(browser: Any, folder: Path) -> None:
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    files = [
        *sorted(folder.glob("*.html")),
        *sorted((folder / "accounts").glob("*.html"))[:3],
    ]
    found = {}
    page = browser.new_page()
    page.set_default_timeout(TIMEOUT)
    for file in files:
        page.goto(file.as_uri())
        if violations := Axe().run(page, options=options).response["violations"]:
            found[file.name] = [
                (one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in violations
            ]
    assert found == {}
