"""Tables of the latest health date that stand on the history and on signals."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from .calculated import Calculated
from .configuration import Configuration
from .signals import signal_types

PROPERTY_COLUMNS = [
    "health_date",
    "account_id",
    "property_id",
    "value_type",
    "value_text",
    "value_number",
]
LETTERS = {"good": "g", "average": "a", "poor": "p", "not_calculated": "-"}

PublishedRow = dict[str, object]


def last_60_days(states: Mapping[date, str], latest: date) -> str:
    """A letter a calendar day up to the latest date, oldest first; `states` are those shown."""
    days = [latest - timedelta(days=ago) for ago in range(59, -1, -1)]
    return "".join(LETTERS[states[day]] if day in states else "." for day in days)


def property_rows(one: Calculated, configuration: Configuration) -> Iterator[PublishedRow]:
    """Every signal that is no metric and has a value, and each tag that is on."""
    types = signal_types(configuration)
    metrics = {metric.metric_id for metric in configuration.metrics}
    for signal_id, value in one.signals.items():
        if signal_id in metrics or value is None:
            continue
        if types[signal_id] == "tags":
            for tag in value:
                yield _property(one, f"tag:{tag}", "boolean", True)
        else:
            yield _property(one, signal_id, types[signal_id], value)


def _property(
    one: Calculated, property_id: str, value_type: str, value: float | str | bool
) -> PublishedRow:
    is_number = value_type == "number"
    text = str(value).lower() if value_type == "boolean" else value
    return {
        "health_date": one.health_date,
        "account_id": one.account_id,
        "property_id": property_id,
        "value_type": value_type,
        "value_text": None if is_number else text,
        "value_number": float(value) if is_number else None,
    }
