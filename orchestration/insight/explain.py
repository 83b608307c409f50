"""`health explain`: one account's health as a person would tell it."""

import json
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from orchestration.base import escaping
from orchestration.base.figures import plural, shown_score
from orchestration.base.settings import Settings
from orchestration.insight import distance
from orchestration.insight.accounts import find_account, find_date, history_dates
from orchestration.insight.conditions import Condition, as_a_person
from orchestration.insight.daily_states import LEGEND, states_in_a_line
from orchestration.insight.explanation import (
    DAYS,
    Explanation,
    PillarHealth,
    explanation_of,
    flipped_key,
)
from orchestration.insight.options import DATE, PICTURE, report_console
from orchestration.insight.report import money, number
from orchestration.insight.tables import Table, cell, print_table
from orchestration.insight.wording import CAUSES, REASONS, by_clause, flipped_text
from orchestration.warehouse.published import reading_published

ANSWERS = {True: "yes", False: "no", None: "unknown"}


@click.command()
@click.argument("account")
@click.option("--date", "asked_date", type=DATE, help="Health date; the latest without it.")
@click.option("--plot", type=PICTURE, help="Also draw the 60 days into this file (.png, .svg).")
def explain(account: str, asked_date: datetime | None, plot: Path | None) -> None:
    """Tell why ACCOUNT (its id or name) is as healthy as it is.

    Its segment and why that one, each pillar's state with the conditions behind it, what changed
    in 60 days and why, what leads to better and worse, milestones, overrides, open data problems.

    \b
    Examples:
      health explain acc_00001
      health explain acc_00001 --date 2026-11-01 --plot acc_00001.png
    """
    with reading_published(Settings.from_environment()) as connection:
        account_id, name = find_account(connection, account)
        day = find_date(history_dates(connection), asked_date)
        explanation = explanation_of(connection, account_id, day)
    console = report_console()
    show(explanation, name, console)
    if plot:
        # Imported here: drawing takes a second to load, and most who ask want no picture.
        from orchestration.insight import pictures

        pictures.draw_account(explanation, name, plot)
        console.print(f"\nDrew {plot}")


def show(explanation: Explanation, name: str, console: Console) -> None:
    show_overall(explanation, name, console)
    show_segment(explanation, console)
    show_states(explanation, console)
    for pillar in explanation.configuration.pillars:
        if pillar in explanation.pillars:
            show_pillar(explanation, explanation.pillars[pillar], console)
    show_changes(explanation, console)
    show_milestones(explanation, console)
    show_overrides(explanation, console)
    show_data_problems(explanation, console)


def heading(console: Console, text: str) -> None:
    console.print()
    line(console, escaping.text(text, "bold"))


def line(console: Console, *parts: str | Text) -> None:
    """A paragraph; names and notes in it are text and nothing else."""
    texts = (part if isinstance(part, Text) else escaping.text(part) for part in parts)
    console.print(Text.assemble(*texts), highlight=False)


def show_overall(explanation: Explanation, name: str, console: Console) -> None:
    overall = explanation.overall
    bands = explanation.configuration.bands(overall.segment_id) if overall.segment_id else ()
    score = shown_score(overall.score, *bands)
    console.print()
    line(
        console,
        escaping.text(name, "bold"),
        f" ({explanation.account_id}) on {explanation.health_date}: ",
        cell(overall.state),
        f", score {score} of 10" if score else ", no score",
    )
    owner = overall.csm_email or "nobody"
    mrr = "unknown" if overall.mrr is None else money(overall.mrr)
    line(console, f"Success manager: {owner}. Monthly revenue: {mrr}.")
    if overall.reason:
        line(console, f"Not calculated: {REASONS.get(overall.reason, overall.reason)}.")
    if explanation.main_reason and not overall.reason:
        line(console, f"Why: {explanation.main_reason}.")
    if overall.is_overridden:
        line(console, f"Overridden; calculated: {overall.calculated_state}.")
    if overall.score is not None and bands:
        good, poor = bands
        gap = (
            f", {number(good - overall.score)} more to good"
            if overall.calculated_state != "good"
            else f", {number(overall.score - good)} above it"
        )
        line(
            console,
            f"In its segment good starts at {number(good)} and poor lies below {number(poor)}{gap}."
            f" {overall.coverage:.0%} of the weight has a score.",
        )


