"""Prediction: how well a number known on a date tells who leaves in the days after it.

Pure functions over arrays. Dates of one account are no independent observations, so every interval
comes from drawing whole accounts with replacement (a cluster bootstrap); DeLong's formula would
take the dates of an account for different customers and give intervals that are far too narrow.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

DRAWS = 1000
SEED = 20_261_122
CONFIDENCE = 0.95
# With n churned accounts and any number of others, the interval of an AUC that says nothing is at
# best 0.5 +- 1.96 / sqrt(12 n): 0.18 with 10. Below that a result says nothing either way.
CHURNED_NEEDED = 10
BLOCK = 20_000_000  # cells of one array of draws


@dataclass(frozen=True)
class Estimate:
    """An estimate and its interval; n counts the churned accounts it rests on."""

    value: float
    low: float
    high: float
    churned: int

    @property
    def is_above_chance(self) -> bool:
        return self.low > 0.5


@dataclass(frozen=True)
class Sample:
    """Observations: the account, whether it leaves, the risks seen, and the group it belongs to.

    With groups only observations of one group are compared with each other.
    """

    accounts: np.ndarray
    leaves: np.ndarray
    risks: tuple[np.ndarray, ...]
    groups: np.ndarray | None = None

    @property
    def churned(self) -> int:
        return len(np.unique(self.accounts[self.leaves]))

    @property
    def stayed(self) -> int:
        return len(np.unique(self.accounts)) - self.churned


def auc(leaves: np.ndarray, risk: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Share of pairs of one that leaves and one that stays in which the former has more risk."""
    return float(weighted_aucs(leaves, risk, np.ones((1, len(risk))), groups)[0])


def weighted_aucs(
    leaves: np.ndarray, risk: np.ndarray, weights: np.ndarray, groups: np.ndarray | None = None
) -> np.ndarray:
    """The AUC for each row of weights of the observations; ties count half."""
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    kept = groups if groups is not None else np.zeros(len(risk))
    for group in np.unique(kept):
        of_group = kept == group
        counts = pairs_won(leaves[of_group], risk[of_group], weights[:, of_group])
        won, pairs = won + counts[0], pairs + counts[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return won / pairs


def pairs_won(
    leaves: np.ndarray, risk: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs in which the one that leaves has more risk, and all pairs, for each row of weights."""
    order = np.argsort(risk, kind="stable")
    starts = np.flatnonzero(np.diff(risk[order], prepend=np.nan) != 0)
    leaving = np.add.reduceat(weights[:, order] * leaves[order], starts, axis=1)
    staying = np.add.reduceat(weights[:, order] * ~leaves[order], starts, axis=1)
    below = np.cumsum(staying, axis=1) - staying
    pairs = leaving.sum(axis=1) * staying.sum(axis=1)
    return (leaving * (below + staying / 2)).sum(axis=1), pairs


def drawn_weights(accounts: np.ndarray, draws: int) -> Iterator[np.ndarray]:
    """How often each observation's account was drawn, a row a draw, some draws at a time."""
    generator = np.random.default_rng(SEED)
    numbers = np.unique(accounts, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    block = max(1, BLOCK // max(1, len(numbers)))
    for start in range(0, draws, block):
        size = min(block, draws - start)
        yield generator.multinomial(count, np.full(count, 1 / count), size)[:, numbers]


def drawn_aucs(sample: Sample, draws: int = DRAWS) -> list[np.ndarray]:
    """For each risk its AUC in every draw of accounts; the same draws for all, to be compared."""
    found: list[list[np.ndarray]] = [[] for _ in sample.risks]
    for weights in drawn_weights(sample.accounts, draws):
        for position, risk in enumerate(sample.risks):
            found[position].append(weighted_aucs(sample.leaves, risk, weights, sample.groups))
    return [np.concatenate(parts) for parts in found]


def lift(sample: Sample, marked: np.ndarray, draws: int = DRAWS) -> Estimate:
    """The share of the marked observations that leave, as a multiple of the share of all."""

    def ratio(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = (weights * (marked & sample.leaves)).sum(axis=1) / (weights * marked).sum(axis=1)
            return rate / ((weights * sample.leaves).sum(axis=1) / weights.sum(axis=1))

    drawn = np.concatenate([ratio(weights) for weights in drawn_weights(sample.accounts, draws)])
    value = float(ratio(np.ones((1, len(marked))))[0])
    return Estimate(value, *interval(drawn), sample.churned)


def estimates(sample: Sample, draws: int = DRAWS) -> list[Estimate]:
    """The AUC of each risk with its interval."""
    return [
        Estimate(auc(sample.leaves, risk, sample.groups), *interval(drawn), sample.churned)
        for risk, drawn in zip(sample.risks, drawn_aucs(sample, draws), strict=True)
    ]


def advantages(sample: Sample, draws: int = DRAWS) -> list[Estimate]:
    """By how much the AUC of the first risk is greater than that of each other one."""
    first, *others = drawn_aucs(sample, draws)
    best, *rivals = (auc(sample.leaves, risk, sample.groups) for risk in sample.risks)
    return [
        Estimate(best - rival, *interval(first - other), sample.churned)
        for rival, other in zip(rivals, others, strict=True)
    ]


def interval(values: np.ndarray) -> tuple[float, float]:
    """The middle part of the draws; those without anybody who leaves, or stays, say nothing."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan, np.nan
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def decile_edges(values: np.ndarray) -> np.ndarray:
    """Bounds of ten groups of as many observations; fewer where values are alike."""
    return np.unique(np.quantile(values, np.linspace(0, 1, 11)))
