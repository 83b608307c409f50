"""What is entered in a browser is pending, and after the next health date stands in the tables."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from pages_server import END, NOBODY_ELSE, START, serving
from pipeline import Warehouse

from orchestration.base import clock
from orchestration.publishing.publication import publish

TIMEOUT = 60_000  # milliseconds
NOTE = "The sponsor leaves in spring"
REASON = "An escalation that no ticket knows of"
LAST_DAY = END + timedelta(days=30)
PENDING = "counted from the next health date"


@pytest.fixture
def own(warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of all, with raw tables that can be entered into."""
    shutil.copytree(warehouse.raw, tmp_path / "raw")
    shutil.copyfile(warehouse.path, tmp_path / "warehouse.duckdb")
    return Warehouse(tmp_path / "warehouse.duckdb", tmp_path / "raw")


class Night:
    """The clock of the pages, and the run of the next health date."""

    def __init__(self, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
        self.warehouse = warehouse
        self.day, self.seconds = END, 0
        monkeypatch.setattr(clock, "now", self.now)
        publish(warehouse.settings, "first", START, END)

    def now(self) -> datetime:
        self.seconds += 1
        return datetime.combine(self.day, time(10), UTC) + timedelta(seconds=self.seconds)

    def passes(self) -> date:
        self.day += timedelta(days=1)
        self.warehouse.calculate(self.day, self.day, "--exclude-resource-type", "test")
        publish(self.warehouse.settings, f"night {self.day}", self.day, self.day)
        return self.day


@pytest.fixture
def night(own: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(own, monkeypatch)


@pytest.fixture
def tab(browser: Any, night: Night) -> Iterator[Any]:
    with serving(night.warehouse.settings) as address:
        opened = browser.new_page(base_url=address)
        opened.set_default_timeout(TIMEOUT)
        yield opened


def enter(tab: Any, form: str, **fields: str) -> None:
    """Fill in the form of that title, by the labels of its fields, and send it."""
    entry = tab.locator("form.entry", has=tab.get_by_role("heading", name=form, exact=True))
    for label, value in fields.items():
        field = entry.get_by_label(label.replace("_", " "))
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
    with tab.expect_navigation():
        entry.get_by_role("button").click()


def pending(tab: Any) -> list[str]:
    if not tab.get_by_text(PENDING).count():
        return []
    return tab.get_by_text(PENDING).locator("xpath=following-sibling::ul[1]/li").all_inner_texts()


def test_entries_are_pending_then_published(tab: Any, night: Night) -> None:
    own = night.warehouse
    [(account, tag)] = own.query(
        "select account_id, risk_tags ->> 0 from health.account_health"
        " inner join health.account_risk using (account_id)"
        " where service_state = 'good' and json_array_length(risk_tags) = 1"
        " order by account_id limit 1"
    )
    risk = f"/accounts/{account}?tab=risk"
    tab.goto(risk)
    assert pending(tab) == []

    enter(tab, "Risk score", Score="62.5", Note=NOTE)
    enter(tab, "Tag on", Tag="merger_talks", Kind="risk", Note="by a competitor")
    enter(tab, "Tag off", Tag=tag.replace("_", " "))
    override = {"Of": "Service", "Is": "Poor", "Reason": REASON}
    enter(tab, "Override a state", **override, Last_day=str(END - timedelta(days=1)))
    assert "has to be after today. Nothing was entered" in tab.get_by_role("alert").inner_text()
    # What was written is still there.
    enter(tab, "Override a state", Last_day=str(LAST_DAY))
    entered = pending(tab)
    assert len(entered) == 4
    for words in (f"62.5 by {NOBODY_ELSE.user}: {NOTE}", "merger talks", "tag off", "service poor"):
        assert sum(words in line for line in entered) == 1, (words, entered)

    [(ended, override)] = own.query(
        "select account_id, override_id from health.override_history"
        f" where expires_at > '{END}' and account_id in"
        " (select account_id from health.account_health)"
    )
    tab.goto(f"/accounts/{ended}?tab=risk")
    entry = tab.locator("select[name=refers_to] option")
    assert [entry.get_attribute("value")] == [override]
    enter(tab, "End an override", Override=entry.inner_text())
    assert len(pending(tab)) == 1

    day = night.passes()
    assert own.query(
        "select risk_score, risk_note, risk_author, risk_tags from health.account_risk"
        f" where account_id = '{account}'"
    ) == [(62.5, NOTE, NOBODY_ELSE.user, '["merger_talks"]')]
    assert own.query(
        "select state, reason, author, expires_at::date from health.override_history"
        f" where account_id = '{account}' and pillar_id = 'service'"
    ) == [("poor", REASON, NOBODY_ELSE.user, LAST_DAY)]
    of_service = (
        "select health_date, state, calculated_state, is_overridden"
        " from health.pillar_health_history"
        f" where account_id = '{account}' and pillar_id = 'service'"
        " order by health_date desc limit 1"
    )
    assert own.query(of_service) == [(day, "poor", "good", True)]
    tab.goto(risk)
    assert pending(tab) == []
    text = tab.locator("main").inner_text()
    by_whom = f"Service: ▼ Poor, by {NOBODY_ELSE.user}"
    for words in ("Risk score 62.5", NOTE, "merger talks: by a competitor", by_whom, REASON):
        assert words in text
    tab.goto(f"/accounts/{account}?tab=service")
    assert "Overridden; calculated: ▲ Good" in tab.locator("main").inner_text()
    tab.goto("/?tag=merger_talks")
    assert tab.locator("tbody tr").count() == 1
    assert own.query(
        f"select expires_at::date from health.override_history where override_id = '{override}'"
    ) == [(END,)]
    assert own.query(
        "select health_date, is_overridden from health.account_health_history"
        f" where account_id = '{ended}' order by health_date desc limit 2"
    ) == [(day, False), (END, True)]
    tab.goto(f"/accounts/{ended}?tab=risk")
    assert pending(tab) == []
    assert tab.get_by_role("heading", name="End an override").count() == 0
