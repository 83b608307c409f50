"""The pages as people use them: by keyboard, on a phone, with assistive programs, in a browser."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe

PHONE = {"width": 360, "height": 740}


def paths(account: str) -> list[str]:
    return [
        "/?match=all",
        "/?state=poor&pillar=service&pillar_state=poor&show=pillar:service&show=strip",
        "/?q=nobody+is+called+this",
        f"/accounts/{account}",
        f"/accounts/{account}?tab=product_adoption",
        f"/accounts/{account}?tab=risk",
        "/trend",
        "/trend?by=week&panel=segment&measure=share",
        "/trend/accounts?bar_state=poor",
        "/changes",
        "/trust",
        "/nowhere",
    ]


def test_no_page_has_a_violation_that_axe_finds(tab: Any, address: str, account: str) -> None:
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    found = {}
    for path in paths(account):
        tab.goto(address + path)
        for opened in tab.locator("details > summary").all():
            if opened.evaluate("summary => !summary.parentElement.open"):
                opened.click()
        violations = Axe().run(tab, options=options).response["violations"]
        if violations:
            found[path] = [
                (one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in violations
            ]
    assert found == {}


def test_on_a_phone_the_page_does_not_scroll_sideways(tab: Any, address: str, account: str) -> None:
    tab.set_viewport_size(PHONE)
    widths = {}
    for path in paths(account):
        tab.goto(address + path)
        widths[path] = tab.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in widths.items() if width > PHONE["width"]} == {}


def test_the_keyboard_alone_filters_and_opens_an_account(tab: Any, address: str) -> None:
    tab.goto(address)

    def focused(script: str) -> Any:
        return tab.evaluate(f"(() => {{ const element = document.activeElement; {script} }})()")

    def press_until(key: str, script: str) -> None:
        for _ in range(200):
            tab.keyboard.press(key)
            if focused(f"return Boolean({script})"):
                return
        raise AssertionError(f"{script} was not reached")

    tab.keyboard.press("Tab")
    assert focused("return element.className") == "skip"
    press_until("Tab", "element.tagName == 'SUMMARY' && element.textContent == 'Filters'")
    tab.keyboard.press("Enter")
    press_until("Tab", "element.name == 'state' && element.value == 'poor'")
    with tab.expect_navigation():
        tab.keyboard.press("Space")
    assert "state=poor" in tab.url
    press_until("Tab", "element.closest('tbody') && element.tagName == 'A'")
    name = focused("return element.textContent")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    assert tab.locator("h1").inner_text() == name


def test_a_click_on_the_bar_filters_and_the_columns_are_kept(tab: Any, address: str) -> None:
    tab.goto(f"{address}/?show=score&show=mrr")
    tab.locator(".bar-words a", has_text="Good").click()
    tab.wait_for_url("**state=good**")
    states = set(tab.locator("thead th").all_inner_texts())
    assert {"Account", "Score"} <= {text.strip() for text in states}
    assert tab.locator("tbody tr").count() > 0


def test_a_bar_of_the_trend_opens_its_accounts(tab: Any, address: str) -> None:
    tab.goto(f"{address}/trend")
    bar = tab.locator("svg.chart a").last
    words = bar.get_attribute("aria-label")
    bar.locator("rect").click()
    tab.wait_for_url("**/trend/accounts**")
    assert f": {tab.locator('tbody tr').count()} accounts" in words


def test_without_scripts_the_forms_work(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.locator(".filters summary").click()
    page.locator("input[name=state][value=good]").check()
    page.locator(".filters button").click()
    assert "state=good" in page.url
    assert set(page.locator("tbody .state").all_inner_texts()) == {"▲ Good"}
    context.close()
