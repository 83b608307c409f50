"""Suggested weights: what a regression finds in made-up pillar scores, and when it says nothing."""

import sys
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from orchestration.insight.suggested_weights import (
    NOT_INSTALLED,
    Suggestion,
    caps_of,
    suggest,
    weighted,
)
from orchestration.warehouse.configuration import Configuration

DRAWS = 200
END = date(2026, 11, 22)
WEIGHTS = [
    {"segment_id": "all", "pillar_id": "telling", "weight": "25", "cap_when_poor": None},
    {"segment_id": "all", "pillar_id": "noise", "weight": "75", "cap_when_poor": "5"},
]
CONFIGURATION = Configuration(
    "v1",
    {
        "pillars": [
            {"pillar_id": name, "pillar_name": name, "display_order": str(place)}
            for place, name in enumerate(("telling", "noise", "absent"))
        ],
        "pillar_weights": WEIGHTS,
    },
)


def observed(accounts: int = 120, leavers: int = 30, effect: float = 3.0) -> pd.DataFrame:
    """Accounts on four dates; low scores of `telling` tell who leaves, those of `noise` nothing."""
    generator = np.random.default_rng(5)
    rows = []
    for number in range(accounts):
        leaves = number < leavers
        for week in range(4):
            telling = generator.normal(6 - effect * leaves, 1.5)
            noise = generator.normal(5, 2)
            scores = {
                "telling": telling,
                "noise": noise,
                "absent": np.nan,
                "overall": 0.25 * telling + 0.75 * noise,
            }
            for pillar, score in scores.items():
                rows.append(
                    {
                        "health_date": END - timedelta(days=7 * week),
                        "account_id": f"a{number:03}",
                        "pillar_id": pillar,
                        "segment_id": "all",
                        "state": "average",
                        "score": score,
                        "leaves": leaves,
                    }
                )
    return pd.DataFrame(rows)


def test_the_pillar_that_tells_gains_weight_and_the_gain_is_measured() -> None:
    found = suggest(observed(), 30, CONFIGURATION, DRAWS)
    assert isinstance(found, Suggestion)
    assert found.weights["telling"] > 80
    assert sum(found.weights.values()) == pytest.approx(100)
    assert found.in_force == {"telling": pytest.approx(25), "noise": pytest.approx(75)}
    low, high = found.by_fold["telling"]
    assert low <= high and low > 60
    assert found.is_better and found.gain.low > 0.05
    assert found.gain.value == pytest.approx(found.suggested.value - found.present.value)


def test_shuffled_labels_gain_nothing() -> None:
    frame = observed()
    accounts = sorted(frame["account_id"].unique())
    better = 0
    for seed in range(5):
        left = set(np.random.default_rng(seed).permutation(accounts)[:30])
        found = suggest(frame.assign(leaves=frame["account_id"].isin(left)), 30, CONFIGURATION, 100)
        better += isinstance(found, Suggestion) and found.is_better
    assert better <= 1


def test_too_few_that_left_are_refused_with_the_number_needed() -> None:
    found = suggest(observed(leavers=19), 60, CONFIGURATION, DRAWS)
    assert isinstance(found, str)
    assert "2 pillars have scores, and a regression on them needs 20 accounts that left" in found
    assert found.endswith("within 60 days 19 left.")
    assert isinstance(suggest(observed(leavers=20), 60, CONFIGURATION, DRAWS), Suggestion)


def test_one_pillar_is_nothing_to_weigh() -> None:
    frame = observed()
    found = suggest(frame[frame["pillar_id"] != "noise"], 30, CONFIGURATION, DRAWS)
    assert isinstance(found, str) and "fewer than two pillars" in found


def test_without_scikit_learn_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)
    assert suggest(observed(), 30, CONFIGURATION, DRAWS) == NOT_INSTALLED


def test_scores_are_weighed_as_health_weighs_them() -> None:
    """The weights of pillars without a score are spread over the others; then the least cap."""
    scores = pd.DataFrame({"telling": [7.5, np.nan, 9.0], "noise": [9.0, 6.0, 9.0]})
    states = pd.DataFrame({"telling": ["good"] * 3, "noise": ["good", "good", "poor"]})
    overall = pd.DataFrame({"segment_id": ["all", "all", "all"]})
    caps = caps_of(overall, states, CONFIGURATION)
    assert weighted(scores, np.array([50.0, 50.0]), caps).tolist() == [8.25, 6.0, 5.0]
