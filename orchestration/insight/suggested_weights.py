"""Suggested weights: what a logistic regression on pillar scores would weigh, and what it gains.

A suggestion is shown and never applied. Its gain is measured on accounts that it was not fitted to:
accounts are parted into folds, weights are fitted on the other folds, and the fold is scored with
them as health scores it (the weighted mean of the pillars that have a score, then caps).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.insight.observations import sample_of
from orchestration.insight.prediction import DRAWS, SEED, Estimate, advantages, estimates
from orchestration.warehouse.configuration import Configuration

# Events per variable, by the usual rule for a regression.
CHURNED_A_PILLAR = 10
FOLDS = 5
# A pillar is weighed when that share of the account dates has a score of it.
KNOWN_NEEDED = 0.5
NOT_INSTALLED = (
    "No weights are suggested: scikit-learn is not installed. It is in the extra `weights`, which"
    " `make setup` installs."
)


@dataclass(frozen=True)
class Suggestion:
    """Weights in percent for all segments, those in force, and what they gain out of fold."""

    horizon: int
    weights: dict[str, float]
    by_fold: dict[str, tuple[float, float]]  # the least and the greatest weight in a fold
    in_force: dict[str, float]  # the mean over the account dates
    present: Estimate
    suggested: Estimate
    gain: Estimate

    @property
    def is_better(self) -> bool:
        return self.gain.low > 0


def pillar_frames(
    frame: pd.DataFrame, pillars: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The overall rows, and the scores and states of pillars beside them, a column a pillar."""
    key = ["health_date", "account_id"]
    overall = frame[frame["pillar_id"] == "overall"].dropna(subset=["score"]).set_index(key)
    rows = frame[frame["pillar_id"].isin(pillars)]
    scores, states = (
        rows.pivot(index=key, columns="pillar_id", values=column)
        .reindex(index=overall.index, columns=pillars)
        .reset_index(drop=True)
        for column in ("score", "state")
    )
    return overall.reset_index(), scores.astype(float).round(6), states


def suggest(
    frame: pd.DataFrame, horizon: int, configuration: Configuration, draws: int = DRAWS
) -> Suggestion | str:
    """The suggestion, or why there is none; frame: rows whose outcome is known."""
    overall, scores, states = pillar_frames(frame, configuration.pillars)
    scores = scores.loc[:, scores.notna().mean() >= KNOWN_NEEDED]
    pillars = list(scores.columns)
    if len(pillars) < 2:
        return (
            "No weights are suggested: fewer than two pillars have a score on half of the account"
            " dates."
        )
    sample = sample_of(overall)
    needed = CHURNED_A_PILLAR * len(pillars)
    if min(sample.churned, sample.stayed) < needed:
        few, what = min((sample.churned, "left"), (sample.stayed, "stayed"))
        return (
            f"No weights are suggested: {len(pillars)} pillars have scores, and a regression on"
            f" them needs {needed} accounts that left and as many that stayed, {CHURNED_A_PILLAR}"
            f" for each pillar; within {horizon} days {few} {what}."
        )
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ImportError:
        return NOT_INSTALLED
    # GroupKFold that spreads those that leave evenly over the folds.
    splits = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED).split(
        scores, sample.leaves, sample.accounts
    )
    caps = caps_of(overall, states, configuration)
    folds = np.zeros(len(overall), dtype=int)
    risk = np.zeros(len(overall))
    fitted = []
    for fold, (train, test) in enumerate(splits):
        weights = fit(scores.iloc[train], sample.leaves[train])
        fitted.append(weights)
        folds[test] = fold
        risk[test] = -weighted(scores.iloc[test], weights, caps[test])
    weights = fit(scores, sample.leaves)
    if not weights.any():
        return "No weights are suggested: of no pillar a low score tells who leaves."
    present = -overall["score"].round(6).to_numpy(dtype=float)
    compared = sample_of(overall, np.nan_to_num(risk), present, groups=folds)
    suggested, in_force = estimates(compared, draws)
    ranges = zip(np.min(fitted, axis=0), np.max(fitted, axis=0), strict=True)
    return Suggestion(
        horizon,
        dict(zip(pillars, map(float, weights), strict=True)),
        {
            pillar: (float(low), float(high))
            for pillar, (low, high) in zip(pillars, ranges, strict=True)
        },
        weights_in_force(overall, pillars, configuration),
        in_force,
        suggested,
        advantages(compared, draws)[0],
    )


def fit(scores: pd.DataFrame, leaves: np.ndarray) -> np.ndarray:
    """Weights in percent by which low scores tell who leaves; 0 for pillars that tell the reverse.

    A pillar without a score counts as one with the median. A weight below 0 cannot be configured:
    the pillar is left out and the others are fitted again.
    """
    from sklearn.linear_model import LogisticRegression

    values = scores.fillna(scores.median()).to_numpy(dtype=float)
    spread = values.std(axis=0)
    kept = np.flatnonzero(spread > 0)
    while len(kept):
        scaled = (values[:, kept] - values[:, kept].mean(axis=0)) / spread[kept]
        regression = LogisticRegression().fit(scaled, leaves)
        slopes = -regression.coef_[0] / spread[kept]
        if (slopes > 0).all():
            found = np.zeros(values.shape[1])
            found[kept] = 100 * slopes / slopes.sum()
            return found
        kept = kept[slopes > 0]
    return np.zeros(values.shape[1])


def weighted(scores: pd.DataFrame, weights: np.ndarray, caps: np.ndarray) -> np.ndarray:
    """The overall score: the weights of pillars without a score are spread over the others."""
    values = scores.to_numpy(dtype=float)
    total = (~np.isnan(values) * weights).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.minimum(np.nansum(values * weights, axis=1) / total, caps).round(6)


def caps_of(
    overall: pd.DataFrame, states: pd.DataFrame, configuration: Configuration
) -> np.ndarray:
    """The least cap of the pillars that are poor, by the weights of the segment."""
    caps = np.full(len(overall), np.inf)
    for row in configuration.rows("pillar_weights"):
        if row.get("cap_when_poor") and row["pillar_id"] in states:
            is_of_segment = (overall["segment_id"] == row["segment_id"]).to_numpy()
            is_capped = is_of_segment & (states[row["pillar_id"]] == "poor").to_numpy()
            caps[is_capped] = np.minimum(caps[is_capped], float(row["cap_when_poor"] or np.inf))
    return caps


def weights_in_force(
    overall: pd.DataFrame, pillars: list[str], configuration: Configuration
) -> dict[str, float]:
    """The weights in percent that the pillars have now, as the mean over the account dates."""
    segments: dict[str, dict[str, float]] = {}
    for row in configuration.rows("pillar_weights"):
        weight = float(row["weight"] or 0)
        segments.setdefault(str(row["segment_id"]), {})[str(row["pillar_id"])] = weight
    alike = dict.fromkeys(pillars, 1.0)
    means = dict.fromkeys(pillars, 0.0)
    for segment, share in overall["segment_id"].value_counts(normalize=True).items():
        weights = segments.get(str(segment), alike)
        for pillar in pillars:
            means[pillar] += 100 * share * weights.get(pillar, 0.0) / sum(weights.values())
    return means
