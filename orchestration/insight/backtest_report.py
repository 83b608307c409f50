"""The report of a back-test: its tables, and a sentence to each."""

import numpy as np

from orchestration.base.figures import plural
from orchestration.insight.backtest_results import DAYS, HORIZONS, LIKE_AGE, RIVALS, Results
from orchestration.insight.prediction import (
    CHURNED_NEEDED,
    DRAWS,
    Estimate,
)
from orchestration.insight.report import Report, number
from orchestration.insight.undated_columns import UndatedRule


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
    add_undated(report, results)
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


def add_undated(report: Report, results: Results) -> None:
    if not results.undated:
        report.say("No rule rests on a column without a time of its own.")
        return
    columns: dict[str, list[UndatedRule]] = {}
    for rule in results.undated:
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
    if results.without_undated is None:
        report.say("Not calculated without them (--published-only).")
        return
    report.add(
        "AUC with and without those rules",
        ("score", "rules", *DAYS),
        (
            (pillar, name, *(estimate_text(cells.get(("all", pillar, h))) for h in HORIZONS))
            for pillar in pillars_of(results)
            for name, cells in (("all", results.aucs), ("without", results.without_undated))
        ),
        numbers=(2, 3, 4),
        note="Without: the same dates, calculated again from the raw data of today after dropping"
        " every clause and score rule above, so that accounts fall into the segments and states"
        " that the rest gives them.",
    )
