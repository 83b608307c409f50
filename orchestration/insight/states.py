"""States: those shown, of overall and every pillar in one shape, as queries, and how each looks."""

from dataclasses import dataclass

# One row per health date, account and pillar or `overall`.
STATES = """
    select
        health_date, account_id, 'overall' as pillar_id, segment_id, csm_email, mrr,
        overall_state as state
    from health.account_health_history
    union all
    select
        pillars.health_date, pillars.account_id, pillars.pillar_id, pillars.segment_id,
        accounts.csm_email, accounts.mrr, pillars.state
    from health.pillar_health_history as pillars
    inner join health.account_health_history as accounts
        on pillars.health_date = accounts.health_date
        and pillars.account_id = accounts.account_id
"""


@dataclass(frozen=True)
class Look:
    """How a state is shown: its letter in a line of days, its styles in a terminal, its colour in a
    picture."""

    letter: str
    style: str
    letter_style: str
    colour: str


# In the order in which they are shown. The colours of pictures are told apart by people who do not
# see red and green alike: they differ in brightness too.
LOOKS = {
    "good": Look("G", "green", "black on green", "#1a9850"),
    "average": Look("a", "yellow", "black on yellow", "#fee08b"),
    "poor": Look("P", "red", "white on red", "#b2182b"),
    "not_calculated": Look("-", "dim", "white on bright_black", "#bdbdbd"),
}
# Of `last_60_days`; a day that is not in the history is a dot.
LETTERS = {"good": "g", "average": "a", "poor": "p", "not_calculated": "-"}
ALL_STATES = tuple(LOOKS)
HEADINGS = tuple(state.replace("_", " ") for state in ALL_STATES)
RANKS = {"poor": 0, "average": 1, "good": 2}  # of states that were calculated; higher is better