def show_segment(explanation: Explanation, console: Console) -> None:
    chosen = explanation.overall.segment_id
    names = explanation.configuration.segment_names
    heading(console, f"Segment: {names.get(chosen or '', chosen or 'none')}")
    rules: dict[str, list[Condition]] = {}
    for condition in explanation.conditions:
        if condition.rule_set == "segment":
            rules.setdefault(condition.segment_id, []).append(condition)
    priorities = {
        str(row["segment_id"]): float(row["priority"] or 0)
        for row in explanation.configuration.rows("segments")
    }
    memberships = {segment: kind for segment, _, kind, _ in explanation.memberships}
    for segment in sorted(priorities, key=lambda segment: priorities[segment]):
        if chosen and priorities[segment] > priorities.get(chosen, 0):
            continue
        conditions = rules.get(segment, [])
        kind = memberships.get(segment, "no member")
        if segment == chosen:
            line(console, f"Chosen, because {because_chosen(explanation, conditions)}.")
        elif kind == "member":
            line(console, f"Above it {names[segment]}: a member, but it has no health rules.")
        elif conditions:
            line(console, f"Above it {names[segment]}: {kind}: {because_failing(conditions)}.")
    others = [
        names.get(segment, segment)
        for segment, priority, kind, is_chosen in explanation.memberships
        if not is_chosen and kind == "member" and priority > priorities.get(chosen or "", 0)
    ]
    if others:
        line(console, f"Also a member of, with less priority: {', '.join(others)}.")


def clauses(conditions: list[Condition]) -> list[tuple[str, list[Condition]]]:
    ordered = sorted(conditions, key=lambda condition: condition.clause or "")
    return [
        (clause, list(group))
        for clause, group in groupby(ordered, key=lambda condition: condition.clause or "")
    ]


def because_holding(conditions: list[Condition]) -> str:
    holding = [group for _, group in clauses(conditions) if all(c.is_met for c in group)]
    return "; or ".join(" and ".join(c.text() for c in group) for group in holding)


def because_chosen(explanation: Explanation, conditions: list[Condition]) -> str:
    if why := because_holding(conditions):
        return why
    # Between two changes of state no values are kept; the segment may have changed all the same.
    if conditions:
        return "its rules held on that day; their values are kept no longer"
    return "it is the default, for accounts of no other"


def because_failing(conditions: list[Condition]) -> str:
    missed = [c for _, group in clauses(conditions) for c in group if not c.is_met]
    return "; ".join(condition.text() for condition in missed)


def show_states(explanation: Explanation, console: Console) -> None:
    heading(console, f"The last {DAYS} days up to {explanation.health_date}")
    overall = explanation.overall
    rows = [("overall", overall.state, overall.score)] + [
        (pillar, explanation.pillars[pillar].state, explanation.pillars[pillar].score)
        for pillar in explanation.configuration.pillars
        if pillar in explanation.pillars
    ]
    shown_rows = [
        (
            cell(explanation.configuration.pillar_names.get(pillar, pillar)),
            *(cell(state), cell(shown_score(score))),
            states_in_a_line(explanation.states.get(pillar, {}), explanation.health_date, DAYS),
        )
        for pillar, state, score in rows
    ]
    # States and scores are shown below as well: a narrow screen has room for the days.
    widths = [max(cell_len(row[column].plain) for row in shown_rows) for column in range(4)]
    shown = range(4) if sum(widths) + 6 <= console.width else (0, 3)
    names = min(widths[0], max(console.width - DAYS - 2, 12))
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in shown:
        grid.add_column(
            ("", "state", "score", f"{DAYS} days")[column],
            width=(names, None, None, min(DAYS, max(console.width - names - 2, 12)))[column],
            overflow="fold",
        )
    for row in shown_rows:
        grid.add_row(*(row[column] for column in shown))
    console.print(grid, highlight=False)
    line(console, escaping.text(LEGEND, "dim"))


def show_pillar(explanation: Explanation, pillar: PillarHealth, console: Console) -> None:
    name = explanation.configuration.pillar_names.get(pillar.pillar_id, pillar.pillar_id)
    score = "" if pillar.score is None else f", score {shown_score(pillar.score)}"
    console.print()
    line(
        console,
        *(escaping.text(name, "bold"), ": ", cell(pillar.state)),
        f"{score}{since(explanation, pillar)}",
    )
    if pillar.reason:
        line(console, f"Not calculated: {REASONS.get(pillar.reason, pillar.reason)}.")
    if pillar.is_overridden:
        line(console, f"Overridden; calculated: {pillar.calculated_state}.")
    conditions = explanation.conditions_of(pillar.pillar_id)
    if not conditions:
        if not pillar.reason:
            line(console, "The conditions of that day are kept no longer.")
        return
    if explanation.conditions_date != explanation.health_date:
        line(
            console,
            f"The conditions of {explanation.health_date} are kept no longer; these are of"
            f" {explanation.conditions_date}, since when no state of the account changed.",
        )
    print_table(conditions_table(conditions), console)
    facts = explanation.pillar_facts(pillar.pillar_id)
    if better := distance.to_better(facts):
        line(console, f"Nearest better: {better.text()}")
    if worse := distance.to_worse(facts):
        line(console, f"Nearest danger: {worse.text()}")


