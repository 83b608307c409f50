"""The report of a back-test: its tables, and a sentence to each."""

import numpy as np

from orchestration.base.figures import plural
from orchestration.insight.backtest_results import (
    DAYS,
    HORIZONS,
    LIKE_AGE,
    MARKED_STATES,
    RIVALS,
    Results,
)
from orchestration.insight.prediction import (
    CHURNED_NEEDED,
    DRAWS,
    Estimate,
)
from orchestration.insight.report import Report, number
from orchestration.insight.single_signals import FOLDS, KNOWN_NEEDED, REPEATS, Contest
from orchestration.insight.suggested_weights import Suggestion
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
    add_unscored(report, results)
    add_contests(report, results)
    add_rivals(report, results)
    add_signals(report, results)
    add_lost_pillars(report, results)
    add_marks(report, results)
    add_lifts(report, results)
    add_warnings(report, results)
    add_calibration(report, results)
    add_suggestion(report, results)
    if results.people_or_rules:
        report.say(results.people_or_rules.verdict)
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


def gain_text(gain: Estimate) -> str:
    return f"{gain.value:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]"


def percents_text(estimate: Estimate) -> str:
    return f"{estimate.value:.0%} [{estimate.low:.0%}, {estimate.high:.0%}]"


def percent(share: float) -> str:
    return "" if np.isnan(share) else f"{share:.1%}"


def auc_text(results: Results, pillar: str, horizon: int) -> str:
    """The AUC of all accounts; a pillar that never had a score has none for another reason."""
    unscored = results.unscored.get(pillar)
    if unscored and unscored.share == 1:
        return "no score"
    return estimate_text(results.aucs.get(("all", pillar, horizon)))


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
            (pillar, *(auc_text(results, pillar, horizon) for horizon in HORIZONS))
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


def add_unscored(report: Report, results: Results) -> None:
    report.add(
        "Pillars without a score on some account dates",
        ("pillar", "without", "why"),
        (
            (pillar, f"{results.unscored[pillar].share:.0%}", results.unscored[pillar].why)
            for pillar in results.configurations[0].pillars
            if pillar in results.unscored
        ),
        numbers=(1,),
        is_prose=True,
    )


def add_contests(report: Report, results: Results) -> None:
    report.add(
        "Overall health against the best single signal",
        ("ahead", "health is", "by what"),
        (
            (f"{horizon} days", standing_text(results, horizon), contest_text(contest))
            for horizon, contest in results.contests.items()
        ),
        is_prose=True,
        note="Of many signals one is the best by chance. So a health that is called better beats"
        " even the signal that was chosen in hindsight, by the whole interval. Out of fold: the"
        f" signal and its direction are chosen on four fifths of the accounts and compared on the"
        f" fifth left out, {REPEATS} times over. Health is called worse where it loses to that, or"
        " to a rival below that nobody had to choose, by the whole interval. Signals that are known"
        f" on less than {KNOWN_NEEDED:.0%} of the account dates, or rest on columns without a time"
        " of their own, are no rivals.",
    )


def add_lost_pillars(report: Report, results: Results) -> None:
    """A sentence for each pillar that loses to a signal it is built on."""
    for pillar, contest in results.pillar_contests.items():
        if contest.standing == "worse":
            report.say(
                f"{pillar} tells less than {contest.signal} alone, which feeds it: AUC"
                f" {contest.health.value:.2f} against {contest.rival.value:.2f} within"
                f" {results.first_horizon} days, out of fold {gain_text(contest.out_of_fold)}."
                " Look at its thresholds with `health calibrate`."
            )


def standing_text(results: Results, horizon: int) -> str:
    standing = results.standing(horizon)
    return f"{standing[0]} than {standing[1]} alone" if standing else ""


def contest_text(contest: Contest) -> str:
    """The pairs in the right order, for readers who read no intervals, then the intervals."""
    favourite, count = contest.chosen.most_common(1)[0]
    way = "higher" if contest.is_higher_riskier else "lower"
    return (
        "Of two accounts, one that left and one that stayed, health had the one that left as the"
        f" riskier {100 * contest.health.value:.0f} times in 100, {contest.signal} alone"
        f" {100 * contest.rival.value:.0f} times ({way} is riskier; the best of"
        f" {plural(contest.candidates, 'signal')}). The advantage of"
        f" health is {gain_text(contest.in_hindsight)}; out of fold"
        f" {gain_text(contest.out_of_fold)}, where {favourite} was chosen in {count} of"
        f" {FOLDS * REPEATS} folds."
    )


def add_rivals(report: Report, results: Results) -> None:
    rows = []
    for (rival, horizon), result in results.rivals.items():
        gain = result.advantage
        rows.append(
            (
                RIVALS[rival],
                str(horizon),
                estimate_text(result.health),
                estimate_text(result.rival),
                gain_text(gain),
            )
        )
    report.add(
        "Against simple rivals",
        ("rival", "days", "health", "rival alone", "health is better by"),
        rows,
        numbers=(1, 2, 3, 4),
        note="On the observations that have both; days ahead.",
    )


