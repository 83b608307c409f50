"""`health backtest`: whether health foretold who left, held against chance and simple rivals."""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import click
import duckdb
import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress as ProgressBar

from orchestration.insight import observations, scratch
from orchestration.insight.accounts import Connection, history_dates
from orchestration.insight.configuration import Configuration
from orchestration.insight.figures import plural
from orchestration.insight.options import DATE, FOLDER, MARKDOWN, report_console
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
from orchestration.insight.report import Report, number
from orchestration.insight.timeless import TimelessRule, timeless_rules, without
from orchestration.insight.warning_signs import Before, warnings_before
from orchestration.reading import reading
from orchestration.settings import Settings
from orchestration.stopping import scratch_folder

HORIZONS = (30, 60, 90)  # days ahead
STATES = ("good", "average", "poor", "not_calculated")
RIVALS = {
    "days_since_event": "days since the last event",
    "low_mrr": "low MRR",
    "youth": "young account",
}
LIKE_AGE = "overall, at like age"
AGE_GROUPS = 5
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
    lifts: dict[tuple[str, int], Estimate | None] = field(default_factory=dict)
    warnings: dict[int, Before] = field(default_factory=dict)
    calibration: list[tuple[float, float, int, list[float]]] = field(default_factory=list)
    timeless: list[TimelessRule] = field(default_factory=list)
    without_timeless: dict[Cell, Estimate | int] | None = None

    @property
    def verdict(self) -> str:
        """One sentence: at which horizons overall health tells more than chance."""
        found = {
            horizon: estimate
            for horizon in HORIZONS
            if isinstance(estimate := self.aucs.get(("all", "overall", horizon)), Estimate)
        }
        above = [horizon for horizon, estimate in found.items() if estimate.is_above_chance]
        if not above:
            return "Overall health foretold nothing: it tells churn no better than chance."
        at_like_age = [self.aucs.get(("all", LIKE_AGE, horizon)) for horizon in above]
        days = joined([str(horizon) for horizon in above])
        if any(isinstance(cell, Estimate) and cell.is_above_chance for cell in at_like_age):
            return f"Overall health foretold churn {days} days ahead."
        return (
            f"Overall health foretold churn {days} days ahead, but among accounts of like age no"
            " better than chance: age explains it."
        )


def joined(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1])] * (len(words) > 1) + words[-1:])


@click.command()
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file of churn dates, with account_id; churned_at of the accounts without.",
)
@click.option(
    "--label-column",
    default="churned_at",
    show_default=True,
    help="Column of the dates in that file.",
)
@click.option("--start", type=DATE, help="First health date; the history's first without it.")
@click.option("--end", type=DATE, help="Last health date; the history's last without it.")
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="Days between the dates looked at: neighbouring days say the same.",
)
@click.option(
    "--known-until",
    type=DATE,
    help="Churn before this day is known; the history's last date without it.",
)
@click.option(
    "--published-only",
    is_flag=True,
    help="Leave out the recalculation without columns that have no time of their own.",
)
@click.option("--markdown", type=MARKDOWN, help="Also write the report here.")
@click.option("--plots", type=FOLDER, help="Also draw pictures into this folder.")
def backtest(
    labels: Path | None,
    label_column: str,
    start: datetime | None,
    end: datetime | None,
    every: int,
    known_until: datetime | None,
    published_only: bool,
    markdown: Path | None,
    plots: Path | None,
) -> None:
    """Measure whether health foretold churn, 30, 60 and 90 days ahead.

    AUC with confidence interval by pillar and segment, against days since the last event alone and
    MRR alone; lift, warnings before leaving, calibration. Each date stands for what its history row
    said. Columns without a time of their own (renews_at, seats ...) may know the future: what rests
    on them is named, and the range is calculated once more, in a scratch folder, without it.

    \b
    Examples:
      health backtest --markdown backtest.md --plots pictures
      health backtest --labels churn.csv --label-column churn_date --start 2026-01-01
    """
    settings = Settings.from_environment()
    console = report_console()
    with reading(settings) as connection:
        all_dates = history_dates(connection)
        until = known_until.date() if known_until else all_dates[-1]
        dates = observations.chosen_dates(
            all_dates, start.date() if start else None, end.date() if end else None, every
        )
        if not dates:
            raise click.ClickException(
                f"The history has no date in that range; it has {all_dates[0]} to {all_dates[-1]}."
            )
        known = (
            observations.labels_of_file(labels, label_column)
            if labels
            else observations.published_labels(connection)
        )
        results = measure(connection, dates, known, until, console)
    if results.timeless and not published_only:
        results.without_timeless = measure_without(settings, results, known, console)
    report = report_of(results)
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")
    if plots:
        # Imported here: drawing takes a second to load, and most want no picture.
        from orchestration.insight import pictures

        for file in pictures.draw_backtest(results, plots):
            console.print(f"Drew {file}")


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
        timeless=timeless_rules(configurations[0]),
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
    """Calculate the dates again without the rules that rest on timeless columns, and measure."""
    with scratch_folder("health-backtest-", settings.state) as place:
        configuration = without(results.configurations[0], results.timeless)
        side = scratch.Side(
            "without timeless columns", scratch.write_seeds(configuration, place / "seeds")
        )
        first, last = results.dates[0], results.dates[-1]
        warehouse = scratch.calculate(side, settings, first, last, place, console)
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            frame = observations.observe(connection, results.dates, labels)
    return measure_aucs(frame, results.known_until, console, DRAWS)


