"""Settle days to choose by: what 0 to 14 of them would have made of the published overall states.

The rule is that of docs/health.md, "Settled state", with the same days for every segment, on the
calculated states of the history: nothing is calculated again. What is lost and gained is counted
from what the accounts' states did after, and before they left.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import click
import numpy as np

from orchestration.base.figures import plural
from orchestration.insight.accounts import Connection
from orchestration.insight.backtest_results import HORIZONS
from orchestration.insight.observations import Labels
from orchestration.insight.report import Report, number
from orchestration.insight.states import ALL_STATES

SETTLE_DAYS = range(15)
LEAD_IN = SETTLE_DAYS[-1]  # dates at the start that let states settle, and are not counted
UNDONE_WITHIN = 14  # days after which a turn to poor is no false alarm any more
WARNING_DAYS = HORIZONS[-1]  # days before leaving in which an account could be warned of
MONTH = 30
NO_ROW = 0
CODES = {state: code for code, state in enumerate(ALL_STATES, start=1)}
POOR = CODES["poor"]
UNDONE = [CODES["good"], CODES["average"]]

# Places in the grid of an account, of a date, and of a state among ALL_STATES.
PLACED = """
    select
        dense_rank() over (order by account_id) - 1 as account,
        dense_rank() over (order by health_date) - 1 as date,
        list_position($states, calculated_overall_state) as code
    from health.account_health_history
    where health_date between $first and $last
