"""Page markup: a page that others wrote, with nothing left in it but text, its structure, and links
to places in it and to the site's index.

A list of what may stay, not of what is known to be dangerous: the templates of Great Expectations
change, and what they make of a record's key is not ours to know.
"""

import html
import re
from html.parser import HTMLParser

TAGS = frozenset(
    (
        *("html", "head", "title", "body", "nav", "section", "header", "footer", "div", "span"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "ul", "ol", "li", "dl", "dt", "dd"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
        *("a", "i", "b", "em", "strong", "small", "code", "pre"),
    )
)
VOID = frozenset({"br", "hr"})
ATTRIBUTES = frozenset({"class", "id", "colspan", "rowspan", "href", "data-toggle"})
# What stands inside these is no text of the page.
WITH_CONTENT = frozenset(
    (
        *("script", "style", "template", "noscript", "iframe", "object", "svg", "math"),
        *("textarea", "select", "button"),
    )
)
PLACE_OR_INDEX = re.compile(r"(?:(?:\.\./)*index\.html)?(?:#\S*)?")


class Kept(HTMLParser):
    """Collects the parts of a page that may stay."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.inside = 0  # how many elements deep whose content is left out

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in WITH_CONTENT:
            self.inside += 1
        elif tag in TAGS and not self.inside:
            self.parts.append(f"<{tag}{''.join(map(kept_attribute, attributes))}>")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in WITH_CONTENT:
            self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag in WITH_CONTENT:
            self.inside = max(0, self.inside - 1)
        elif tag in TAGS - VOID and not self.inside:
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.parts.append(html.escape(data))


def kept_attribute(attribute: tuple[str, str | None]) -> str:
    name, value = attribute
    if name not in ATTRIBUTES or value is None:
        return ""
    if name == "href" and not PLACE_OR_INDEX.fullmatch(value):
        return ""
    return f' {name}="{html.escape(value)}"'


def kept(page: str) -> str:
    """The page without scripts, styles, pictures, forms and links to anywhere else."""
    parser = Kept()
    parser.feed(page)
    parser.close()
    return f"<!doctype html>\n{''.join(parser.parts).lstrip()}"
