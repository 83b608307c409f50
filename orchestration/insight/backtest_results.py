"""What a back-test measured, in one object, and its headline."""

from dataclasses import dataclass, field
from datetime import date

from orchestration.insight.people_or_rules import PeopleOrRules
from orchestration.insight.prediction import CHURNED_NEEDED, Estimate, Marks
from orchestration.insight.single_signals import Contest, SignalResult
from orchestration.insight.suggested_weights import Suggestion
from orchestration.insight.undated_columns import UndatedRule
from orchestration.insight.unscored import Unscored
from orchestration.insight.warning_signs import Before
from orchestration.warehouse.configuration import Configuration

HORIZONS = (30, 60, 90)  # days ahead
RIVALS = {
    "days_since_event": "days since the last event",
    "low_mrr": "low MRR",
    "youth": "the account's youth",
}
LIKE_AGE = "overall, at like age"
AGE_GROUPS = 5
# At like age health tells nearly as well when it keeps that share of what it tells beyond chance.
AS_WELL = 0.9
# Overall states that are held against who left.
MARKED_STATES = {"poor": ("poor",), "poor or average": ("poor", "average")}
DAYS = tuple(f"{horizon} days" for horizon in HORIZONS)

Cell = tuple[str, str, int]  # segment or "all", pillar or "overall", horizon


@dataclass(frozen=True)
class Rival:
    """Health and a rival on the same observations, and health's advantage."""

    health: Estimate
    rival: Estimate
    advantage: Estimate


@dataclass
class Results:
    """What a back-test measured. Cells with too few churned accounts hold their number instead."""

    dates: list[date]
    known_until: date
    labels: str
    accounts: int
    churned: dict[int, int]
    configurations: list[Configuration]
    aucs: dict[Cell, Estimate | int] = field(default_factory=dict)
    rivals: dict[tuple[str, int], Rival] = field(default_factory=dict)
    base_rates: dict[int, float] = field(default_factory=dict)
    marks: dict[tuple[str, int], Marks] = field(default_factory=dict)
    lifts: dict[tuple[str, int], Estimate | None] = field(default_factory=dict)
    warnings: dict[int, Before] = field(default_factory=dict)
    calibration: list[tuple[float, float, int, list[float]]] = field(default_factory=list)
    unscored: dict[str, Unscored] = field(default_factory=dict)
    signals: list[SignalResult] = field(default_factory=list)
    contests: dict[int, Contest] = field(default_factory=dict)
    # A pillar's score against the signals that feed it, at the first horizon.
    pillar_contests: dict[str, Contest] = field(default_factory=dict)
    suggestion: Suggestion | str = ""
    people_or_rules: PeopleOrRules | None = None
    undated: list[UndatedRule] = field(default_factory=list)
    without_undated: dict[Cell, Estimate | int] | None = None

    @property
    def first_horizon(self) -> int:
        """The shortest horizon at which enough accounts left."""
        return min(horizon for horizon, n in self.churned.items() if n >= CHURNED_NEEDED)

    @property
    def verdict(self) -> str:
        """Whether overall health tells more than chance, than age, and than a single signal."""
        found = {
            horizon: estimate
            for horizon in HORIZONS
            if isinstance(estimate := self.aucs.get(("all", "overall", horizon)), Estimate)
        }
        if not found:
            return "Overall health cannot be measured: too few accounts that left had a score."
        above = [horizon for horizon, estimate in found.items() if estimate.is_above_chance]
        if not above:
            text = "Overall health foretold nothing: it tells churn no better than chance."
            return " ".join([text, *self.signals_that_tell_more])
        days = joined([str(horizon) for horizon in above])
        foretold = f"Overall health foretold churn {days} days ahead"
        standings = self.standings(above)
        at_like_age = [self.aucs.get(("all", LIKE_AGE, horizon)) for horizon in above]
        if any(isinstance(cell, Estimate) and cell.is_above_chance for cell in at_like_age):
            return ", ".join([foretold, *standings]) + "."
        text = f"{foretold}, but among accounts of like age {self.words_of_age(above)}."
        lost = [told.removeprefix("but ") for told in standings if told.startswith("but ")]
        return f"{text} It is also {', '.join(lost)}." if lost else text

    def words_of_age(self, horizons: list[int]) -> str:
        """Whether age explains what health foretold, or too few left to tell the two apart."""
        pairs = [
            (self.aucs.get(("all", "overall", horizon)), self.aucs.get(("all", LIKE_AGE, horizon)))
            for horizon in horizons
        ]
        if any(
            isinstance(health, Estimate)
            and isinstance(at_like_age, Estimate)
            and at_like_age.value - 0.5 > AS_WELL * (health.value - 0.5)
            for health, at_like_age in pairs
        ):
            return "its interval reaches chance: too few left to rule out that age explains it"
        return "no better than chance: age explains it"

    @property
    def signals_that_tell_more(self) -> list[str]:
        """Sentences about signals that foretold churn, chosen out of fold, where health did not."""
        telling: dict[str, list[str]] = {}
        for horizon, contest in self.contests.items():
            if contest.rival_out_of_fold.is_above_chance:
                telling.setdefault(contest.signal, []).append(str(horizon))
        return [
            f"{signal} alone foretold it {joined(days)} days ahead."
            for signal, days in telling.items()
        ]

    def standing(self, horizon: int) -> tuple[str, str] | None:
        """How overall health stands against the best rival (worse, better), and which that is.

        A rival named before anything was measured needs no choice, so that one it loses to is
        enough; else the contest with the best of all single signals tells.
        """
        contest = self.contests.get(horizon)
        lost = {
            name: rival.advantage.value
            for (name, ahead), rival in self.rivals.items()
            if ahead == horizon and rival.advantage.high < 0
        }
        if lost and (contest is None or contest.standing != "worse"):
            return "worse", RIVALS[min(lost, key=lambda name: lost[name])]
        return (contest.standing, contest.signal) if contest else None

    def standings(self, horizons: list[int]) -> list[str]:
        """Parts of a sentence: where health is better than any single signal, and where it is not.

        Horizons with the same answer share a part.
        """
        found: dict[str, list[str]] = {}
        for horizon in horizons:
            if standing := self.standing(horizon):
                word, signal = standing
                told = f"than {signal} alone" if word != "better" else "than any single signal"
                found.setdefault(f"{word} {told}", []).append(str(horizon))
        return [
            ("" if told.startswith("better") else "but ")
            + ("" if len(days) == len(horizons) else f"{joined(days)} days ahead ")
            + told
            for told, days in found.items()
        ]


def joined(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1])] * (len(words) > 1) + words[-1:])
