"""Measuring a back-test: health and its rivals on the same observations."""

from datetime import date

import click
import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress as ProgressBar

from orchestration.base.settings import Settings
from orchestration.base.stopping import scratch_folder
from orchestration.insight import observations, scratch
from orchestration.insight.accounts import Connection
from orchestration.insight.backtest_results import (
    AGE_GROUPS,
    HORIZONS,
    LIKE_AGE,
    RIVALS,
    Cell,
    Results,
    Rival,
)
from orchestration.insight.prediction import (
    CHURNED_NEEDED,
    DRAWS,
    Estimate,
    Sample,
    advantages,
    decile_edges,
    estimates,
    lift,
)
from orchestration.insight.undated_columns import undated_rules, without
from orchestration.insight.warning_signs import warnings_before
from orchestration.warehouse.duckdb_files import opened


def measure(
    connection: Connection,
    dates: list[date],
    labels: observations.Labels,
    known_until: date,
    console: Console | None = None,
    draws: int = DRAWS,
) -> Results:
    """Measure everything that the published tables can tell; refuses with too few that left."""
    frame = observations.observe(connection, dates, labels)
    churned = {
        horizon: count_churned(observations.known_by(frame, horizon, known_until))
        for horizon in HORIZONS
    }
    refuse_too_few(churned, dates, known_until, labels)
    configurations = observations.used_configurations(connection, dates)
    results = Results(
        dates=dates,
        known_until=known_until,
        labels=labels.source,
        accounts=frame["account_id"].nunique(),
        churned=churned,
        configurations=configurations,
        undated=undated_rules(configurations[0]),
    )
    results.aucs = measure_aucs(frame, known_until, console, draws)
    measure_rivals(connection, frame, results, draws)
    measure_states(frame, results, draws)
    return results


def count_churned(known: pd.DataFrame) -> int:
    return int(known.loc[known["leaves"], "account_id"].nunique())


def refuse_too_few(
    churned: dict[int, int], dates: list[date], known_until: date, labels: observations.Labels
) -> None:
    if max(churned.values()) >= CHURNED_NEEDED:
        return
    counts = ", ".join(f"{count} within {horizon} days" for horizon, count in churned.items())
    raise click.ClickException(
        f"Too few accounts left to say anything: {counts} of a health date from {dates[0]} to"
        f" {dates[-1]}, by {labels.source}; at least {CHURNED_NEEDED} are needed (with fewer, even"
        " the interval of a score that says nothing is wider than 0.5 +- 0.18). An outcome counts"
        f" when its days end by {known_until}. Calculate more of the past with"
        " `health run --start ... --end ...`, or give more churn dates with --labels."
    )


def measure_aucs(
    frame: pd.DataFrame, known_until: date, console: Console | None, draws: int
) -> dict[Cell, Estimate | int]:
    """The AUC of overall and each pillar, for all accounts and by segment, at each horizon."""
    found: dict[Cell, Estimate | int] = {}
    groups = [("all", pillar, rows) for pillar, rows in frame.groupby("pillar_id")]
    groups += [(*key, rows) for key, rows in frame.groupby(["segment_id", "pillar_id"])]
    with ProgressBar(console=console, disable=console is None) as bar:
        for segment, pillar, rows in bar.track(groups, description="Drawing accounts"):
            for horizon in HORIZONS:
                known = observations.known_by(rows, horizon, known_until).dropna(subset=["score"])
                found[segment, pillar, horizon] = estimate_or_count(known, draws)
                if (segment, pillar) == ("all", "overall"):
                    found["all", LIKE_AGE, horizon] = estimate_or_count(
                        known, draws, age_groups(known)
                    )
    return found


def age_groups(known: pd.DataFrame) -> np.ndarray:
    """Fifths of the observations by the account's age: how many leave depends on it."""
    groups = pd.qcut(known["age_days"], AGE_GROUPS, labels=False, duplicates="drop")
    return groups.to_numpy(dtype=float)


