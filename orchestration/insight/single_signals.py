"""Single signals: how well each number alone tells who leaves, and whether health tells it better.

Of many signals one is the best by chance. So the best one is chosen twice: in hindsight, which
flatters it, and out of fold: accounts are parted into folds, the signal and its direction are
chosen on the other folds, and health and the signal are compared on the accounts of the fold. Only
a health that beats even the flattered signal is called better, and only one that loses to a signal
that was chosen without looking at the accounts is called worse.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from orchestration.insight import observations
from orchestration.insight.accounts import Connection
from orchestration.insight.observations import sample_of
from orchestration.insight.prediction import (
    CHURNED_NEEDED,
    DRAWS,
    AccountPairs,
    Estimate,
    Sample,
    account_folds,
    account_pairs,
    advantages,
    auc,
    estimates,
)
from orchestration.warehouse.configuration import Configuration

FOLDS, REPEATS = 5, 4
# A rival has to be known of at least that share of the account dates.
KNOWN_NEEDED = 0.5
# Signals that every history has beside the metrics, and their columns of the observations.
OF_EVERY_ACCOUNT = {"mrr": "mrr", "account_age_days": "age_days"}


@dataclass
class SignalResult:
    """How well a signal alone foretells, in the direction that fits the first horizon best."""

    signal_id: str
    pillars: list[str]
    undated: str | None  # the column without a time of its own that it rests on
    is_higher_riskier: bool = True
    known_share: float = np.nan
    aucs: dict[int, Estimate | int] = field(default_factory=dict)

    @property
    def strength(self) -> float:
        """The AUC at the first horizon that has one, to put the best first."""
        found = [cell.value for cell in self.aucs.values() if isinstance(cell, Estimate)]
        return found[0] if found else -1.0


@dataclass(frozen=True)
class Contest:
    """Overall health against the best single signal, on the observations that have both.

    signal, health, rival, in_hindsight: the signal with the highest AUC of all accounts, and by how
    much health is better. out_of_fold, chosen: by how much it is better than the signal that was
    chosen on the other folds, and how often each was.
    """

    signal: str
    is_higher_riskier: bool
    candidates: int
    health: Estimate
    rival: Estimate
    in_hindsight: Estimate
    rival_out_of_fold: Estimate
    out_of_fold: Estimate
    chosen: Counter[str]

    @property
    def standing(self) -> str:
        if self.in_hindsight.low > 0:
            return "better"
        return "worse" if self.out_of_fold.high < 0 else "no better"


def fed_pillars(configuration: Configuration) -> dict[str, list[str]]:
    """The pillars whose rules use a signal; the metric's own where no rule does."""
    used: dict[str, set[str]] = defaultdict(set)
    for file in ("health_rules", "score_rules"):
        for row in configuration.rows(file):
            for name in (row.get("signal_id"), row.get("scaled_by")):
                if name:
                    used[name].add(str(row["pillar_id"]))
    found = {name: sorted(pillars) for name, pillars in used.items()}
    for metric, row in configuration.metrics.items():
        found.setdefault(metric, [str(row["pillar_id"])])
    return found


