"""Prediction: how well a number known on a date tells who leaves in the days after it.

Pure functions over arrays. Dates of one account are no independent observations, so every interval
comes from drawing whole accounts with replacement (a cluster bootstrap); DeLong's formula would
take the dates of an account for different customers and give intervals that are far too narrow.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

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

    With groups only observations of one group are compared with each other. A risk that is NaN is
    not known: that risk leaves the observation out.
    """

    accounts: np.ndarray
    leaves: np.ndarray
    risks: tuple[np.ndarray, ...]
    groups: np.ndarray | None = None

    @cached_property
    def numbers(self) -> np.ndarray:
        """The account of each observation as a number from 0 on."""
        return np.unique(self.accounts, return_inverse=True)[1]

    @property
    def churned(self) -> int:
        return len(np.unique(self.accounts[self.leaves]))

    @property
    def stayed(self) -> int:
        return len(np.unique(self.accounts)) - self.churned


def auc(leaves: np.ndarray, risk: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Share of pairs of one that leaves and one that stays in which the former has more risk.

    Ties count half.
    """
    is_known = ~np.isnan(risk)
    kept = groups if groups is not None else np.zeros(len(risk))
    won = pairs = 0.0
    for group in np.unique(kept[is_known]):
        of_group = is_known & (kept == group)
        counts = pairs_won(leaves[of_group], risk[of_group])
        won, pairs = won + counts[0], pairs + counts[1]
    return won / pairs if pairs else np.nan


def pairs_won(leaves: np.ndarray, risk: np.ndarray) -> tuple[float, float]:
    """Pairs in which the one that leaves has more risk, and all pairs."""
    staying = np.sort(risk[~leaves])
    below = np.searchsorted(staying, risk[leaves], side="left")
    upto = np.searchsorted(staying, risk[leaves], side="right")
    return float((below + upto).sum()) / 2, float(leaves.sum() * len(staying))


def drawn_weights(accounts: int, draws: int) -> Iterator[np.ndarray]:
    """How often each account was drawn, a row a draw, some draws at a time."""
    generator = np.random.default_rng(SEED)
    block = max(1, BLOCK // max(1, accounts))
    for start in range(0, draws, block):
        size = min(block, draws - start)
        yield generator.multinomial(accounts, np.full(accounts, 1 / accounts), size)


@dataclass(frozen=True)
class AccountPairs:
    """Pairs by the account that leaves (a row each) and the one that stays: won, and all.

    Drawing an account n times counts its pairs n times, so that a draw is a product of matrices,
    however many dates the accounts have.
    """

    leaving: np.ndarray
    won: np.ndarray
    pairs: np.ndarray

    def aucs(self, weights: np.ndarray) -> np.ndarray:
        """The AUC for each row of weights of the accounts."""
        counts = weights.astype(float)
        won, pairs = (
            np.einsum("da,da->d", counts[:, self.leaving] @ cells, counts)
            for cells in (self.won, self.pairs)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            return won / pairs


def account_pairs(sample: Sample, risk: np.ndarray) -> AccountPairs:
    """All pairs within the groups of the sample whose risk is known, added up by account."""
    numbers = sample.numbers
    count = int(numbers.max()) + 1 if len(numbers) else 0
    leaving = np.unique(numbers[sample.leaves])
    rows = np.searchsorted(leaving, numbers)
    won, pairs = (np.zeros((len(leaving), count)) for _ in range(2))
    is_known = ~np.isnan(risk)
    groups = sample.groups if sample.groups is not None else np.zeros(len(risk))
    for group in np.unique(groups[is_known]):
        left, stayed = (
            of_group[np.argsort(numbers[of_group], kind="stable")]
            for kind in (sample.leaves, ~sample.leaves)
            for of_group in [np.flatnonzero(is_known & (groups == group) & kind)]
        )
        if not len(left) or not len(stayed):
            continue
        starts = np.flatnonzero(np.diff(numbers[stayed], prepend=-1))
        columns = numbers[stayed[starts]]
        sizes = np.diff(starts, append=len(stayed))
        for part in np.array_split(left, -(-len(left) * len(stayed) // BLOCK)):
            more = (risk[part, None] > risk[None, stayed]).astype(np.float32)
            more += np.float32(0.5) * (risk[part, None] == risk[None, stayed])
            firsts = np.flatnonzero(np.diff(rows[part], prepend=-1))
            cells = np.ix_(rows[part[firsts]], columns)
            won[cells] += np.add.reduceat(np.add.reduceat(more, starts, axis=1), firsts, axis=0)
            pairs[cells] += np.outer(np.diff(firsts, append=len(part)), sizes)
    return AccountPairs(leaving, won, pairs)


def drawn_aucs(sample: Sample, draws: int = DRAWS) -> list[np.ndarray]:
    """For each risk its AUC in every draw of accounts; the same draws for all, to be compared."""
    counted = [account_pairs(sample, risk) for risk in sample.risks]
    found: list[list[np.ndarray]] = [[] for _ in counted]
    for weights in drawn_weights(int(sample.numbers.max()) + 1, draws):
        for position, pairs in enumerate(counted):
            found[position].append(pairs.aucs(weights))
    return [np.concatenate(parts) for parts in found]


@dataclass(frozen=True)
class Marks:
    """What marking some observations says of those that leave.

    precision: the share of the marked that leave; recall: of those that leave, the share that is
    marked; lift: the precision as a multiple of the share of all that leave.
    """

    marked_share: float
    precision: Estimate
    recall: Estimate
    lift: Estimate


def marks(sample: Sample, marked: np.ndarray, draws: int = DRAWS) -> Marks:
    numbers = sample.numbers
    kinds = (marked & sample.leaves, marked, sample.leaves, np.ones(len(marked)))
    # By account: both, marked, leaving and all observations.
    counts = np.column_stack([np.bincount(numbers, kind.astype(float)) for kind in kinds])

    def shares(weights: np.ndarray) -> np.ndarray:
        both, seen, leaving, every = (weights @ counts).T
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.array([both / seen, both / leaving, both / seen / (leaving / every)])

    drawn = np.concatenate(
        [shares(weights) for weights in drawn_weights(len(counts), draws)], axis=1
    )
    values = shares(np.ones((1, len(counts))))[:, 0]
    precision, recall, lift = (
        Estimate(float(value), *interval(row), sample.churned)
        for value, row in zip(values, drawn, strict=True)
    )
    return Marks(float(np.mean(marked)), precision, recall, lift)


def estimates(sample: Sample, draws: int = DRAWS) -> list[Estimate]:
    """The AUC of each risk with its interval."""
    return [
        Estimate(
            auc(sample.leaves, risk, sample.groups),
            *interval(drawn),
            len(np.unique(sample.accounts[sample.leaves & ~np.isnan(risk)])),
        )
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


def account_folds(sample: Sample, folds: int, repeats: int) -> np.ndarray:
    """The fold of each account, a row a repeat; those that leave are spread evenly."""
    generator = np.random.default_rng(SEED)
    count = int(sample.numbers.max()) + 1
    leaves = np.zeros(count, dtype=bool)
    leaves[sample.numbers[sample.leaves]] = True
    found = np.empty((repeats, count), dtype=int)
    for row in found:
        order = generator.permutation(count)
        row[order[np.argsort(~leaves[order], kind="stable")]] = np.arange(count) % folds
    return found


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