def sample_of(known: pd.DataFrame, *risks: np.ndarray, groups: np.ndarray | None = None) -> Sample:
    accounts = pd.factorize(known["account_id"])[0]
    return Sample(accounts, known["leaves"].to_numpy(dtype=bool), risks, groups)


def estimate_or_count(
    known: pd.DataFrame, draws: int, groups: np.ndarray | None = None
) -> Estimate | int:
    risk = -known["score"].round(6).to_numpy(dtype=float)
    sample = sample_of(known, risk, groups=groups)
    if sample.churned < CHURNED_NEEDED or sample.stayed < CHURNED_NEEDED:
        return min(sample.churned, sample.stayed)
    return estimates(sample, draws)[0]


def measure_rivals(
    connection: Connection, frame: pd.DataFrame, results: Results, draws: int
) -> None:
    """Health against each rival, on the observations that have both."""
    overall = frame[frame["pillar_id"] == "overall"].assign(
        low_mrr=lambda rows: -rows["mrr"].astype(float), youth=lambda rows: -rows["age_days"]
    )
    if metric := observations.days_since_event_metric(results.configurations[0]):
        overall = observations.add_metric(connection, overall, metric, "days_since_event")
    for rival in RIVALS:
        if rival not in overall:
            continue
        for horizon in HORIZONS:
            known = observations.known_by(overall, horizon, results.known_until)
            known = known.dropna(subset=["score", rival])
            sample = sample_of(
                known,
                -known["score"].round(6).to_numpy(dtype=float),
                known[rival].to_numpy(dtype=float),
            )
            if min(sample.churned, sample.stayed) >= CHURNED_NEEDED:
                results.rivals[rival, horizon] = Rival(
                    *estimates(sample, draws), *advantages(sample, draws)
                )


def measure_states(frame: pd.DataFrame, results: Results, draws: int) -> None:
    """Lift of poor, warnings before leaving, and calibration."""
    overall = frame[frame["pillar_id"] == "overall"].sort_values("health_date", kind="stable")
    scored = overall.dropna(subset=["score"])
    edges = decile_edges(scored["score"].round(6).to_numpy(dtype=float))
    groups = pd.cut(scored["score"].round(6), edges, include_lowest=True, labels=False)
    rows: dict[int, list[float]] = {}
    for horizon in HORIZONS:
        for pillar, pillar_rows in frame.groupby("pillar_id"):
            known = observations.known_by(pillar_rows, horizon, results.known_until)
            sample = sample_of(known)
            poor = (known["state"] == "poor").to_numpy(dtype=bool)
            results.lifts[str(pillar), horizon] = (
                lift(sample, poor, draws)
                if poor.any() and min(sample.churned, sample.stayed) >= CHURNED_NEEDED
                else None
            )
            if pillar == "overall":
                results.base_rates[horizon] = float(known["leaves"].mean())
        results.warnings[horizon] = warnings_before(overall, horizon, results.known_until)
        known = observations.known_by(scored.assign(group=groups), horizon, results.known_until)
        for group, share in known.groupby("group")["leaves"].mean().items():
            rows.setdefault(int(str(group).split(".")[0]), []).append(float(share))
    for group, shares in sorted(rows.items()):
        if len(shares) == len(HORIZONS):
            results.calibration.append(
                (edges[group], edges[group + 1], int((groups == group).sum()), shares)
            )


def measure_without(
    settings: Settings, results: Results, labels: observations.Labels, console: Console
) -> dict[Cell, Estimate | int]:
    """Calculate the dates again without the rules that rest on undated columns, and measure."""
    with scratch_folder("health-backtest-", settings.state) as place:
        configuration = without(results.configurations[0], results.undated)
        side = scratch.Side(
            "without undated columns", scratch.write_seeds(configuration, place / "seeds")
        )
        first, last = results.dates[0], results.dates[-1]
        warehouse = scratch.calculate(side, settings, first, last, place, console)
        with opened(warehouse) as connection:
            frame = observations.observe(connection, results.dates, labels)
    return measure_aucs(frame, results.known_until, console, DRAWS)