def report_of(results: Results) -> Report:
    report = Report(f"Back-test of health, {results.dates[0]} to {results.dates[-1]}")
    counts = ", ".join(f"{n} within {horizon} days" for horizon, n in results.churned.items())
    report.say(results.verdict)
    report.say(
        f"{plural(results.accounts, 'account')} on {plural(len(results.dates), 'health date')}."
        " Accounts that left:"
        f" {counts} of one of them, by {results.labels}. An outcome counts when it is known by"
        f" {results.known_until}; states and scores are the calculated ones, without overrides."
    )
    if len(results.configurations) > 1:
        report.say(
            f"The dates were calculated with {len(results.configurations)} configurations; what is"
            " said of rules is said of the latest one's."
        )
    add_aucs(report, results)
    add_rivals(report, results)
    add_lifts(report, results)
    add_warnings(report, results)
    add_calibration(report, results)
    add_timeless(report, results)
    report.say(
        "Rules that were chosen after looking at these accounts flatter the score: only dates after"
        " the choice are a fair test."
    )
    return report


def estimate_text(estimate: Estimate | int | None) -> str:
    if estimate is None:
        return ""
    if isinstance(estimate, int):
        return f"too few ({estimate} of {CHURNED_NEEDED})"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def percent(share: float) -> str:
    return "" if np.isnan(share) else f"{share:.1%}"


def pillars_of(results: Results) -> list[str]:
    measured = {pillar for _, pillar, _ in results.aucs}
    ordered = ["overall", LIKE_AGE, *results.configurations[0].pillars]
    return [pillar for pillar in ordered if pillar in measured]


def add_aucs(report: Report, results: Results) -> None:
    columns = (1, 2, 3)
    report.add(
        "AUC: how well the score tells who leaves",
        ("score", *DAYS),
        (
            (pillar, *(estimate_text(results.aucs.get(("all", pillar, h))) for h in HORIZONS))
            for pillar in pillars_of(results)
        ),
        numbers=columns,
        note="0.5 is chance, 1 perfect. 95% intervals from drawing whole accounts with replacement"
        f" ({DRAWS:,} draws, fixed seed), because dates of one account repeat each other. At like"
        " age: accounts are compared within fifths by age only, because the young leave more often"
        " (or less) whatever their health.",
    )
    rows = []
    for segment in sorted({segment for segment, _, _ in results.aucs if segment != "all"}):
        for pillar in pillars_of(results):
            measured = [results.aucs.get((segment, pillar, horizon)) for horizon in HORIZONS]
            if any(isinstance(cell, Estimate) for cell in measured):
                rows.append((segment, pillar, *map(estimate_text, measured)))
    report.add(
        "AUC by segment on the date",
        ("segment", "score", *DAYS),
        rows,
        numbers=(2, 3, 4),
        note=f"Cells with fewer than {CHURNED_NEEDED} accounts that left, or stayed, are not"
        " calculated; segments without any other are left out. Of twenty intervals one lies beside"
        " 0.5 by chance.",
    )


