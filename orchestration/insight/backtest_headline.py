"""Headline: what the last back-test found, kept in the state folder for those who only look.

There it outlives runs, which replace what is published, and is seen beside every profile.
"""

import json
from datetime import date
from typing import Any

from orchestration.base import clock
from orchestration.base.settings import Settings
from orchestration.insight.backtest_results import HORIZONS, RIVALS, Results
from orchestration.insight.prediction import Estimate

FILE = "backtest.json"
DATES = ("made_on", "first_date", "last_date", "known_until")


def keep(settings: Settings, results: Results) -> None:
    """Replace the headline of the back-test before. Raises OSError where it cannot be written."""
    settings.state.mkdir(parents=True, exist_ok=True)
    unfinished = settings.state / f"{FILE}.new"
    unfinished.write_text(json.dumps(headline(results)) + "\n", encoding="utf-8")
    unfinished.replace(settings.state / FILE)


def last(settings: Settings) -> dict[str, Any] | None:
    """The headline as it was kept; None where no back-test was run."""
    file = settings.state / FILE
    if not file.exists():
        return None
    found = json.loads(file.read_text(encoding="utf-8"))
    return {name: date.fromisoformat(v) if name in DATES else v for name, v in found.items()}


def headline(results: Results) -> dict[str, Any]:
    return {
        "made_on": str(clock.now().date()),
        "verdict": results.verdict,
        "first_date": str(results.dates[0]),
        "last_date": str(results.dates[-1]),
        "dates": len(results.dates),
        "known_until": str(results.known_until),
        "accounts": results.accounts,
        "labels": results.labels,
        "config_version": results.configurations[0].version,
        "horizons": [of_horizon(results, horizon) for horizon in HORIZONS],
    }


def of_horizon(results: Results, horizon: int) -> dict[str, Any]:
    """auc: value, low and high of overall health; None where too few accounts left. rival: the one
    with the highest AUC. health_is: better or worse, and than what."""
    found = results.aucs.get(("all", "overall", horizon))
    return {
        "days": horizon,
        "left": results.churned.get(horizon, 0),
        "auc": [found.value, found.low, found.high] if isinstance(found, Estimate) else None,
        "rival": best_rival(results, horizon),
        "health_is": results.standing(horizon),
    }


def best_rival(results: Results, horizon: int) -> dict[str, Any] | None:
    named = {
        RIVALS[name]: rival.rival.value
        for (name, ahead), rival in results.rivals.items()
        if ahead == horizon
    }
    if contest := results.contests.get(horizon):
        named[contest.signal] = contest.rival.value
    if not named:
        return None
    best = max(named, key=lambda name: named[name])
    return {"name": best, "auc": named[best]}