def add_signals(report: Report, results: Results) -> None:
    """A group of rows for each pillar: its score, then the signals that feed it, best first."""
    measured = [
        horizon
        for horizon in HORIZONS
        if any(isinstance(signal.aucs.get(horizon), Estimate) for signal in results.signals)
    ]
    if not measured:
        return
    first, *others = measured
    rows = []
    pillars = [*results.configurations[0].pillars, ""]
    for pillar in pillars:
        of_pillar = [signal for signal in results.signals if pillar in (signal.pillars or [""])]
        if pillar and of_pillar:
            cells = [results.aucs.get(("all", pillar, horizon)) for horizon in measured]
            unscored = results.unscored.get(pillar)
            known = 1 - unscored.share if unscored else 1.0
            told = auc_cells(cells) if known else ["no score", *("" for _ in others)]
            rows.append((pillar, "score of the pillar", "lower", f"{known:.0%}", *told))
        for signal in of_pillar:
            cells = [signal.aucs.get(horizon) for horizon in measured]
            has_any = any(isinstance(cell, Estimate) for cell in cells)
            rows.append(
                (
                    pillar or "no pillar",
                    signal.signal_id + (" *" if signal.undated else ""),
                    ("higher" if signal.is_higher_riskier else "lower") if has_any else "",
                    "" if np.isnan(signal.known_share) else f"{signal.known_share:.0%}",
                    *auc_cells(cells),
                )
            )
    report.add(
        "AUC of every single signal, beside the pillar that it feeds",
        ("pillar", "signal", "riskier", "known", *(f"{horizon} days" for horizon in measured)),
        rows,
        numbers=tuple(range(3, 4 + len(measured))),
        note="On the account dates on which the signal is known. Of"
        f" {plural(len(results.signals), 'signal')} some lie beside 0.5 by chance, and each has the"
        f" direction that fits {first} days ahead better, so that the best are flattered. A pillar"
        " that tells less than a signal it is made of has rules that lose what the signal"
        " knows. * rests on a column without a time of its own, which may know the future.",
    )


def auc_cells(cells: list[Estimate | int | None]) -> list[str]:
    """With the interval at the first horizon, which leaves room for the others."""
    first, *others = cells
    return [
        estimate_text(first),
        *(f"{cell.value:.2f}" if isinstance(cell, Estimate) else "" for cell in others),
    ]


def add_marks(report: Report, results: Results) -> None:
    report.add(
        "Overall states held against who left",
        ("state", "days", "of all", "of leavers", "precision", "lift"),
        (
            (
                state,
                f"{horizon}",
                f"{found.marked_share:.0%}",
                percents_text(found.recall),
                percents_text(found.precision),
                estimate_text(found.lift),
            )
            for state in MARKED_STATES
            for horizon in HORIZONS
            for found in [results.marks.get((state, horizon))]
            if found
        ),
        numbers=(1, 2, 3, 4, 5),
        note="Of all: the share of all account dates in the state. Of leavers: the share of the"
        " account dates in the days before leaving (recall); with the same share as of all, the"
        " state tells nothing. Precision: the share of the account dates in the state that were"
        " followed by leaving within the days. Lift: the precision as a multiple of the share that"
        " left of all.",
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
        for name, warned in (
            ("left", before.leavers),
            ("stayed", before.stayers),
            ("all", before.everyone),
        ):
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


def add_suggestion(report: Report, results: Results) -> None:
    suggestion = results.suggestion
    if not isinstance(suggestion, Suggestion):
        if suggestion:
            report.say(suggestion)
        return
    report.add(
        "Weights that a regression suggests",
        ("pillar", "weight now", "suggested", "by fold"),
        (
            (
                pillar,
                f"{suggestion.in_force[pillar]:.0f}",
                f"{weight:.0f}",
                " to ".join(f"{end:.0f}" for end in suggestion.by_fold[pillar]),
            )
            for pillar, weight in suggestion.weights.items()
        ),
        numbers=(1, 2, 3),
        note=suggestion_note(suggestion),
    )


def suggestion_note(suggestion: Suggestion) -> str:
    advice = (
        "Compare them with `health what-if` before you write them into seeds/pillar_weights.csv."
        if suggestion.is_better
        else "That is no better than the weights now: keep them."
    )
    return (
        f"In percent, for all segments alike. On accounts that they were not fitted to, they have"
        f" an AUC of {estimate_text(suggestion.suggested)} within {suggestion.horizon} days, the"
        f" weights now {estimate_text(suggestion.present)}: a gain of {gain_text(suggestion.gain)}."
        f" {advice} Logistic regression on the scores of pillars, with the caps of today;"
        " cross-validated by account. Nothing applies them by itself."
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