def add_rivals(report: Report, results: Results) -> None:
    rows = []
    for (rival, horizon), result in results.rivals.items():
        gain = result.advantage
        rows.append(
            (
                RIVALS[rival],
                f"{horizon} days",
                estimate_text(result.health),
                estimate_text(result.rival),
                f"{gain.value:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]",
            )
        )
    report.add(
        "Against simple rivals",
        ("rival", "ahead", "health", "rival alone", "health is better by"),
        rows,
        numbers=(2, 3, 4),
        note="On the observations that have both.",
    )


def add_lifts(report: Report, results: Results) -> None:
    base = ", ".join(
        f"{percent(rate)} within {horizon} days"
        for horizon, rate in results.base_rates.items()
        if not np.isnan(rate)
    )
    report.add(
        "Lift: how many times as often accounts left when they were poor",
        ("state", *DAYS),
        (
            (pillar, *(estimate_text(results.lifts[pillar, horizon]) for horizon in HORIZONS))
            for pillar in pillars_of(results)
            if pillar != LIKE_AGE
        ),
        numbers=(1, 2, 3),
        note=f"1 is no difference. Base rate: of all account dates {base} left. Empty where nobody"
        f" was poor or fewer than {CHURNED_NEEDED} accounts left. Not adjusted for age.",
    )


def add_warnings(report: Report, results: Results) -> None:
    rows = []
    for horizon, before in results.warnings.items():
        for name, warned in (("left", before.leavers), ("stayed", before.stayers)):
            rows.append(
                (
                    f"{horizon} days",
                    name,
                    f"{warned.accounts:,}",
                    percent(warned.share(warned.poor)),
                    percent(warned.share(warned.poor_or_declined)),
                )
            )
    last = results.warnings[HORIZONS[-1]]
    step = (results.dates[1] - results.dates[0]).days if len(results.dates) > 1 else 0
    median = (
        f"{len(last.warning_days)} of {last.leavers.accounts} were poor on their last date; median"
        f" time since they had been so without break: {number(last.median_warning)} days (to within"
        f" {step})."
        if last.warning_days
        else "None was poor on its last date: no warning time."
    )
    report.add(
        "Warnings: overall states in the days before leaving, or before the last date",
        ("days before", "accounts that", "accounts", "were poor", "were poor or had declined"),
        rows,
        numbers=(2, 3, 4),
        note=median,
    )


def add_calibration(report: Report, results: Results) -> None:
    report.add(
        "Calibration: share that left, by tenth of the overall score",
        ("score from", "to", "account dates", *DAYS),
        (
            (number(low), number(high), f"{count:,}", *map(percent, shares))
            for low, high, count, shares in results.calibration
        ),
        numbers=(0, 1, 2, 3, 4, 5),
    )


def add_timeless(report: Report, results: Results) -> None:
    if not results.timeless:
        report.say("No rule rests on a column without a time of its own.")
        return
    columns: dict[str, list[TimelessRule]] = {}
    for rule in results.timeless:
        columns.setdefault(rule.column, []).append(rule)
    report.add(
        "Rules that rest on columns without a time of their own",
        ("column", "signals", "rules"),
        (
            (
                column,
                ", ".join(sorted({rule.signal_id for rule in rules})),
                "; ".join(f"{rule.file} [{rule.place}]" for rule in rules),
            )
            for column, rules in sorted(columns.items())
        ),
        note="Such columns are read as they stand today and may know what nobody knew then.",
    )
    if results.without_timeless is None:
        report.say("Not calculated without them (--published-only).")
        return
    report.add(
        "AUC with and without those rules",
        ("score", "rules", *DAYS),
        (
            (pillar, name, *(estimate_text(cells.get(("all", pillar, h))) for h in HORIZONS))
            for pillar in pillars_of(results)
            for name, cells in (("all", results.aucs), ("without", results.without_timeless))
        ),
        numbers=(2, 3, 4),
        note="Without: the same dates, calculated anew from the raw data of today after dropping"
        " every clause and score rule above, so that accounts fall into the segments and states"
        " that the rest gives them.",
    )
