"""How well a number foretells: the statistics against formulae of their own, on made-up accounts.

Nothing here knows of health; what a back-test does with them is tested in test_insight_backtest.
"""

import numpy as np
import pytest

from orchestration.insight.prediction import (
    CHURNED_NEEDED,
    Sample,
    account_pairs,
    advantages,
    auc,
    decile_edges,
    estimates,
    marks,
)

DRAWS = 400


def pairs_by_hand(
    leaves: np.ndarray, risk: np.ndarray, groups: np.ndarray, counts: np.ndarray
) -> float:
    """Every pair of one that leaves and one that stays in the same group, one at a time."""
    won = pairs = 0.0
    for one in np.flatnonzero(leaves):
        for other in np.flatnonzero(~leaves):
            if groups[one] == groups[other]:
                weight = counts[one] * counts[other]
                pairs += weight
                won += weight * ((risk[one] > risk[other]) + 0.5 * (risk[one] == risk[other]))
    return won / pairs


@pytest.mark.parametrize("seed", range(5))
def test_the_auc_is_the_share_of_pairs_in_order(seed: int) -> None:
    generator = np.random.default_rng(seed)
    leaves = generator.random(40) < 0.3
    risk = generator.integers(0, 8, 40).astype(float)  # with ties
    groups = generator.integers(0, 3, 40)
    alone = np.zeros(40)
    assert auc(leaves, risk) == pytest.approx(pairs_by_hand(leaves, risk, alone, alone + 1))
    assert auc(leaves, risk, groups) == pytest.approx(
        pairs_by_hand(leaves, risk, groups, alone + 1)
    )

    # Drawing an account n times is counting each of its observations n times.
    accounts = generator.integers(0, 12, 40)
    numbers = np.unique(accounts, return_inverse=True)[1]
    times = generator.integers(0, 4, numbers.max() + 1)
    sample = Sample(accounts, leaves, (risk,), groups)
    [weighted] = account_pairs(sample, risk).aucs(times[None, :])
    assert weighted == pytest.approx(pairs_by_hand(leaves, risk, groups, times[numbers]))


def test_a_perfect_order_is_one_and_its_reverse_zero() -> None:
    leaves = np.array([True] * 12 + [False] * 12)
    assert auc(leaves, leaves.astype(float)) == 1
    assert auc(leaves, 1 - leaves.astype(float)) == 0
    assert auc(leaves, np.zeros(24)) == 0.5


def drawn(seed: int, accounts: int, dates: int, effect: float) -> Sample:
    """Accounts of which a quarter leave, each seen on some dates; risk is higher by `effect`."""
    generator = np.random.default_rng(seed)
    leaves = np.arange(accounts) < accounts // 4
    risk = generator.normal(size=accounts) + effect * leaves
    return Sample(
        np.repeat(np.arange(accounts), dates),
        np.repeat(leaves, dates),
        (np.repeat(risk, dates), np.repeat(generator.normal(size=accounts), dates)),
    )


def hanley_mcneil(area: float, leaving: int, staying: int) -> float:
    """The standard error of an AUC of independent observations (Hanley and McNeil, 1982)."""
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area)
    variance += (leaving - 1) * (first - area**2) + (staying - 1) * (second - area**2)
    return float(np.sqrt(variance / (leaving * staying)))


def test_the_interval_is_as_wide_as_the_formula_for_independent_accounts_says() -> None:
    [found, _] = estimates(drawn(1, accounts=200, dates=1, effect=1.0), DRAWS)
    width = 2 * 1.96 * hanley_mcneil(found.value, 50, 150)
    assert found.high - found.low == pytest.approx(width, rel=0.2)
    assert found.low < found.value < found.high
    assert found.churned == 50


def test_more_dates_of_the_same_accounts_say_no_more() -> None:
    [once, _] = estimates(drawn(1, accounts=80, dates=1, effect=0.8), DRAWS)
    [often, _] = estimates(drawn(1, accounts=80, dates=12, effect=0.8), DRAWS)
    assert (often.value, often.low, often.high) == pytest.approx(
        (once.value, once.low, once.high), abs=1e-9
    )


def test_shuffled_labels_are_foretold_by_nothing() -> None:
    """Chance alone lifts about one interval of forty above 0.5; a leak would lift many."""
    sample = drawn(1, accounts=120, dates=3, effect=2.0)
    assert estimates(sample, DRAWS)[0].is_above_chance
    generator = np.random.default_rng(7)
    found = []
    for _ in range(60):
        order = generator.permutation(120)
        shuffled = Sample(sample.accounts, order[sample.accounts] < 30, sample.risks)
        found.append(estimates(shuffled, 200)[0])
    assert sum(estimate.is_above_chance for estimate in found) <= 6
    assert abs(np.mean([estimate.value for estimate in found]) - 0.5) < 0.02


def test_an_advantage_is_between_scores_of_the_same_accounts() -> None:
    sample = drawn(1, accounts=200, dates=2, effect=1.5)
    health, rival = estimates(sample, DRAWS)
    [gain] = advantages(sample, DRAWS)
    assert gain.value == pytest.approx(health.value - rival.value)
    assert gain.low > 0
    same = Sample(sample.accounts, sample.leaves, (sample.risks[0], sample.risks[0]))
    [none] = advantages(same, DRAWS)
    assert (none.value, none.low, none.high) == (0, 0, 0)


def test_precision_recall_and_lift_of_what_is_marked() -> None:
    leaves = np.array([True] * 20 + [False] * 60)
    marked = np.zeros(80, dtype=bool)
    marked[10:30] = True  # 10 of 20 leave, of all 20 of 80
    found = marks(Sample(np.arange(80), leaves, ()), marked, DRAWS)
    assert found.marked_share == 20 / 80
    assert found.precision.value == pytest.approx(0.5)
    assert found.recall.value == pytest.approx(10 / 20)
    assert found.lift.value == pytest.approx(0.5 / 0.25)
    for estimate in (found.precision, found.recall, found.lift):
        assert estimate.low < estimate.value < estimate.high
        assert estimate.churned == 20


def test_tenths_have_as_many_observations() -> None:
    edges = decile_edges(np.arange(100.0))
    assert len(edges) == 11
    assert np.histogram(np.arange(100.0), edges)[0].tolist() == [10] * 10
    assert len(decile_edges(np.array([5.0] * 50 + [10.0] * 50))) == 3  # two groups


def test_with_fewer_accounts_than_needed_nothing_is_too_wide_to_tell() -> None:
    """The number that a back-test asks for: with it the interval of no signal is 0.5 +- 0.18."""
    assert 1.96 / np.sqrt(12 * CHURNED_NEEDED) == pytest.approx(0.18, abs=0.005)
