"""Words: numbers, dates and names as people write them, and the marks that go with states."""

import json
from collections.abc import Callable
from datetime import date, datetime
from itertools import groupby
from typing import Any

from markupsafe import Markup

from orchestration.base import escaping
from orchestration.base.figures import shown_score
from orchestration.insight import report
from orchestration.insight.conditions import Condition
from orchestration.insight.states import LETTERS
from orchestration.insight.wording import flipped_text
from orchestration.warehouse.configuration import Configuration

# A mark and a word beside the colour, which nobody needs to see.
STATES = {
    "good": ("▲", "Good"),
    "average": ("◆", "Average"),
    "poor": ("▼", "Poor"),
    "not_calculated": ("–", "Not calculated"),
}
STATE_OF_LETTER = {letter: state for state, letter in LETTERS.items()}
# Where a strip of days begins and how high it is; worse is lower, so that shape says what colour
# does.
HEIGHTS = {"good": (0, 12), "average": (4, 8), "poor": (8, 4), "not_calculated": (10, 2)}
DAY_WIDTH = 3  # of a strip of days, in its own units


def plain(value: Any) -> Any:
    """What Jinja writes: texts of customers' data on one line, nothing as nothing."""
    if value is None:
        return ""
    return escaping.line(value) if type(value) is str else value


def or_dash(write: Callable[[Any], str]) -> Callable[[Any], str]:
    """The same for what is known; a dash for what is not."""
    return lambda value: "–" if value is None else write(value)


score = or_dash(shown_score)
money = or_dash(report.money)
number = or_dash(report.number)
percent = or_dash("{:.0%}".format)


def day(value: date | datetime | None) -> str:
    """`22 Nov 2026`: no order of numbers to guess."""
    return "–" if value is None else f"{value.day} {value:%b %Y}"


def spaced(value: str | None) -> str:
    """A key as words: `days_to_renewal` is `days to renewal`."""
    return (value or "").replace("_", " ")


def asked(configuration: Configuration, condition: Condition) -> str:
    """What a condition asks for, with the scale by its name: `>= 7 (0.5 x seats)`."""
    scale = condition.scaled_by or ""
    name = configuration.signal_name(scale)
    return condition.asked().replace(f"x {scale})", f"x {name})")


def flips(configuration: Configuration, content: str | None) -> list[str]:
    """The conditions that flipped with a change, each as a line."""
    found = [(flip["signal_id"], flip) for flip in json.loads(content or "[]")]
    return [
        flipped_text(
            flip, f"{configuration.signal_name(signal)}:", unit=configuration.units.get(signal, "")
        )
        for signal, flip in found
    ]


def strip(letters: str | None) -> Markup:
    """The days of `last_60_days` as a picture with its words."""
    letters = letters or ""
    drawn, first = "", 0
    for letter, run in groupby(letters):
        count = len(list(run))
        if state := STATE_OF_LETTER.get(letter):
            top, height = HEIGHTS[state]
            drawn += (
                f'<rect class="fill-{state}" x="{first * DAY_WIDTH}" y="{top}"'
                f' width="{count * DAY_WIDTH}" height="{height}">'
                f"<title>{STATES[state][1]}, {count} days</title></rect>"
            )
        first += count
    # Nothing of it is a text of somebody else: other letters are not drawn.
    return Markup(
        f'<svg class="strip" viewBox="0 0 {max(len(letters), 1) * DAY_WIDTH} 12" role="img"'
        f' aria-label="{in_words(letters)}">{drawn}</svg>'
    )


def in_words(letters: str) -> str:
    """`60 days: 40 good, 20 poor`."""
    words = {LETTERS[state]: name.lower() for state, (_, name) in STATES.items()}
    words["."] = "without"
    parts = [
        f"{letters.count(letter)} {word}" for letter, word in words.items() if letter in letters
    ]
    return f"{len(letters)} days: {', '.join(parts)}"