"""


@dataclass(frozen=True)
class Grid:
    """States as codes, a row an account and a column a date of the history; 0 where none is."""

    accounts: list[str]
    dates: list[date]
    codes: np.ndarray

    @property
    def months(self) -> float:
        """Of the dates that are counted."""
        return ((self.dates[-1] - self.dates[LEAD_IN]).days + 1) / MONTH


@dataclass(frozen=True)
class Calm:
    """What so many settle days would have made of a history.

    false_alarms: of `known`, the turns to poor of which it is known whether they were undone.
    days_lost: of the accounts that left and were calculated poor before, how many days later they
    showed it; None where they never did.
    """

    settle_days: int
    flips: int
    turns_to_poor: int
    known: int
    false_alarms: int
    days_lost: tuple[int | None, ...]

    @property
    def warned(self) -> list[int]:
        return [days for days in self.days_lost if days is not None]


def overall_states(connection: Connection, first: date, last: date) -> Grid:
    """The calculated overall states of a range of the history."""

    def distinct(column: str) -> list:
        return [
            value
            for (value,) in connection.execute(
                f"select distinct {column} from health.account_health_history"
                f" where health_date between $first and $last order by {column}",
                {"first": first, "last": last},
            ).fetchall()
        ]

    accounts, dates = distinct("account_id"), distinct("health_date")
    placed = connection.execute(
        PLACED, {"states": list(ALL_STATES), "first": first, "last": last}
    ).fetchnumpy()
    codes = np.full((len(accounts), len(dates)), NO_ROW, dtype=np.int8)
    codes[placed["account"], placed["date"]] = placed["code"]
    return Grid(accounts, dates, codes)


def settled(codes: np.ndarray, settle_days: int) -> tuple[np.ndarray, np.ndarray]:
    """The settled states, and where one had settled by then; until then the calculated one shows.

    Settled is the state that held on settle_days + 1 dates in a row, the last time that one did.
    """
    held = np.ones_like(codes, dtype=np.int32)
    for column in range(1, codes.shape[1]):
        goes_on = codes[:, column] == codes[:, column - 1]
        held[:, column] = np.where(goes_on, held[:, column - 1] + 1, 1)
    settles = (held > settle_days) & (codes != NO_ROW)
    last = np.maximum.accumulate(np.where(settles, np.arange(codes.shape[1]), -1), axis=1)
    has_settled = last >= 0
    rows = np.arange(len(codes))[:, None]
    states = np.where(has_settled, codes[rows, np.maximum(last, 0)], codes)
    return np.where(codes == NO_ROW, NO_ROW, states), has_settled


def turns(states: np.ndarray, has_settled: np.ndarray) -> np.ndarray:
    """Where a settled state gave way to another, after the dates that only let states settle."""
    found = np.zeros_like(states, dtype=bool)
    before, now = states[:, :-1], states[:, 1:]
    found[:, 1:] = (before != NO_ROW) & (now != NO_ROW) & (before != now) & has_settled[:, :-1]
    found[:, :LEAD_IN] = False
    return found


def calm_by_settle_days(
    grid: Grid, labels: Labels, known_until: date, undone_within: int = UNDONE_WITHIN
) -> list[Calm]:
    """What each number of settle days would have made of the history."""
    return [measured(grid, n, labels, known_until, undone_within) for n in SETTLE_DAYS]


def measured(
    grid: Grid, settle_days: int, labels: Labels, known_until: date, undone_within: int
) -> Calm:
    states, has_settled = settled(grid.codes, settle_days)
    changed = turns(states, has_settled)
    alarms = np.argwhere(changed & (states == POOR))
    left = dict(leavers(grid, labels, known_until))
    outcomes = [
        was_undone(grid, row, column, undone_within, left.get(row)) for row, column in alarms
    ]
    return Calm(
        settle_days,
        flips=int(changed.sum()),
        turns_to_poor=len(alarms),
        known=sum(outcome is not None for outcome in outcomes),
        false_alarms=sum(outcome is True for outcome in outcomes),
        days_lost=tuple(days_lost(grid, states, left)),
    )


def was_undone(grid: Grid, row: int, column: int, within: int, left_on: date | None) -> bool | None:
    """Whether the calculated state was good or average again within so many days of a turn to poor.

    None where it was not, the account has not left, and the history ends before: nobody knows yet.
    """
    end = grid.dates[column] + timedelta(days=within)
    for later in range(column, len(grid.dates)):
        if grid.dates[later] > end:
            return False
        if grid.codes[row, later] in UNDONE:
            return True
    has_left = left_on is not None and left_on <= end
    return False if has_left or grid.dates[-1] >= end else None


def days_lost(grid: Grid, states: np.ndarray, left: Mapping[int, date]) -> Iterator[int | None]:
    """Of each account that was calculated poor before it left, how many days later it showed it.

    None where it never did.
    """
    for row, left_on in left.items():
        window = [
            column
            for column, day in enumerate(grid.dates)
            if left_on - timedelta(days=WARNING_DAYS) <= day < left_on
        ]
        first_poor = next((c for c in window if grid.codes[row, c] == POOR), None)
        if first_poor is None:
            continue
        shown = next((c for c in window if c >= first_poor and states[row, c] == POOR), None)
        yield None if shown is None else (grid.dates[shown] - grid.dates[first_poor]).days


def leavers(grid: Grid, labels: Labels, known_until: date) -> Iterator[tuple[int, date]]:
    """Row and date of the accounts that left after the first date of the history."""
    for row, account in enumerate(grid.accounts):
        left_on = labels.next_after(account, grid.dates[0])
        if left_on is not None and left_on <= known_until:
            yield row, left_on


def report_of(
    grid: Grid, labels: Labels, known_until: date, undone_within: int = UNDONE_WITHIN
) -> Report:
    """The table by which settle days are chosen; refuses a history that is too short to tell."""
    if len(grid.dates) < 2 * LEAD_IN:
        raise click.ClickException(
            f"{plural(len(grid.dates), 'health date')} are too few to choose settle days by:"
            f" {2 * LEAD_IN} are needed. Calculate more of the past with"
            " `health run --start ... --end ...`."
        )
    calm = calm_by_settle_days(grid, labels, known_until, undone_within)
    report = Report(f"Settle days to choose by, {grid.dates[0]} to {grid.dates[-1]}")
    report.say(
        f"The overall states of {plural(len(grid.accounts), 'account')} on"
        f" {plural(len(grid.dates), 'health date')}, as calculated, without overrides, had every"
        " segment asked for so many `settle_days`. Nothing is calculated again."
    )
    report.add(
        "Calm and what it costs",
        (
            "settle days",
            "flips a month",
            "turns to poor a month",
            "false alarms",
            "warned before leaving",
            "warning days lost, median",
            "at most",
        ),
        rows_of(calm, grid.months),
        numbers=(0, 1, 2, 3, 4, 5, 6),
        note=f"Flips: changes of a settled state, all accounts together; a month is {MONTH} days."
        f" The first {LEAD_IN} dates let states settle and are not counted, nor is what an account"
        " shows until a state has settled. False alarm: a turn to poor after which the calculated"
        f" state was good or average within {plural(undone_within, 'day')}; of the turns of which"
        f" that is known. Warned: accounts that left, by {labels.source}, and showed poor in the"
        f" {WARNING_DAYS} days before, of those that were calculated poor then. Days lost: from the"
        " first date that was calculated poor to the first that showed it.",
    )
    report.say(
        "Choose the fewest days after which false alarms hardly fall further, as long as the days"
        " lost leave you time to act. They stand in `settle_days` of seeds/segments.csv."
    )
    return report


def rows_of(calm: Iterable[Calm], months: float) -> Iterator[tuple[str, ...]]:
    for one in calm:
        yield (
            str(one.settle_days),
            number(one.flips / months, 1),
            number(one.turns_to_poor / months, 1),
            f"{one.false_alarms} of {one.known}" + share(one.false_alarms, one.known),
            f"{len(one.warned)} of {len(one.days_lost)}",
            number(float(np.median(one.warned)), 1) if one.warned else "",
            str(max(one.warned)) if one.warned else "",
        )


def share(part: int, whole: int) -> str:
    return f" ({part / whole:.0%})" if whole else ""
