"""The pages as people use them: by keyboard, on a phone, with assistive programs, in a browser."""

import io
import itertools
import math
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

LEAST_DISTANCE = 25  # 2 is just seen; a plain green and red have 9 for who sees them alike
PHONE = {"width": 360, "height": 740}


def paths(account: str) -> list[str]:
    return [
        "/?match=all",
        "/?state=poor&pillar=service&pillar_state=poor&show=pillar:service&show=strip",
        "/?q=nobody+is+called+this",
        f"/accounts/{account}",
        f"/accounts/{account}?tab=product_adoption",
        f"/accounts/{account}?tab=risk",
        f"/accounts/{account}?tab=service&date=2026-10-20",
        "/trend",
        "/trend?by=week&panel=segment&measure=share",
        "/trend/accounts?bar_state=poor",
        "/changes",
        "/changes?since=2026-09-30&of=service",
        "/trust",
        "/nowhere",
    ]


def open_all(tab: Any) -> None:
    """Open what a page keeps folded."""
    for summary in tab.locator("details > summary").all():
        if summary.evaluate("summary => !summary.parentElement.open"):
            summary.click()


def test_no_page_has_a_violation_that_axe_finds(tab: Any, address: str, account: str) -> None:
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    found = {}
    for path in paths(account):
        tab.goto(address + path)
        open_all(tab)
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
        open_all(tab)
        widths[path] = tab.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in widths.items() if width > PHONE["width"]} == {}


def test_a_state_is_said_by_mark_and_word(tab: Any, address: str, account: str) -> None:
    said = {"▲ Good", "◆ Average", "▼ Poor", "– Not calculated"}
    for path in paths(account):
        tab.goto(address + path)
        states = {" ".join(text.split()) for text in tab.locator(".state").all_inner_texts()}
        assert states <= said, path
        # What is drawn has words of its own, or words beside it that everybody sees.
        for picture in tab.locator("svg").all():
            is_named = picture.get_attribute("aria-label")
            beside = picture.locator("xpath=following-sibling::ul[@class='bar-words']/li")
            assert is_named or beside.count() == len(said), path
        bare = "rects => rects.filter(rect => !rect.parentElement.querySelector('title')).length"
        assert tab.locator("svg:not([aria-hidden]) rect").evaluate_all(bare) == 0, path


def lab(colour: tuple[int, ...]) -> tuple[float, float, float]:
    """Of sRGB in CIE L*a*b*, in which distances are as great as they look."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in
              (value / 255 for value in colour[:3])]  # fmt: skip
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    x, y, z = (
        sum(factor * value for factor, value in zip(row, linear, strict=True)) / of_white
        for row, of_white in zip(to_xyz, white, strict=True)
    )
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("sight", ["none", "deuteranopia", "protanopia", "tritanopia"])
def test_colours_of_states_are_told_apart(tab: Any, address: str, sight: str) -> None:
    tab.goto(f"{address}/trend")
    session = tab.context.new_cdp_session(tab)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": sight})
    colours = []
    for word in tab.locator(".legend .state").all():
        picture = Image.open(io.BytesIO(word.screenshot())).convert("RGB")
        colours.append(lab(picture.getpixel((6, picture.height // 2))))
    assert len(colours) == 4
    for one, other in itertools.combinations(colours, 2):
        assert math.dist(one, other) > LEAST_DISTANCE, (sight, colours)


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
