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
    MARKED_STATES,
    RIVALS,
    Cell,
    Results,
    Rival,
)
from orchestration.insight.observations import sample_of
from orchestration.insight.people_or_rules import people_or_rules
from orchestration.insight.prediction import (
    CHURNED_NEEDED,
    DRAWS,
    Estimate,
    Marks,
    advantages,
    decile_edges,
    estimates,
    marks,
)
from orchestration.insight.single_signals import (
    SignalResult,
    add_signals,
    contest_of,
    fed_pillars,
    measure_signal,
)
from orchestration.insight.suggested_weights import suggest
from orchestration.insight.undated_columns import undated_rules, undated_signals, without
from orchestration.insight.unscored import unscored_pillars
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
    results.unscored = unscored_pillars(connection, dates, configurations[0])
    measure_rivals(connection, frame, results, draws)
    measure_signals(connection, frame, results, console, draws)
    measure_states(frame, results, draws)
    fullest = max(HORIZONS, key=lambda horizon: (churned[horizon], -horizon))
    results.suggestion = suggest(
        observations.known_by(frame, fullest, known_until), fullest, configurations[0], draws
    )
    results.people_or_rules = people_or_rules(connection, labels, known_until)
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


def measure_signals(
    connection: Connection,
    frame: pd.DataFrame,
    results: Results,
    console: Console | None,
    draws: int,
) -> None:
    """Every single signal, and overall health against the best of them.

    A signal that may know the future is measured, but is no rival.
    """
    configuration = results.configurations[0]
    overall = frame[frame["pillar_id"] == "overall"]
    wide, columns = add_signals(connection, overall, configuration)
    pillars, undated = fed_pillars(configuration), undated_signals(configuration)
    knowns = {
        horizon: observations.known_by(wide, horizon, results.known_until) for horizon in HORIZONS
    }
    with ProgressBar(console=console, disable=console is None) as bar:
        for name, column in bar.track(columns.items(), description="Measuring signals"):
            result = SignalResult(name, pillars.get(name, []), undated.get(name))
            measure_signal(result, knowns, column, draws)
            results.signals.append(result)
    results.signals.sort(key=lambda result: (-result.strength, result.signal_id))
    rivals = {name: column for name, column in columns.items() if name not in undated}
    for horizon, known in knowns.items():
        if contest := contest_of(known, rivals, draws):
            results.contests[horizon] = contest
    for pillar in configuration.pillars:
        fed_by = {
            name: column for name, column in rivals.items() if pillar in pillars.get(name, [])
        }
        known = with_score_of(pillar, frame, knowns[results.first_horizon])
        if contest := contest_of(known, fed_by, draws):
            results.pillar_contests[pillar] = contest


def with_score_of(pillar: str, frame: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The rows of overall with the score of a pillar instead."""
    key = ["health_date", "account_id"]
    scores = frame.loc[frame["pillar_id"] == pillar, [*key, "score"]]
    return known.drop(columns="score").merge(scores, on=key, how="left")


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
            for name, states in MARKED_STATES.items():
                found = marks_or_none(known, states, draws)
                if name == "poor":
                    results.lifts[str(pillar), horizon] = found.lift if found else None
                if pillar == "overall" and found:
                    results.marks[name, horizon] = found
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


def marks_or_none(known: pd.DataFrame, states: tuple[str, ...], draws: int) -> Marks | None:
    """What being in one of the states says; None where nobody was, or too few left or stayed."""
    sample = sample_of(known)
    is_marked = known["state"].isin(states).to_numpy(dtype=bool)
    if not is_marked.any() or min(sample.churned, sample.stayed) < CHURNED_NEEDED:
        return None
    return marks(sample, is_marked, draws)


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
