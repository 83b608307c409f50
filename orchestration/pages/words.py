"""Words: numbers, dates and names as people write them, and the marks that go with states."""

import json
from collections.abc import Iterable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from markupsafe import Markup

from orchestration.base import escaping
from orchestration.base.figures import counted
from orchestration.insight.conditions import Condition, as_a_person
from orchestration.warehouse.configuration import Configuration

# A mark and a word beside the colour, which nobody needs to see. Letters are those of last_60_days.
STATES = {
    "good": ("▲", "Good", "g"),
    "average": ("◆", "Average", "a"),
    "poor": ("▼", "Poor", "p"),
    "not_calculated": ("–", "Not calculated", "-"),
}
STATE_OF_LETTER = {letter: state for state, (_, _, letter) in STATES.items()}
CAUSES = {
    "behaviour": "Behaviour of the customer",
    "configuration": "Changed rules",
    "segment": "Another segment",
    "data": "Data came or went",
    "override": "Override began or ended",
    "first_calculated": "Calculated for the first time",
}
DAY_WIDTH = 3  # of a strip of days, in its own units


def plain(value: Any) -> Any:
    """What Jinja writes: texts of customers' data on one line, nothing as nothing."""
    if value is None:
        return ""
    return escaping.line(value) if type(value) is str else value


def score(value: float | None) -> str:
    """One decimal, half up: 8.25 is 8.3."""
    if value is None:
        return "–"
    exact = Decimal(str(round(value, 6)))
    return str(exact.quantize(Decimal("0.1"), ROUND_HALF_UP).normalize() + 0)


def money(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def number(value: float | int | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def day(value: date | datetime | None) -> str:
    """`22 Nov 2026`: no order of numbers to guess."""
    return "–" if value is None else f"{value.day} {value:%b %Y}"


def spaced(value: str | None) -> str:
    """A key as words: `days_to_renewal` is `days to renewal`."""
    return (value or "").replace("_", " ")


def signal_name(configuration: Configuration, signal: str) -> str:
    """The name for people of a metric or attribute."""
    for file, key, name in (
        ("metrics", "metric_id", "metric_name"),
        ("attributes", "attribute_id", "attribute_name"),
    ):
        for row in configuration.rows(file):
            if row[key] == signal and row.get(name):
                return str(row[name])
    return spaced(signal)


def asked(configuration: Configuration, condition: Condition) -> str:
    """What a condition asks for, with the scale by its name: `>= 7 (0.5 x seats)`."""
    scale = condition.scaled_by
    text = condition.asked()
    return text.replace(f"x {scale})", f"x {signal_name(configuration, scale)})") if scale else text


def flips(configuration: Configuration, content: str | None) -> list[str]:
    """The conditions that flipped with a change, each as a line."""
    answers = {True: "now holds", False: "no longer holds", None: "became unknown"}
    lines = []
    for flip in json.loads(content or "[]"):
        observed, before = (
            "unknown" if flip[name] is None else as_a_person(flip[name], flip["threshold"])
            for name in ("observed", "observed_before")
        )
        unit = configuration.units.get(flip["signal_id"], "")
        lines.append(
            f"{signal_name(configuration, flip['signal_id'])}:"
            f" {observed if flip['observed'] is None else counted(observed, unit)}, was {before};"
            f" {flip['operator']} {flip['threshold']} {answers[flip['is_met']]}"
        )
    return lines


def strip(letters: str | None) -> Markup:
    """The days of `last_60_days` as a picture with its words."""
    letters = letters or ""
    runs: list[tuple[str, int, int]] = []
    for position, letter in enumerate(letters):
        if runs and runs[-1][0] == letter:
            runs[-1] = (letter, runs[-1][1], runs[-1][2] + 1)
        else:
            runs.append((letter, position, 1))
    drawn = [
        Markup(
            '<rect class="fill-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
        ).format(
            STATE_OF_LETTER[letter],
            first * DAY_WIDTH,
            # Worse is lower, so that shape says what colour does.
            {"g": 0, "a": 4, "p": 8, "-": 10}[letter],
            count * DAY_WIDTH,
            {"g": 12, "a": 8, "p": 4, "-": 2}[letter],
            f"{STATES[STATE_OF_LETTER[letter]][1]}, {count} days",
        )
        for letter, first, count in runs
        if letter in STATE_OF_LETTER
    ]
    return Markup(
        '<svg class="strip" viewBox="0 0 {} 12" role="img" aria-label="{}">{}</svg>'
    ).format(max(len(letters), 1) * DAY_WIDTH, in_words(letters), Markup("").join(drawn))


def in_words(letters: Iterable[str]) -> str:
    """`60 days: 40 good, 20 poor`."""
    counted = list(letters)
    parts = [
        f"{counted.count(letter)} {name.lower()}"
        for _, name, letter in STATES.values()
        if letter in counted
    ]
    missing = counted.count(".")
    return f"{len(counted)} days: " + ", ".join(parts + ([f"{missing} without"] if missing else []))
