"""Rendering: a page and what it shows, as HTML."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from orchestration.base.settings import ROOT
from orchestration.insight.wording import CAUSES, REASONS
from orchestration.pages import words
from orchestration.pages.filters import NAMES
from orchestration.pages.visit import Visit

STATIC = ROOT / "orchestration" / "pages" / "static"
TITLES = {
    "accounts": "Accounts",
    "trend": "Trend",
    "changes": "What changed",
    "trust": "Can I trust it",
}


@cache
def templates() -> Environment:
    """The templates; what they write is text, never markup, unless we made it."""
    environment = Environment(
        loader=PackageLoader("orchestration.pages"),
        autoescape=True,
        finalize=words.plain,
        undefined=StrictUndefined,
    )
    environment.filters.update(
        day=words.day,
        money=words.money,
        number=words.number,
        percent=words.percent,
        score=words.score,
        spaced=words.spaced,
        strip=words.strip,
        path=lambda text: quote(str(text), safe=""),
    )
    environment.globals.update(
        STATES=words.STATES, CAUSES=CAUSES, REASONS=REASONS, TITLES=TITLES, FILTERS=NAMES
    )
    return environment


def rendered(page: str, visit: Visit, data: Mapping[str, Any]) -> str:
    template = templates().get_template(f"{page}.html.jinja")
    return template.render(page=page, names=visit.names, **vars(visit), **data)


def problem(text: str) -> str:
    """The page of what cannot be shown: of no publication."""
    template = templates().get_template("problem.html.jinja")
    return template.render(page="", snapshot=None, link=str, is_live=True, text=text)