def add_signals(
    connection: Connection, overall: pd.DataFrame, configuration: Configuration
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The observations with a column for each signal, and the column of each signal."""
    metrics = sorted(configuration.metrics)
    columns = {metric: f"signal_{place}" for place, metric in enumerate(metrics)}
    wide = observations.add_metrics(connection, overall, columns)
    others = {name: column for name, column in OF_EVERY_ACCOUNT.items() if name not in columns}
    columns |= others
    kept = {name: column for name, column in columns.items() if wide[column].notna().any()}
    return wide, kept


def measure_signal(
    result: SignalResult, knowns: dict[int, pd.DataFrame], column: str, draws: int
) -> None:
    """Fill in the AUC at each horizon; the direction is the one that fits the first."""
    is_directed = False
    for horizon, known in knowns.items():
        values = known[column].astype(float).round(6).to_numpy()
        sample = sample_of(known, values)
        counted = sample_of(known[~np.isnan(values)])
        if min(counted.churned, counted.stayed) < CHURNED_NEEDED:
            result.aucs[horizon] = min(counted.churned, counted.stayed)
            continue
        if not is_directed:
            result.is_higher_riskier = auc(sample.leaves, values) >= 0.5
            result.known_share = float(np.mean(~np.isnan(values)))
            is_directed = True
        risk = values if result.is_higher_riskier else -values
        [result.aucs[horizon]] = estimates(sample_of(known, risk), draws)


def count_of(sample: Sample) -> int:
    return int(sample.numbers.max()) + 1


def contest_of(known: pd.DataFrame, columns: dict[str, str], draws: int = DRAWS) -> Contest | None:
    """Health against the best of the signals; None without any that is known often enough."""
    known = known.dropna(subset=["score"])
    health = -known["score"].round(6).to_numpy(dtype=float)
    sample = sample_of(known, health)
    if min(sample.churned, sample.stayed) < CHURNED_NEEDED:
        return None
    values = {
        name: risk
        for name, column in columns.items()
        for risk in [known[column].astype(float).round(6).to_numpy()]
        if is_rival(known, risk)
    }
    if not values:
        return None
    folds = account_folds(sample, FOLDS, REPEATS)
    others = np.concatenate([[row != fold for fold in range(FOLDS)] for row in folds])
    pairs = {name: account_pairs(sample, risk) for name, risk in values.items()}
    best, sign = strongest(pairs, np.ones((1, count_of(sample))))[0]
    risks = on_both(health, sign * values[best])
    in_sample = sample_of(known, *risks)
    chosen = strongest(pairs, others)
    tested = out_of_fold_sample(sample, folds, health, [s * values[name] for name, s in chosen])
    of_health, of_rival = estimates(in_sample, draws)
    return Contest(
        signal=best,
        is_higher_riskier=sign > 0,
        candidates=len(values),
        health=of_health,
        rival=of_rival,
        in_hindsight=advantages(in_sample, draws)[0],
        rival_out_of_fold=estimates(tested, draws)[1],
        out_of_fold=advantages(tested, draws)[0],
        chosen=Counter(name for name, _ in chosen),
    )


def is_rival(known: pd.DataFrame, risk: np.ndarray) -> bool:
    is_known = ~np.isnan(risk)
    counted = sample_of(known[is_known])
    return (
        is_known.mean() >= KNOWN_NEEDED and min(counted.churned, counted.stayed) >= CHURNED_NEEDED
    )


def strongest(pairs: dict[str, AccountPairs], weights: np.ndarray) -> list[tuple[str, int]]:
    """For each row of weights the signal that tells most, and 1 when higher is riskier, else -1."""
    names = list(pairs)
    areas = np.array([pairs[name].aucs(weights) for name in names])
    strength = np.nan_to_num(np.abs(areas - 0.5), nan=-1.0)
    return [
        (names[row], 1 if areas[row, column] >= 0.5 else -1)
        for column, row in enumerate(strength.argmax(axis=0))
    ]


def on_both(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    is_missing = np.isnan(one) | np.isnan(other)
    return np.where(is_missing, np.nan, one), np.where(is_missing, np.nan, other)


def out_of_fold_sample(
    sample: Sample, folds: np.ndarray, health: np.ndarray, chosen: list[np.ndarray]
) -> Sample:
    """Every observation once a repeat, in its fold, beside the risk chosen without that fold.

    Only accounts of one fold are compared with each other, by the signal of that fold.
    """
    places = [divmod(place, FOLDS) for place in range(len(chosen))]
    kept = [np.flatnonzero(folds[repeat][sample.numbers] == fold) for repeat, fold in places]
    both = [
        np.array(on_both(health[rows], risk[rows])) for rows, risk in zip(kept, chosen, strict=True)
    ]
    groups = [np.full(len(rows), place) for place, rows in enumerate(kept)]
    every = np.concatenate(kept)
    risks = np.concatenate(both, axis=1)
    return Sample(
        sample.accounts[every], sample.leaves[every], (risks[0], risks[1]), np.concatenate(groups)
    )
