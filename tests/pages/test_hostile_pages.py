"""Names and notes of people who mean no good are text on every page."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest
import requests
from pages_server import serving
from pipeline import Warehouse

SECONDS = 60
MARKUP = "<script>alert(1)</script>"
NAMES = (MARKUP, '"><img src=x onerror=alert(1)>', "[/EU] {{ 7 * 7 }} \u202eevil\x1b[2J", "=1+1")
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def hostile(
    warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, list[str]]]:
    """The pages of a copy in which names, managers, tags and reasons are hostile; some accounts."""
    folder = tmp_path_factory.mktemp("hostile")
    settings = replace(warehouse.settings, published=folder)
    shutil.copyfile(warehouse.settings.published_file, settings.published_file)
    with duckdb.connect(str(settings.published_file)) as connection:
        ids = [
            account
            for (account,) in connection.execute(
                "select account_id from health.account_health order by mrr desc nulls last limit 4"
            ).fetchall()
        ]
        for account, name in zip(ids, NAMES, strict=True):
            for table in ("account_health", "account_churn"):
                connection.execute(
                    f"update health.{table} set account_name = ? where account_id = ?",
                    [name, account],
                )
            for column in ("csm_email", "main_reason", "lifecycle_stage"):
                connection.execute(
                    f"update health.account_health set {column} = ? where account_id = ?",
                    [name, account],
                )
            connection.execute(
                "insert into health.account_properties select health_date, account_id,"
                " 'tag:' || ?, 'boolean', 'true', null from health.account_health"
                " where account_id = ?",
                [name, account],
            )
            connection.execute(
                "update health.account_risk set risk_note = ? where account_id = ?",
                [name, account],
            )
    with serving(settings) as address:
        yield address, ids


def test_what_people_typed_is_text(hostile: tuple[str, list[str]]) -> None:
    address, ids = hostile
    paths = ["/?match=all&show=manager&show=stage&show=reason", "/trend?panel=manager", "/changes"]
    paths += ["/trust", *(f"/accounts/{account}?tab=risk" for account in ids)]
    shown = ""
    for path in paths:
        answer = requests.get(address + path, timeout=SECONDS)
        assert answer.status_code == 200, path
        assert not UNSEEN.search(answer.text), path
        for markup in ("<script>alert", "<img src=x"):
            assert markup not in answer.text, path
        shown += answer.text
    assert "&lt;script&gt;alert(1)" in shown
    assert "{{ 7 * 7 }}" in shown


def test_a_name_is_no_formula_in_a_spreadsheet(hostile: tuple[str, list[str]]) -> None:
    address, _ = hostile
    text = requests.get(f"{address}/accounts.csv?show=reason", timeout=SECONDS).text
    assert "'=1+1,'=1+1" in text
