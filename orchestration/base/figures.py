"""Figures: numbers and counts as a person would write them. Tables keep every digit."""

import math
from decimal import ROUND_HALF_UP, Context, Decimal

MOST_DECIMALS = 6  # by which conditions compare
PEOPLE = Context(prec=400, rounding=ROUND_HALF_UP)


def rounded(value: float, *others: float) -> str:
    """About three digits, and more only where the number would read like another one beside it."""
    decimals = 2
    if abs(value) >= 10:
        decimals = 1 if abs(value) < 100 else 0
    elif 0 < abs(value) < 0.1:
        decimals = min(MOST_DECIMALS, 1 - math.floor(math.log10(abs(value))))
    return told_apart(value, decimals, others)


def shown_score(score: float | None, *others: float | None) -> str:
    """One decimal, as scores are told, and more only where it would read like another beside it."""
    beside = tuple(other for other in others if other is not None)
    return "" if score is None else told_apart(score, 1, beside)


def told_apart(value: float, decimals: int, others: tuple[float, ...]) -> str:
    while decimals < MOST_DECIMALS and any(
        is_other(value, other) and written(value, decimals) == written(other, decimals)
        for other in others
    ):
        decimals += 1
    return written(value, decimals)


def is_other(value: float, other: float) -> bool:
    return round(value, MOST_DECIMALS) != round(other, MOST_DECIMALS)


def half_up(value: float, decimals: int) -> Decimal:
    """As people round: 8.25 is 8.3. `round` and `format` say 8.2."""
    if not math.isfinite(value):
        return Decimal(value)
    compared = Decimal(str(round(float(value), MOST_DECIMALS)))
    return compared.quantize(Decimal(1).scaleb(-decimals), context=PEOPLE)


def written(value: float, decimals: int) -> str:
    text = f"{half_up(value, decimals):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def plural(count: int, noun: str, nouns: str = "") -> str:
    """`1 account`, `1,200 accounts`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def counted(amount: str, unit: str, comparison: str = "") -> str:
    """`1 more user`, `2 more users`, `0.5 ratio`: units of one word lose their plural at 1.

    What scale a score is on (`score 0 to 100`) is not said with each number.
    """
    unit = "" if unit.startswith("score ") else unit
    is_one = amount == "1" and unit.endswith("s") and " " not in unit
    return " ".join(word for word in (amount, comparison, unit[:-1] if is_one else unit) if word)
