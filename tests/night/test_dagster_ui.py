"""Dagster's UI in a real browser: asset graph, checks and a finished run show."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster_browser import a_browser, serving
from nights import END, a_night, a_night_calculated

# Where the screenshots go that a person wants to look at.
SCREENSHOTS = os.environ.get("HEALTH_SCREENSHOTS")


@pytest.fixture(scope="module")
def browser() -> Iterator["object"]:
    with a_browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def address(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The webserver of a Dagster that has run the job."""
    assert a_night_calculated().exit_code == 0
    folder = tmp_path_factory.mktemp("ui")
    with serving(folder, a_night().environment, "dagster", "dagster-webserver") as address:
        yield address


HISTORY = "/assets/health/account_health_history"
LAYER = "/locations/orchestration.definitions/asset-groups/health"


@pytest.mark.parametrize(
    ("name", "path", "texts"),
    [
        ("graph", "/asset-groups", ["staging", "published"]),
        ("layer", f"{LAYER}/list", ["account_health_history"]),
        # Which date was calculated last, other tests of the worker decide.
        ("history", HISTORY, ["account_health_history", f"{END.year}-1"]),
        ("lineage", f"{HISTORY}?view=lineage", ["account_health_history"]),
        ("checks", f"{HISTORY}?view=checks", ["accounts_kept"]),
        ("raw_checks", "/assets/raw/tickets?view=checks", ["null_share", "freshness_hours"]),
        ("runs", "/runs", ["health", "Success"]),
        ("automation", "/automation", ["nightly", "new_raw_files"]),
    ],
)
def test_the_page_shows(
    browser: object, address: str, tmp_path: Path, name: str, path: str, texts: list[str]
) -> None:
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    try:
        page.goto(address + path)
        for text in texts:
            page.get_by_text(text).first.wait_for(timeout=60_000, state="attached")
        if SCREENSHOTS:
            page.wait_for_timeout(3000)
            page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"))
    finally:
        page.close()


def test_there_is_a_finished_run_to_open(browser: object, address: str) -> None:
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    try:
        page.goto(f"{address}/runs")
        page.locator("a[href*='/runs/']").first.wait_for(timeout=60_000)
        run = page.locator("a[href*='/runs/']").first.get_attribute("href")
        page.goto(f"{address}/runs/{Path(run).name}")
        for text in ("Success", "dbt_build"):
            page.get_by_text(text).first.wait_for(timeout=60_000, state="attached")
        if SCREENSHOTS:
            page.wait_for_timeout(3000)
            page.screenshot(path=str(Path(SCREENSHOTS) / "run.png"))
    finally:
        page.close()
