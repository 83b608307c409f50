"""A run publishes while people look: a page is of one publication, and a newer one is offered."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import requests
from pages_server import END, START, serving
from pipeline import Warehouse

from orchestration.publishing.publication import publish

SECONDS = 60
REQUESTS = 40
# Where a page takes names from: the latest tables, the history, and what is kept of who left.
NAMED = ("account_health", "account_churn", "not_calculated_accounts")
MANAGED = ("account_health", "account_health_history", "not_calculated_accounts")
PATHS = (
    "/?match=all&show=manager&show=mrr",
    "/?state=poor&state=average&show=manager",
    "/?tag=referral&property=region&match=any&sort=account",
    "/accounts.csv?show=manager&show=reason",
    "/trend?panel=manager&by=week",
    "/trend/accounts?bar_state=good",
    "/changes?since=2026-10-01",
    "/trust",
)


def marked(warehouse: Warehouse, number: int) -> None:
    """Give every name and manager a mark of the publication that is to follow."""
    with warehouse.writing() as connection:
        for column, tables in (("account_name", NAMED), ("csm_email", MANAGED)):
            for table in tables:
                connection.execute(
                    f"update health.{table} set {column} ="
                    f" regexp_replace({column}, '^(mark\\d )?', 'mark{number} ')"
                )


@pytest.fixture(scope="module")
def published(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse of its own, whose first publication is marked with 1."""
    folder = tmp_path_factory.mktemp("swapping")
    shutil.copyfile(warehouse.path, folder / "warehouse.duckdb")
    own = Warehouse(folder / "warehouse.duckdb", warehouse.raw)
    marked(own, 1)
    publish(own.settings, "run 1", START, END)
    return own


def test_requests_across_swaps_are_of_one_publication_each(published: Warehouse) -> None:
    accounts = published.query("select account_id from health.account_health order by all limit 4")
    paths = [*PATHS, *(f"/accounts/{account}?tab=risk" for (account,) in accounts)]
    is_over = Event()

    def reader(start: int, address: str) -> list[tuple[str, int, str]]:
        """Ask for one page after the other until all is published, and a round afterwards."""
        answers: list[tuple[str, int, str]] = []
        after = 0
        while after < len(paths):
            path = paths[(start + len(answers)) % len(paths)]
            after += is_over.is_set()
            answer = requests.get(address + path, timeout=SECONDS)
            answers.append((path, answer.status_code, answer.text))
        return answers

    with serving(published.settings) as address, ThreadPoolExecutor(4) as threads:
        readers = [threads.submit(reader, 3 * number, address) for number in range(4)]
        for number in (2, 3):
            marked(published, number)
            publish(published.settings, f"run {number}", START, END, only={*NAMED, *MANAGED})
        is_over.set()
        answers = [answer for one in readers for answer in one.result()]
    assert len(answers) >= REQUESTS
    assert [(path, status) for path, status, _ in answers if status != 200] == []
    seen = set()
    for path, _, text in answers:
        said = set(re.findall(r"mark(\d) ", text))
        key = re.search(r'data-publication="run (\d)\.', text)
        assert len(said) == 1, (path, said)
        assert key is None or {key[1]} == said, path
        seen |= said
    assert seen == {"1", "2", "3"}


def test_a_page_that_is_open_offers_the_newer_publication(
    browser: Any, published: Warehouse
) -> None:
    with serving(published.settings) as address:
        tab = browser.new_page()
        tab.clock.install()
        tab.goto(f"{address}/trust")
        before = tab.locator("main").inner_text()
        publish(published.settings, "run 4", START, END, only=())
        tab.clock.run_for(31_000)
        tab.get_by_text("Newer results are published.").wait_for()
        assert tab.locator("main").inner_text() == before
        tab.get_by_role("link", name="Show them").click()
        tab.wait_for_load_state()
        assert tab.locator("body").get_attribute("data-publication").startswith("run 4.")
        assert tab.locator("#newer").inner_text() == ""
