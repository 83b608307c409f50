"""Daily states: the states of many days in one line, a letter a day.

The letters carry the meaning; a terminal adds colour to them, and without one they stay readable.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from rich.text import Text

from orchestration.insight.states import LOOKS

NO_DATE = "."
LEGEND = ", ".join(
    [
        *(f"{look.letter} {state.replace('_', ' ')}" for state, look in LOOKS.items()),
        f"{NO_DATE} not in the history",
    ]
)


def states_in_a_line(states: Mapping[date, str], last: date, days: int = 60) -> Text:
    """The states of the days up to the last one, the oldest first."""
    text = Text()
    for age in range(days - 1, -1, -1):
        look = LOOKS.get(states.get(last - timedelta(days=age), ""))
        text.append(look.letter if look else NO_DATE, style=look.letter_style if look else "")
    return text
