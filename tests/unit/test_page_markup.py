"""Of a page that others wrote, only text, its structure and links within it are kept."""

import pytest

from expectations.page_markup import kept

SHELL = "<!doctype html>\n<html><head><title>T</title></head><body>{}</body></html>"


@pytest.mark.parametrize(
    "markup",
    [
        '<h5 id="section-1" class="x">A</h5><table><tr><td colspan="2">1 &lt; 2</td></tr></table>',
        '<a href="#section-1">A</a> <a href="../../index.html">B</a> <a href="index.html#x">C</a>',
        "<p>a &amp; b<br>c</p>",
        "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
    ],
)
def test_text_and_structure_stay(markup: str) -> None:
    assert kept(SHELL.format(markup)) == SHELL.format(markup)


@pytest.mark.parametrize(
    ("markup", "left"),
    [
        ("a<script>alert(1)</script>b", "ab"),
        ("a<SCRIPT src=//evil.example></SCRIPT >b", "ab"),
        ("a<script>let x = '<p>'; </script>b", "ab"),
        ("a<style>@import url(//evil.example)</style>b", "ab"),
        ("a<svg onload=alert(1)><a href=#x>y</a></svg>b", "ab"),
        ("a<img src=x onerror=alert(1)>b", "ab"),
        ("a<img src='//evil.example/x'/>b", "ab"),
        ("a<iframe srcdoc='<p>'></iframe>b", "ab"),
        ("a<link rel=stylesheet href=//evil.example>b", "ab"),
        ("a<meta http-equiv=refresh content='0; url=//evil.example'>b", "ab"),
        ("a<base href=//evil.example>b", "ab"),
        ("a<form action=//evil.example><input name=x></form>b", "ab"),
        ("<p onclick=alert(1) style='background: url(//evil.example)'>a</p>", "<p>a</p>"),
        ("<p class='a\" onclick=\"x'>b</p>", '<p class="a&quot; onclick=&quot;x">b</p>'),
        ("a</script>b", "ab"),
        ("a<script>never closed", "a"),
    ],
)
def test_what_acts_goes(markup: str, left: str) -> None:
    assert kept(markup).partition("\n")[2] == left


@pytest.mark.parametrize(
    "markup",
    [
        "<!-- --!><script>alert(1)</script> -->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<p <script>alert(1)</script>>",
        "<scr<script></script>ipt>alert(1)</script>",
        "<?xml <script>alert(1)</script>?>",
        "&lt;script&gt;<!-->&#60;script>",
    ],
)
def test_what_parsers_read_in_different_ways_becomes_no_script(markup: str) -> None:
    assert "<script" not in kept(markup)


@pytest.mark.parametrize(
    "address",
    [
        *[
            "javascript:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
        ],
        *[
            "https://evil.example",
            "//evil.example",
            "\\\\evil.example",
            "/etc/passwd",
            "other.html",
        ],
    ],
)
def test_a_link_leads_nowhere_else(address: str) -> None:
    assert kept(f'<a href="{address}">A</a>').partition("\n")[2] == "<a>A</a>"
