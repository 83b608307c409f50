"""How single values are read, compared and written: times, numbers and booleans as text.

A reader gives None for a text that it cannot read; the caller knows whether that is an error.
"""

import math
import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

TIME_PATTERN = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?"
    r"(?P<zone>Z| UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
NUMBER_PATTERN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
SIX_DECIMALS = Decimal("0.000001")
# Wide enough for the largest double with six decimals.
EXACT = Context(prec=400)


def trimmed(text: str | None) -> str | None:
    """The text without white space at its ends; blank is null."""
    return (text or "").strip() or None


def read_time(text: str) -> datetime | None:
    """The naive UTC time that a trimmed text stands for."""
    match = TIME_PATTERN.fullmatch(text)
    if match is None:
        return None
    # A fraction finer than a microsecond is cut off.
    microsecond = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    try:
        local = datetime(
            int(match["year"]),
            int(match["month"]),
            int(match["day"]),
            int(match["hour"] or 0),
            int(match["minute"] or 0),
            int(match["second"] or 0),
            microsecond,
        )
    except ValueError:
        return None
    zone = match["zone"]
    if zone in (None, "Z", " UTC"):
        return local
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    try:
        return local + offset if zone[0] == "-" else local - offset
    except OverflowError:
        return None


def read_number(text: str) -> float | None:
    """The finite number that a trimmed text stands for."""
    if NUMBER_PATTERN.fullmatch(text) is None:
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def read_boolean(text: str) -> bool | None:
    """True or false, without regard to case."""
    return {"true": True, "false": False}.get(text.lower())


def rounded(number: float) -> float:
    """The number as it is compared: six decimals, halves away from zero."""
    return float(_six_decimals(number))


def number_text(number: float) -> str:
    """The number as a person would write it: at most six decimals, no exponent, 5 and not 5.0."""
    text = format(_six_decimals(number), "f").rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _six_decimals(number: float) -> Decimal:
    # From the shortest text of the double, so that 0.1234565 rounds as it reads.
    return Decimal(repr(float(number))).quantize(
        SIX_DECIMALS, rounding=ROUND_HALF_UP, context=EXACT
    )
