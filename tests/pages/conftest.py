"""One history and one server for all tests of the pages that change nothing; a browser a module."""

from collections.abc import Iterator
from typing import Any

import pytest
from dagster_browser import a_browser
from pages_server import published_sample, serving
from pipeline import Warehouse

TIMEOUT = 60_000  # milliseconds


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return published_sample(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="session")
def address(warehouse: Warehouse) -> Iterator[str]:
    with serving(warehouse.settings) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with a_browser() as found:
        yield found


@pytest.fixture
def tab(browser: Any, address: str) -> Iterator[Any]:
    """A tab that asks no other host for anything, and whose page makes no error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(TIMEOUT)
    asked: list[str] = []
    errors: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )
    yield opened
    context.close()
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    assert [error for error in errors if "Failed to load resource" not in error] == []


@pytest.fixture
def account(warehouse: Warehouse) -> str:
    return warehouse.query(
        "select account_id from health.account_health where overall_state = 'poor'"
        " order by mrr desc nulls last, account_id limit 1"
    )[0][0]
