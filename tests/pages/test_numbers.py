"""What the pages say, held against SQL on the published tables."""

import csv
import html
import io
import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import requests
from pages_server import END, serving
from pipeline import Warehouse

from orchestration.pages import trend

SECONDS = 60


def page(address: str, path: str) -> str:
    answer = requests.get(address + path, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def rows_of(text: str) -> list[str]:
    """Names of the accounts of a list, in their order."""
    return re.findall(r'<th scope="row"><a href="/accounts/([^"?]+)', text)


def ids(warehouse: Warehouse, where: str) -> list[str]:
    return [
        row[0]
        for row in warehouse.query(
            f"select account_id from health.account_health as accounts where {where}"
            " order by mrr desc nulls last, account_id limit 50"
        )
    ]


FILTERS = {
    "match=all": "true",
    "state=poor": "overall_state = 'poor'",
    "state=poor&state=average": "overall_state in ('poor', 'average')",
    "segment=standard": "segment_id = 'standard'",
    "mrr_from=500&mrr_to=4000": "mrr between 500 and 4000",
    "mrr_from=4000&state=poor&match=any": "mrr >= 4000 or overall_state = 'poor'",
    "pillar=service&pillar_state=poor": "service_state = 'poor'",
    "property=region&property_is=EMEA": "exists (select 1 from health.account_properties as p"
    " where p.account_id = accounts.account_id and property_id = 'region'"
    " and lower(value_text) = 'emea')",
    "changed=14": f"exists (select 1 from health.health_changes as c where c.account_id ="
    f" accounts.account_id and pillar_id = 'overall' and health_date > date '{END}' - 14)",
    "manager=nobody&manager=somebody-else": "csm_email is null",
}


@pytest.mark.parametrize("query", FILTERS)
def test_a_filter_lists_what_sql_finds(address: str, warehouse: Warehouse, query: str) -> None:
    expected = ids(warehouse, FILTERS[query])
    text = page(address, f"/?{query}")
    assert rows_of(text) == expected
    if not expected:
        assert "No account is like this." in text


def test_the_filters_of_these_tests_find_something(warehouse: Warehouse) -> None:
    found = {query: len(ids(warehouse, where)) for query, where in FILTERS.items()}
    assert sum(number > 0 for number in found.values()) >= 8, found


def test_the_bar_counts_accounts_and_mrr_by_state(address: str, warehouse: Warehouse) -> None:
    text = re.sub(r"<[^>]+>", "", page(address, "/?state=poor"))
    for state, accounts, mrr in warehouse.query(
        "select overall_state, count(*), sum(mrr) from health.account_health group by 1"
    ):
        word = {"not_calculated": "Not calculated"}.get(state, state.capitalize())
        money = "–" if mrr is None else f"{mrr:,.0f}"
        assert re.search(rf"{word}\s+{accounts} accounts?, MRR {re.escape(money)}", text), state


@pytest.mark.parametrize("sort", ["score", "-score", "-mrr", "since", "account", "pillar:service"])
def test_a_list_is_sorted_by_the_column_asked_for(address: str, sort: str) -> None:
    columns = "&show=score&show=mrr&show=since&show=pillar:service"
    text = requests.get(f"{address}/accounts.csv?sort={sort}{columns}", timeout=SECONDS).text
    rows = list(csv.reader(io.StringIO(text)))
    position = {"score": 2, "mrr": 3, "since": 4, "account": 1, "pillar:service": 5}
    cells = [row[position[sort.removeprefix("-")]] for row in rows[1:]]
    known = [cell for cell in cells if cell]
    assert cells == known + [""] * (len(cells) - len(known)), "nothing comes last"
    if sort == "pillar:service":
        order = ["poor", "average", "good", "not_calculated"]
        ranks = [order.index(cell) for cell in known]
        assert ranks == sorted(ranks)
    elif "score" in sort or "mrr" in sort:
        numbers = [float(cell) for cell in known]
        assert numbers == sorted(numbers, reverse=sort.startswith("-"))
    else:
        assert known == sorted(known)


def test_a_csv_file_has_all_rows_and_the_columns_shown(address: str, warehouse: Warehouse) -> None:
    answer = requests.get(
        f"{address}/accounts.csv?state=good&show=mrr&show=reason", timeout=SECONDS
    )
    rows = list(csv.reader(io.StringIO(answer.content.decode())))
    assert rows[0] == ["Account id", "Account", "MRR", "Main reason"]
    expected = warehouse.query(
        "select account_id, account_name, mrr, main_reason from health.account_health"
        " where overall_state = 'good' order by mrr desc nulls last, account_id"
    )
    assert [tuple(row) for row in rows[1:]] == [
        (account, name, "" if mrr is None else str(mrr), reason or "")
        for account, name, mrr, reason in expected
    ]


def test_a_number_property_is_shown_and_sorted(address: str, warehouse: Warehouse) -> None:
    column = "property:account_age_days"
    answer = requests.get(f"{address}/accounts.csv?show={column}&sort=-{column}", timeout=SECONDS)
    rows = list(csv.reader(io.StringIO(answer.text)))[1:]
    expected = warehouse.query(
        "select value_number from health.account_properties"
        " where property_id = 'account_age_days' order by 1 desc"
    )
    assert [float(row[2]) for row in rows] == [value for (value,) in expected]


def test_the_bar_of_any_counts_the_list(address: str, warehouse: Warehouse) -> None:
    [(manager,)] = warehouse.query("select min(csm_email) from health.account_health")
    text = re.sub(r"<[^>]+>", "", page(address, f"/?match=any&state=poor&manager={manager}"))
    counted = sum(int(number) for number in re.findall(r"(\d+) accounts?, MRR", text))
    total = re.search(r"(\d+) accounts?[.,]\s", text[text.index("Use these columns") :])
    assert total
    assert counted == int(total[1])


def test_columns_can_be_moved(address: str) -> None:
    text = page(address, "/?show=score&show=mrr&show=risk")
    link = re.search(r'<a href="(/\?[^"]*)" aria-label="Move Risk left"', text)
    assert link
    headings = re.findall(r"<th scope=\"col\"[^>]*>\s*<a[^>]*>([A-Z]\w+)", page(address, link[1]))
    assert headings == ["Account", "Score", "Risk", "MRR"]


def test_an_account_shows_each_condition_with_its_numbers(
    address: str, warehouse: Warehouse
) -> None:
    [(account, pillar)] = warehouse.query(
        "select account_id, worst_pillar_id from health.account_health"
        " where overall_state = 'poor' order by mrr desc nulls last, account_id limit 1"
    )
    text = page(address, f"/accounts/{account}?tab={pillar}")
    conditions = warehouse.query(
        "select is_met from health.health_explanations"
        f" where account_id = '{account}' and pillar_id = '{pillar}' and health_date = '{END}'"
        " and rule_set <> 'segment'"
    )
    table = text[text.index("<h2>", text.index('class="tabs"')) :]
    for word, is_met in (("yes", True), ("no", False), ("unknown", None)):
        shown = len(re.findall(rf'<td><span class="{word}">', table))
        assert shown == sum(met is is_met for (met,) in conditions), word


def test_an_earlier_day_shows_the_states_of_that_day(address: str, warehouse: Warehouse) -> None:
    day = END - timedelta(days=40)
    for account, state in warehouse.query(
        "select account_id, overall_state from health.account_health_history"
        f" where health_date = '{day}' order by account_id limit 5"
    ):
        text = page(address, f"/accounts/{account}?date={day}")
        lead = text[text.index('class="lead"') :]
        assert re.search(rf'^[^>]*><span class="state {state}">', lead)
        assert "are kept of the latest date alone" in text


def test_a_trend_counts_what_the_history_says(address: str, warehouse: Warehouse) -> None:
    text = page(address, "/trend?by=month")
    table = text[text.index("<tbody>") : text.index("</tbody>")]
    cells = re.findall(r'<td class="number">(?:<a [^>]*>)?([\d,]+)<', table)
    expected = warehouse.query(
        "with months as (select max(health_date) as health_date from health.account_health_history"
        " group by date_trunc('month', health_date))"
        " select health_date, count(*) filter (overall_state = 'good'),"
        " count(*) filter (overall_state = 'average'), count(*) filter (overall_state = 'poor'),"
        " count(*) filter (overall_state = 'not_calculated')"
        " from health.account_health_history inner join months using (health_date)"
        " group by health_date order by health_date"
    )
    assert cells == [str(cell) for row in expected for cell in row[1:]]


def test_a_bar_lists_its_accounts(address: str, warehouse: Warehouse) -> None:
    text = page(address, "/trend?by=week&of=service&panel=segment")
    links = re.findall(
        r'href="(/trend/accounts\?[^"]+)" tabindex="-1" aria-label="[^"]*: ([\d,]+) accounts', text
    )
    assert len(links) > 10
    for link, accounts in links[::7]:
        assert len(rows_of(page(address, link))) == int(accounts)


def test_a_trend_shows_the_panels_with_the_most_accounts(
    address: str, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trend, "MOST_PANELS", 2)
    text = page(address, "/trend?by=month&panel=manager")
    shown = set(re.findall(r"Bars of ([^;]+);", text))
    sizes = dict(
        warehouse.query(
            "select coalesce(csm_email, 'nobody'), count(*) from health.account_health_history"
            " where health_date in (select max(health_date) from health.account_health_history"
            " group by date_trunc('month', health_date)) group by all"
        )
    )
    assert len(shown) == 2 < len(sizes)
    left_out = [number for manager, number in sizes.items() if manager not in shown]
    assert min(sizes[manager] for manager in shown) >= max(left_out)
    assert f"{len(left_out)} are not" in text


def test_flows_are_the_accounts_of_both_dates(address: str, warehouse: Warehouse) -> None:
    first = END - timedelta(days=30)
    text = page(address, f"/trend?from={first}&to={END}")
    flows = text[text.index('aria-label="Flows"') :]
    counted = [int(cell) for cell in re.findall(r'</td>\s*<td class="number">(\d+)</td>', flows)]
    [(expected,)] = warehouse.query(
        "select count(distinct account_id) from health.account_health_history"
        f" where health_date in ('{first}', '{END}')"
    )
    assert sum(counted) == expected


def test_changes_since_a_date_are_those_of_the_table(address: str, warehouse: Warehouse) -> None:
    since = date(2026, 11, 1)
    text = page(address, f"/changes?since={since}")
    expected = warehouse.query(
        "select changes.account_id from health.health_changes as changes"
        " inner join health.account_health as accounts using (account_id)"
        f" where changes.pillar_id = 'overall' and changes.health_date > '{since}'"
    )
    assert sorted(rows_of(text)) == sorted(account for (account,) in expected)


def test_trust_names_every_source_and_every_open_failure(
    address: str, warehouse: Warehouse
) -> None:
    text = page(address, "/trust")
    for (table,) in warehouse.query("select distinct table_name from health.source_status"):
        assert table.replace("_", " ") in text
    for account, name in warehouse.query(
        "select distinct account_id, account_name from health.not_calculated_accounts"
        f" where health_date = '{END}' and needs_review"
    ):
        assert (name or account) in text


def test_trust_shows_the_last_back_test_or_how_to_run_one(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    settings = replace(warehouse.settings, state=tmp_path)
    kept = {
        "made_on": "2026-11-20",
        "verdict": "Overall health foretold churn 30 days ahead.",
        "first_date": "2026-09-20",
        "last_date": "2026-10-20",
        "dates": 5,
        "known_until": "2026-11-19",
        "accounts": 1234,
        "labels": "churned_at of the accounts",
        "config_version": "another",
        "horizons": [
            {
                "days": 30,
                "left": 41,
                "auc": [0.7312, 0.6501, 0.8049],
                "rival": {"name": "open_tickets", "auc": 0.6644},
                "health_is": ["no better", "open_tickets"],
            },
            {"days": 60, "left": 4, "auc": None, "rival": None, "health_is": None},
        ],
    }
    with serving(settings) as served:
        assert "health backtest" in page(served, "/trust")
        (tmp_path / "backtest.json").write_text(json.dumps(kept), encoding="utf-8")
        text = " ".join(re.sub(r"<[^>]+>", " ", page(served, "/trust")).split())
    assert "Overall health foretold churn 30 days ahead." in text
    assert "Run on 20 Nov 2026 over 5 health dates" in text
    assert "1,234 accounts" in text
    assert "The configuration has changed since." in text
    assert "30 41 0.73 (0.65 to 0.80) Open tickets 0.66 no better than Open tickets" in text
    assert "60 4 too few left" in text


def test_what_is_not_there_is_said(address: str) -> None:
    for path in ("/accounts/nobody", "/nowhere", "/accounts/acc'; drop table x"):
        answer = requests.get(address + path, timeout=SECONDS)
        assert answer.status_code == 404
        assert "This cannot be shown" in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "page=0&sort=nothing&show=nothing",
        "page=99999999999&mrr_from=x&changed=-3&state=%00",
        "pillar=x'y&pillar_state=poor&property=a%22b&property_is=%27",
        "by=x&measure=y&panel=z&of=w&from=2026-99-99&since=yesterday",
        "q=" + "a" * 5000,
    ],
)
def test_an_address_by_hand_breaks_nothing(address: str, query: str) -> None:
    for path in ("/", "/trend", "/changes", "/accounts.csv", "/trend/accounts"):
        answer = requests.get(f"{address}{path}?{query}", timeout=SECONDS)
        assert answer.status_code == 200, (path, answer.text[:300])
