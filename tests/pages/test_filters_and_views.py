"""Each filter, column, tab and view as a person chooses it in a browser, held against SQL."""

import re
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from pages_server import END
from pipeline import ROOT, Warehouse

WORDS = {"good": "Good", "average": "Average", "poor": "Poor", "not_calculated": "Not calculated"}
MARKS = {"good": "▲", "average": "◆", "poor": "▼", "not_calculated": "–"}
LETTERS = {"g": "good", "a": "average", "p": "poor", "-": "not calculated"}


def state(value: str) -> str:
    return f"{MARKS[value]} {WORDS[value]}"


def day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


def amount(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def score(value: float | None) -> str:
    """One decimal, half up."""
    return "–" if value is None else f"{int(value * 10 + 0.5 + 1e-6) / 10:g}"


def cells(tab: Any, region: str) -> list[list[str]]:
    """The texts of the rows of the table with that name."""
    rows = tab.get_by_role("region", name=region, exact=True).locator("tbody tr")
    read = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    return [[" ".join(cell.split()) for cell in row] for row in rows.evaluate_all(read)]


def listed(tab: Any) -> list[str]:
    """Ids of the accounts of the list, in their order."""
    links = tab.locator("tbody th a")
    hrefs = links.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    return [re.sub(r"^/accounts/|\?.*$", "", href) for href in hrefs]


def choose(tab: Any, form: str, **fields: str) -> None:
    """Set the fields of a form of the page by their names, and send it."""
    for name, value in fields.items():
        field = tab.locator(f"{form} [name={name}]")
        if field.first.get_attribute("type") == "checkbox":
            field.and_(tab.locator(f"[value='{value}']")).check()
        elif field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    with tab.expect_navigation():
        tab.locator(f"{form} button").click()


def changed_within(days: int) -> str:
    return (
        "account_id in (select account_id from health.health_changes"
        f" where pillar_id = 'overall' and health_date > date '{END}' - {days})"
    )


def has(condition: str) -> str:
    return f"account_id in (select account_id from health.account_properties where {condition})"


FILTERS: dict[str, tuple[dict[str, str], str]] = {
    "name": ({"q": "METALS"}, "account_name ilike '%metals%'"),
    "id": ({"q": "acc_00013"}, "account_id = 'acc_00013'"),
    "manager": ({"manager": "ines@example.com"}, "csm_email = 'ines@example.com'"),
    "segment": ({"segment": "renewal_due"}, "segment_id = 'renewal_due'"),
    "pillar": (
        {"pillar": "financial", "pillar_state": "average"},
        "account_id in (select account_id from health.pillar_health"
        " where pillar_id = 'financial' and state = 'average')",
    ),
    "MRR": ({"mrr_from": "200.5", "mrr_to": "900"}, "mrr >= 200.5 and mrr <= 900"),
    "tag": ({"tag": "low_adoption"}, has("property_id = 'tag:low_adoption'")),
    "property": ({"property": "parent_account_id"}, has("property_id = 'parent_account_id'")),
    "property's text": (
        {"property": "industry", "property_is": "Manufacturing"},
        has("property_id = 'industry' and value_text = 'manufacturing'"),
    ),
    "property's number": (
        {"property": "integrations_live", "property_is": "1"},
        has("property_id = 'integrations_live' and value_number = 1"),
    ),
    "property's answer": (
        {"property": "has_executive_sponsor", "property_is": "true"},
        has("property_id = 'has_executive_sponsor' and value_text = 'true'"),
    ),
    "changed": ({"changed": "7"}, changed_within(7)),
    "all of them": (
        {"segment": "standard", "mrr_to": "500", "changed": "30"},
        f"segment_id = 'standard' and mrr <= 500 and {changed_within(30)}",
    ),
    "any of them": (
        {"segment": "strategic", "mrr_from": "6000", "tag": "review", "match": "any"},
        "segment_id = 'strategic' or mrr >= 6000 or " + has("property_id = 'tag:review'"),
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_chosen_in_the_form_finds_what_sql_finds(
    tab: Any, address: str, warehouse: Warehouse, name: str
) -> None:
    fields, where = FILTERS[name]
    expected = warehouse.query(
        f"select account_id, mrr from health.account_health where {where}"
        " order by mrr desc nulls last, account_id"
    )
    assert 0 < len(expected) < 50
    tab.goto(f"{address}/?match=all")
    choose(tab, ".filters form", **fields)
    assert listed(tab) == [account for account, _ in expected]
    # The address alone shows the same again, and the form says what was chosen.
    tab.goto(tab.url)
    assert listed(tab) == [account for account, _ in expected]
    for field, value in fields.items():
        assert tab.locator(f".filters [name={field}]").input_value() == value
    assert tab.locator(".bar-words").inner_text().count("MRR") == 4


def test_states_that_are_ticked_filter_at_once(
    tab: Any, address: str, warehouse: Warehouse
) -> None:
    tab.goto(f"{address}/?match=all")
    for value in ("poor", "average"):
        with tab.expect_navigation():
            tab.locator(f".filters [name=state][value={value}]").check()
    assert listed(tab) == [
        account
        for (account,) in warehouse.query(
            "select account_id from health.account_health where overall_state in"
            " ('poor', 'average') order by mrr desc nulls last, account_id"
        )
    ]


def test_the_rows_say_what_the_tables_say(tab: Any, address: str, warehouse: Warehouse) -> None:
    tab.goto(
        f"{address}/?match=all&show=state&show=score&show=strip&show=mrr&show=reason&show=since"
        "&show=risk&show=manager&show=segment&show=settled&show=coverage&show=pillar:financial"
    )
    expected = [
        [
            name,
            state(overall),
            score(value) + (f" ({score(low)} to {score(high)})" if low != high else ""),
            "",
            amount(mrr),
            reason,
            day(since),
            f"{risk:g}" if risk is not None else "–",
            manager,
            segment,
            state(settled),
            f"{coverage:.0%}",
            state(financial),
        ]
        for name, overall, value, low, high, mrr, reason, since, risk, manager, segment, settled,
        coverage, financial in warehouse.query(
            "select account_name, overall_state, overall_score, score_low, score_high, mrr,"
            " main_reason, state_since, risk_score, csm_email, segment_name, settled_state,"
            " coverage, financial_state"
            " from health.account_health left join health.account_risk using (account_id)"
            " order by mrr desc nulls last, account_id limit 50"
        )
    ]  # fmt: skip
    assert cells(tab, "Accounts") == expected
    labels = tab.locator("tbody svg.strip").evaluate_all(
        "strips => strips.map(strip => strip.getAttribute('aria-label'))"
    )
    for label, (letters,) in zip(
        labels,
        warehouse.query(
            "select last_60_days from health.account_health order by mrr desc nulls last,"
            " account_id limit 50"
        ),
        strict=True,
    ):
        counts = Counter(letters)
        parts = [f"{counts[one]} {word}" for one, word in LETTERS.items() if counts[one]]
        parts += [f"{counts['.']} without"] if counts["."] else []
        assert label == f"60 days: {', '.join(parts)}"


def test_columns_are_chosen_moved_and_sorted_by(
    tab: Any, address: str, warehouse: Warehouse
) -> None:
    def headings() -> list[str]:
        return [text.strip(" ▾▴") for text in tab.locator("thead th").all_inner_texts()]

    tab.goto(f"{address}/?show=score&show=reason&show=mrr")
    tab.locator(".columns summary").click()
    tab.locator(".columns [name=show][value=reason]").uncheck()
    tab.locator(".columns [name=show][value=manager]").check()
    with tab.expect_navigation():
        tab.get_by_role("button", name="Use these columns").click()
    assert headings() == ["Account", "Score", "MRR", "Manager"]
    tab.locator(".columns summary").click()
    with tab.expect_navigation():
        tab.get_by_role("link", name="Move Manager left").click()
    assert headings() == ["Account", "Score", "Manager", "MRR"]
    for direction, word in (("desc", "descending"), ("asc", "ascending")):
        with tab.expect_navigation():
            tab.get_by_role("columnheader", name="Score").get_by_role("link").click()
        assert tab.locator(f"th[aria-sort={word}]").count() == 1
        assert listed(tab) == [
            account
            for (account,) in warehouse.query(
                "select account_id from health.account_health"
                f" order by overall_score {direction} nulls last, account_id limit 50"
            )
        ]
    assert headings() == ["Account", "Score", "Manager", "MRR"]


def test_whose_accounts_come_first_is_remembered(
    tab: Any, address: str, warehouse: Warehouse
) -> None:
    mine = {
        account
        for (account,) in warehouse.query(
            "select account_id from health.account_health where csm_email = 'greta@example.com'"
        )
    }
    tab.goto(f"{address}/?match=all")
    choose(tab, ".filters form", manager="greta@example.com", remember="1")
    tab.goto(address)
    assert set(listed(tab)) == mine
    tab.get_by_role("link", name="All accounts").first.click()
    tab.wait_for_url("**/?match=all")
    assert set(listed(tab)) > mine
    choose(tab, ".filters form", manager="", remember="1")
    tab.goto(address)
    assert set(listed(tab)) > mine


def test_each_tab_of_an_account_shows_its_pillar(
    tab: Any, address: str, warehouse: Warehouse, account: str
) -> None:
    tab.goto(f"{address}/accounts/{account}")
    pillars = warehouse.query(
        "select pillar_id, state, score from health.pillar_health"
        f" where account_id = '{account}' order by pillar_id"
    )
    names = dict(
        warehouse.query("select distinct pillar_id, pillar_name from health.pillar_health")
    )
    for pillar, of_pillar, points in pillars:
        tab.get_by_label("Parts of the account").get_by_role(
            "link", name=names[pillar], exact=True
        ).click()
        tab.wait_for_url(f"**tab={pillar}*")
        heading = f"{names[pillar]}: {state(of_pillar)}"
        heading += f", score {score(points)}" if points is not None else ""
        assert tab.locator("h2").first.inner_text() == heading
        conditions = warehouse.query(
            "select clause, rule_set, observed, is_met from health.health_explanations"
            f" where account_id = '{account}' and pillar_id = '{pillar}'"
            f" and health_date = '{END}' and rule_set <> 'segment'"
        )
        shown = cells(tab, "Conditions")
        assert len(shown) == len(conditions)
        answers = Counter(row[-1] for row in shown)
        expected = Counter(
            {True: "✓ yes", False: "✗ no", None: "? unknown"}[is_met] for *_, is_met in conditions
        )
        assert answers == expected
        clauses = {(rule_set, clause) for clause, rule_set, _, _ in conditions}
        assert tab.get_by_role("region", name="Conditions").count() == len(clauses)


def test_users_come_quiet_ones_first_and_features_by_module(
    tab: Any, address: str, warehouse: Warehouse, account: str
) -> None:
    tab.goto(f"{address}/accounts/{account}?tab=product_adoption")
    users = warehouse.query(
        "select coalesce(user_name, user_id), last_active_at, active_days_14d, events_14d"
        f" from health.user_adoption where account_id = '{account}'"
        " order by is_active_14d, last_active_at nulls first, user_id"
    )
    assert users
    for row, (name, active_at, days, events) in zip(cells(tab, "Users"), users, strict=True):
        assert row[0].split(" · ")[0] == name
        assert row[2:] == [day(active_at) if active_at else "never", str(days), f"{events:,.0f}"]
    features = warehouse.query(
        "select feature, coalesce(module, '–'), users_14d, events_14d"
        f" from health.feature_adoption where account_id = '{account}'"
        " order by module nulls last, events_14d desc, feature"
    )
    assert [row[:4] for row in cells(tab, "Features")] == [
        [feature, module, f"{users:,}", f"{events:,.0f}"]
        for feature, module, users, events in features
    ]


def section(tab: Any, heading: str) -> list[str]:
    """The lines of the list under a heading."""
    found = tab.locator("section", has=tab.get_by_role("heading", name=heading))
    return [" ".join(line.split()) for line in found.locator("li").all_inner_texts()]


def test_the_overview_lists_changes_alerts_milestones_and_properties(
    tab: Any, address: str, warehouse: Warehouse, account: str
) -> None:
    tab.goto(f"{address}/accounts/{account}")
    changes = warehouse.query(
        "select health_date, from_state, to_state from health.health_changes"
        f" where account_id = '{account}' and health_date > date '{END}' - 60"
    )
    shown = section(tab, "Changes in 60 days")
    assert len(shown) == len(changes) > 0
    for one, before, after in changes:
        words = f": {state(before)} to {state(after)}, "
        assert any(line.startswith(day(one)) and words in line for line in shown)
    alerts = warehouse.query(
        "select health_date, playbook from health.health_alerts"
        f" where account_id = '{account}' and health_date > date '{END}' - 60"
    )
    lines = section(tab, "Alerts")
    assert len(lines) == len(alerts) > 0
    for one, playbook in alerts:
        assert any(line.startswith(day(one)) and (playbook or "") in line for line in lines)
    [(milestones,)] = warehouse.query(
        f"select count(*) from health.milestone_progress where account_id = '{account}'"
    )
    assert len(section(tab, "Milestones")) == milestones > 0
    [(properties,)] = warehouse.query(
        "select count(*) from health.account_properties"
        f" where account_id = '{account}' and not starts_with(property_id, 'tag:')"
    )
    assert tab.locator("dl dt").count() == properties > 0


def test_any_day_of_the_history_is_shown_as_it_was(
    tab: Any, address: str, warehouse: Warehouse, account: str
) -> None:
    tab.goto(f"{address}/accounts/{account}")
    then = END - timedelta(days=33)
    tab.get_by_label("On", exact=True).fill(str(then))
    with tab.expect_navigation():
        tab.get_by_role("button", name="Show this day").click()
    [(overall, mrr)] = warehouse.query(
        "select overall_state, mrr from health.account_health_history"
        f" where account_id = '{account}' and health_date = '{then}'"
    )
    lead = tab.locator(".lead").inner_text()
    assert lead.startswith(state(overall))
    assert f"MRR {amount(mrr)}" in lead
    assert f"As it was on {day(then)}." in tab.locator("main").inner_text()
    strips = tab.locator("table.strips")
    for name, table, column, also in (
        ("Overall", "account_health_history", "overall_state", ""),
        ("Service", "pillar_health_history", "state", " and pillar_id = 'service'"),
    ):
        label = strips.get_by_role("row", name=name).locator("svg").get_attribute("aria-label")
        for one, days in warehouse.query(
            f"select {column}, count(*) from health.{table} where account_id = '{account}'"
            f" and health_date between date '{then}' - 59 and '{then}'{also} group by all"
        ):
            assert f"{days} {WORDS[one].lower()}" in label
    tab.get_by_role("link", name="Latest day").click()
    tab.wait_for_url(lambda url: "date=" not in url)


PANELS = {
    "segment": "coalesce(history.segment_id, 'none')",
    "analysis": "members.segment_id",
    "manager": "coalesce(history.csm_email, 'nobody')",
}


@pytest.mark.parametrize(
    ("by", "measure", "panel", "of"),
    [
        ("week", "accounts", "segment", "overall"),
        ("day", "share", "manager", "service"),
        ("month", "mrr", "analysis", "overall"),
    ],
)
def test_a_trend_chosen_in_the_form_counts_what_sql_counts(
    tab: Any, address: str, warehouse: Warehouse, by: str, measure: str, panel: str, of: str
) -> None:
    """Of the accounts of a filter, as they are today."""
    tab.goto(f"{address}/trend?mrr_from=200")
    choose(tab, "form:has([name=by])", by=by, measure=measure, panel=panel, of=of)
    assert f"These are the accounts that are so on {day(END)}" in tab.locator("main").inner_text()
    joins = "health.account_health_history as history"
    beside = " inner join health.{} using (health_date, account_id)"
    of_state = "history.overall_state"
    if of != "overall":
        joins += beside.format("pillar_health_history as pillars")
        of_state = f"case when pillars.pillar_id = '{of}' then pillars.state end"
    if panel == "analysis":
        joins += beside.format("segment_membership as members")
        of_state = f"case when membership = 'member' then {of_state} end"
    segments = ROOT / "seeds" / "segments.csv"
    titles = dict(warehouse.query(f"select segment_id, segment_name from '{segments}'"))
    days = 60 if by == "day" else 1000
    expected: dict[str, dict[str, Counter[str]]] = {}
    for title, one, value, accounts, mrr in warehouse.query(
        f"select {PANELS[panel]}, health_date, {of_state} as state, count(*), sum(history.mrr)"
        f" from {joins} where account_id in (select account_id from health.account_health"
        " where mrr >= 200) and health_date in (select max(health_date) from"
        f" health.account_health_history where health_date > date '{END}' - {days}"
        f" group by date_trunc('{by}', health_date))"
        " group by all having state is not null"
    ):
        dates = expected.setdefault(titles.get(title, title), {})
        dates.setdefault(day(one), Counter())[value] = mrr if measure == "mrr" else accounts
    regions = [
        label
        for label in tab.get_by_role("region").evaluate_all(
            "regions => regions.map(region => region.getAttribute('aria-label'))"
        )
        if label.startswith("Table of ")
    ]
    assert len(regions) == len(expected) > 1
    for title, dates in expected.items():
        shown = {row[0]: row[1:] for row in cells(tab, f"Table of {title}")}
        for one, found in dates.items():
            total = sum(found.values())
            written = [
                "0"
                if value not in found
                else f"{found[value] / total:.0%}"
                if measure == "share"
                else f"{found[value]:,.0f}"
                for value in WORDS
            ]
            assert shown.pop(one) == written, (title, one)
        assert all(set(row) == {"0"} for row in shown.values())


def test_flows_between_two_dates_are_those_of_sql(
    tab: Any, address: str, warehouse: Warehouse
) -> None:
    first, last = END - timedelta(days=45), END - timedelta(days=3)
    tab.goto(f"{address}/trend")
    choose(tab, "form:has([name=by])", **{"from": str(first), "to": str(last)})
    expected = warehouse.query(
        "select coalesce(earlier.overall_state, 'not there'),"
        " coalesce(later.overall_state, 'not there'), count(*)"
        " from (select * from health.account_health_history"
        f" where health_date = '{first}') as earlier"
        " full join (select * from health.account_health_history"
        f" where health_date = '{last}') as later using (account_id) group by all"
    )
    shown: Counter[tuple[str, str]] = Counter()
    for before, after, _, accounts, _ in cells(tab, "Flows"):
        shown[before, after] += int(accounts)
    assert shown == {
        (state(before) if before in WORDS else before, state(after) if after in WORDS else after): n
        for before, after, n in expected
    }
    # Of one change between them, its cause; of none, that nothing changed.
    causes = {cause.lower() for _, _, cause, _, _ in cells(tab, "Flows")}
    assert "unchanged" in causes
    assert len(causes) > 2


def test_what_changed_keeps_causes_apart_and_the_greatest_first(
    tab: Any, address: str, warehouse: Warehouse
) -> None:
    since = END - timedelta(days=20)
    tab.goto(f"{address}/changes")
    choose(tab, "form:has([name=since])", since=str(since), of="service")
    expected = warehouse.query(
        "select cause, count(*), sum(account_health.mrr) from health.health_changes"
        " inner join health.account_health using (account_id)"
        " where health_changes.pillar_id = 'service'"
        f" and health_changes.health_date > '{since}' group by all"
    )
    sections = tab.locator("section")
    assert sections.count() == len(expected) > 1
    shown = {}
    for position in range(sections.count()):
        heading = sections.nth(position).locator("h2").inner_text()
        mrrs = [float(row[1].replace(",", "")) for row in cells(tab, heading) if row[1] != "–"]
        assert mrrs == sorted(mrrs, reverse=True)
        shown[heading] = (len(cells(tab, heading)), sum(mrrs))
    assert sorted(rows for rows, _ in shown.values()) == sorted(rows for _, rows, _ in expected)
    total = sum(mrr for _, mrr in shown.values())
    assert total == pytest.approx(sum(mrr or 0 for *_, mrr in expected), abs=len(expected) * 20)


def test_since_i_last_looked_is_remembered(tab: Any, address: str) -> None:
    def looked() -> str:
        [cookie] = [one for one in tab.context.cookies() if one["name"] == "looked"]
        return cookie["value"]

    tab.goto(f"{address}/changes")
    assert looked() == f".{END}"
    assert "Since I last looked" not in tab.locator("main").inner_text()
    # As a browser has it that looked at the dates of two weeks and one week ago.
    before, latest = END - timedelta(days=14), END - timedelta(days=7)
    tab.context.add_cookies([{"name": "looked", "value": f"{before}.{latest}", "url": address}])
    for _ in range(2):
        tab.goto(f"{address}/changes")
        assert tab.locator("h1").inner_text() == f"What changed since {day(latest)}"
        assert looked() == f"{latest}.{END}"
    tab.goto(f"{address}/changes?since={before}")
    tab.get_by_role("link", name=f"Since I last looked ({day(latest)})").click()
    tab.wait_for_url(f"**since={latest}")


def test_what_the_numbers_rest_on_is_counted(tab: Any, address: str, warehouse: Warehouse) -> None:
    tab.goto(f"{address}/trust")
    sources = warehouse.query(
        "select replace(table_name, '_', ' '), replace(status, '_', ' '), latest_at,"
        f" rows_before_date from health.source_status where health_date = '{END}'"
    )
    assert sorted(row[:4] for row in cells(tab, "Sources")) == sorted(
        [table, status, day(latest) if latest else "–", f"{rows:,}" if rows is not None else "–"]
        for table, status, latest, rows in sources
    )
    [(accounts, uncertain)] = warehouse.query(
        "select count(*), count(*) filter (not is_certain) from health.account_health"
    )
    coverage = cells(tab, "Coverage")
    assert sum(int(row[1]) for row in coverage) == accounts
    assert sum(int(row[2]) for row in coverage) == uncertain
    for row in cells(tab, "Flaps"):
        assert int(row[3]) > 0
