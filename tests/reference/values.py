"""How single values are read, compared and written: times, numbers and booleans as text.

A reader gives None for a text that it cannot read; the caller knows whether that is an error.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

TIME_PATTERN = re.compile(
    r"(?:(?P<year>[0-9]{4})(?P<mark>[-/])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})"
    r"|(?P<year_8>[0-9]{4})(?P<month_8>[0-9]{2})(?P<day_8>[0-9]{2}))"
    r"(?:(?:T| +)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
    r" *(?:Z|UTC|GMT|(?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?(?: *UTC)?)?)?",
    re.IGNORECASE | re.ASCII,
)
# How many microseconds a unit of a time has that is a whole number, by its number of digits.
MICROSECONDS_PER_UNIT = {10: 1_000_000, 13: 1_000, 16: 1}
NUMBER_PATTERN = re.compile(
    r"[+-]?(?:(?:[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
)
# Codes of declared formats that Python's strptime lacks, or reads as the locale has it.
TIME_CODES_IN_SHORT = {
    "c": "%Y-%m-%d %H:%M:%S",
    "x": "%Y-%m-%d",
    "X": "%H:%M:%S",
    "T": "%H:%M:%S",
}
# Read as null in times and numbers, without regard to case.
NULL_WORDS = frozenset(("null", "none", "n/a", "na", "nan", r"\n", "-"))
SIX_DECIMALS = Decimal("0.000001")
# Wide enough for the largest double with six decimals.
EXACT = Context(prec=400)


def trimmed(text: str | None) -> str | None:
    """The text without white space at its ends; blank is null."""
    return (text or "").strip() or None


def is_null_number(text: str) -> bool:
    """Whether a trimmed text stands for no number at all."""
    return text.lower() in NULL_WORDS


def is_null_time(text: str) -> bool:
    """Whether a trimmed text stands for no time at all."""
    return is_null_number(text) or text.startswith("0000")


def read_time(text: str, formats: Iterable[str] = ()) -> datetime | None:
    """The naive UTC time that a trimmed text stands for; declared formats come first."""
    if is_null_time(text):
        return None
    for time_format in sorted(formats):
        moment = _declared_time(text, time_format)
        if moment is not None:
            return moment
    if len(text) in MICROSECONDS_PER_UNIT and text.isascii() and text.isdigit():
        return datetime(1970, 1, 1) + int(text) * timedelta(
            microseconds=MICROSECONDS_PER_UNIT[len(text)]
        )
    match = TIME_PATTERN.fullmatch(text)
    return None if match is None else _spelled_time(match)


def _declared_time(text: str, time_format: str) -> datetime | None:
    written_out = re.sub(
        "%-?(.)",
        lambda code: TIME_CODES_IN_SHORT.get(code[1], f"%{code[1]}"),
        time_format,
        flags=re.DOTALL,
    )
    try:
        moment = datetime.strptime(text, written_out)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None


def _spelled_time(match: re.Match[str]) -> datetime | None:
    # Digits past the sixth are dropped.
    microsecond = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    hours, minutes = int(match["hours"] or 0), int(match["minutes"] or 0)
    if hours > 23 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    try:
        local = datetime(
            int(match["year"] or match["year_8"]),
            int(match["month"] or match["month_8"]),
            int(match["day"] or match["day_8"]),
            int(match["hour"] or 0),
            int(match["minute"] or 0),
            int(match["second"] or 0),
            microsecond,
        )
        return local + offset if match["sign"] == "-" else local - offset
    except (ValueError, OverflowError):
        return None


def read_number(text: str) -> float | None:
    """The finite number that a trimmed text stands for."""
    if NUMBER_PATTERN.fullmatch(text) is None:
        return None
    number = float(text.replace(",", ""))
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
