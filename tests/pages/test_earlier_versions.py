"""A publication of an earlier version: each page is shown, or says that the next run brings it."""

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import requests
from pages_server import serving
from pipeline import Warehouse

SECONDS = 60
PATHS = (
    *("/?match=all", "/?show=risk&show=certain", "/accounts.csv", "/accounts/acc_00001"),
    *("/accounts/acc_00001?tab=service", "/accounts/acc_00001?tab=risk", "/trend?of=service"),
    *("/changes", "/trust"),
)
# What a version did not publish yet, and a page that cannot do without it.
FORMER = {
    "alter table health.account_health drop column score_low": ("/?match=all", "score_low"),
    "alter table health.nearest_flips drop column needed": ("/?match=all", "needed"),
    "alter table health.account_health drop column settled_state": ("/trust", "settled_state"),
    "drop table health.account_risk": ("/accounts.csv", "account_risk"),
    "drop table health.account_rollup_history": ("/accounts/acc_00001", "account_rollup_history"),
    "drop table health.health_changes": ("/changes", "health_changes"),
}


@pytest.mark.parametrize("change", FORMER)
def test_what_is_not_there_yet_is_said(warehouse: Warehouse, tmp_path: Path, change: str) -> None:
    settings = replace(warehouse.settings, published=tmp_path)
    shutil.copyfile(warehouse.settings.published_file, settings.published_file)
    with duckdb.connect(str(settings.published_file)) as connection:
        connection.execute("update health.publication set product_version = '0.0.9'")
        connection.execute(change)
    asked, missing = FORMER[change]
    with serving(settings) as address:
        answers = {path: requests.get(address + path, timeout=SECONDS) for path in PATHS}
    assert {answer.status_code for answer in answers.values()} <= {200, 503}
    assert answers[asked].status_code == 503
    for path, answer in answers.items():
        if answer.status_code == 503:
            assert "of an earlier version, 0.0.9" in answer.text, path
            assert missing in answer.text, path
            assert "The next run brings it" in answer.text, path