def since(explanation: Explanation, pillar: PillarHealth) -> str:
    """How long the state has been shown, as far back as is looked."""
    states = explanation.states.get(pillar.pillar_id, {})
    other = [day for day, state in states.items() if state != pillar.state]
    run = [day for day in states if not other or day > max(other)]
    if not run:
        return ""
    words = "since" if other else "at least since"
    return f", {words} {min(run)}"


def conditions_table(conditions: list[Condition]) -> Table:
    """A section for each clause."""
    rows: list[tuple[str, ...]] = []
    ends: list[int] = []
    for rule_set, clause, group in by_clause(conditions):
        for position, condition in enumerate(group):
            rule = f"{rule_set.replace('_', ' ')} {clause or ''}".strip() if not position else ""
            seen, asked = condition.seen(), condition.asked()
            rows.append((rule, condition.signal_id, seen, asked, ANSWERS[condition.is_met]))
        ends.append(len(rows))
    return Table("", ("rule", "signal", "observed", "asked", "met"), rows, sections=tuple(ends))


def show_changes(explanation: Explanation, console: Console) -> None:
    heading(console, f"What changed in {DAYS} days")
    names = explanation.configuration.pillar_names
    if explanation.changes is None:
        line(console, "The warehouse has no table health.health_changes yet: run once more.")
    elif not explanation.changes:
        line(console, "Nothing.")
    for day, pillar, previous, state, days, cause, flipped in explanation.changes or []:
        line(
            console,
            *(f"{day} {names.get(pillar, pillar)}: ", cell(previous), " to ", cell(state)),
            f" after {plural(days, 'day')}: {CAUSES.get(cause, cause)}",
        )
        for flip in json.loads(flipped or "[]"):
            condition = explanation.changed_conditions.get(flipped_key(day, flip))
            unit = explanation.configuration.units.get(flip["signal_id"], "")
            rule = f"{flip['rule_set'].replace('_', ' ')} {flip.get('clause') or ''}".strip()
            name = f"{rule}: {flip['signal_id']}"
            line(console, f"    {flipped_text(flip, name, condition, unit)}")


def show_milestones(explanation: Explanation, console: Console) -> None:
    heading(console, "Milestones")
    if explanation.milestones is None:
        line(console, "The warehouse has no table health.milestone_progress yet: run once more.")
        return
    if not explanation.milestones:
        line(console, "Its segment has none, or the account is not in scope on the latest date.")
        return
    day = explanation.health_date
    reached: list[date] = []
    upcoming = ""
    for name, _, is_reached, reached_on, observed, threshold in explanation.milestones:
        if is_reached and reached_on <= day:
            reached.append(reached_on)
            line(console, f"    reached {reached_on}  {name}")
        else:
            seen = "unknown" if observed is None else as_a_person(observed, threshold)
            asked = "unknown" if threshold is None else as_a_person(threshold, observed)
            line(console, f"    open                {name}: {seen}, asked {asked}")
            upcoming = upcoming or name
    if reached:
        line(console, f"Days since the last: {(day - max(reached)).days}.")
    if upcoming:
        line(console, f"Next: {upcoming}.")


def show_overrides(explanation: Explanation, console: Console) -> None:
    if not explanation.overrides:
        return
    heading(console, "Overrides")
    applied: set[str] = set()
    for override in explanation.overrides:
        name = explanation.configuration.pillar_names.get(override.pillar_id, override.pillar_id)
        until = f"until {override.expires_at:%Y-%m-%d}" if override.expires_at else "without end"
        later = " (a later one applies instead)" if override.pillar_id in applied else ""
        applied.add(override.pillar_id)
        line(
            console,
            *(f"{name}: ", cell(override.state), f", by {override.author} on"),
            f" {override.created_at:%Y-%m-%d}, {until}{later}: {override.reason}",
        )


def show_data_problems(explanation: Explanation, console: Console) -> None:
    heading(console, "Open data problems")
    names = explanation.configuration.pillar_names
    problems: list[str] = []
    for pillar, reason, first, needs_review in explanation.not_calculated:
        review = "; to be looked at" if needs_review else ""
        problems.append(
            f"{names.get(pillar, pillar)} is not calculated since {first}:"
            f" {REASONS.get(reason, reason)}{review}."
        )
    for table, status, latest in explanation.sources:
        known = f", its latest row is of {latest:%Y-%m-%d %H:%M}" if latest else ""
        problems.append(f"Raw table {table} is {status}{known}.")
    for table, effect, reason, records, seen in explanation.rejected:
        problems.append(
            f"{plural(records, 'record')} of {table}:"
            f" {effect.replace('_', ' ')}, {reason} (first met {seen})."
        )
    unknown = sum(pillar.unknown_conditions for pillar in explanation.pillars.values())
    if unknown:
        problems.append(
            f"{plural(unknown, 'condition')} could not be answered: a value is missing."
        )
    for text in problems or ["None."]:
        line(console, text)
