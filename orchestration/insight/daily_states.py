"""Strip: the states of many days in one line, a letter a day.

The letters carry the meaning; a terminal adds colour to them, and without one they stay readable.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from rich.text import Text

LETTERS = {"good": "G", "average": "a", "poor": "P", "not_calculated": "-"}
STYLES = {
    "good": "black on green",
    "average": "black on yellow",
    "poor": "white on red",
    "not_calculated": "white on bright_black",
}
NO_DATE = "."
LEGEND = "G good, a average, P poor, - not calculated, . not in the history"


def states_in_a_line(states: Mapping[date, str], last: date, days: int = 60) -> Text:
    """The states of the days up to the last one, the oldest first."""
    text = Text()
    for age in range(days - 1, -1, -1):
        state = states.get(last - timedelta(days=age))
        text.append(LETTERS.get(state or "", NO_DATE), style=STYLES.get(state or "", ""))
    return text
