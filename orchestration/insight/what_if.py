"""`health what-if`: what another configuration would change, before anybody sees it."""

from collections import defaultdict
from datetime import date, datetime
from pathlib import Path

import click

from orchestration.base.figures import plural, shown_score
from orchestration.base.settings import Settings
from orchestration.base.stopping import scratch_folder
from orchestration.insight import scratch
from orchestration.insight.options import DATE, MARKDOWN, report_console
from orchestration.insight.report import Report, money
from orchestration.insight.state_changes import Comparison, StateChange, compare, rules_behind
from orchestration.insight.states import ALL_STATES

STATES = (*ALL_STATES, "not_configured")
LISTED = 50  # accounts that a report lists unless told otherwise

# Segments and pillars in which a state changes, on the last date, and those that stay in them.
MATRIX = """
    select
        coalesce(previous_segment, 'none') as segment_id,
        pillar_id,
        previous_state,
        proposed_state,
        count(*) as accounts,
        sum(mrr) as mrr
    from compared
    where
        health_date = (select max(health_date) from compared)
        and (coalesce(previous_segment, 'none'), pillar_id) in (
            select (coalesce(previous_segment, 'none'), pillar_id)
            from compared
            where previous_state <> proposed_state
        )
    group by coalesce(previous_segment, 'none'), pillar_id, previous_state, proposed_state
    order by segment_id, pillar_id <> 'overall', pillar_id
"""
WHOLE_RANGE = """
    with latest as (
        select account_id, max_by(mrr, health_date) as mrr
        from compared
        group by account_id
    )
    select
        state_changes.pillar_id,
        state_changes.previous_state,
        state_changes.proposed_state,
        count(*) as accounts,
        sum(latest.mrr) as mrr,
        sum(state_changes.dates) as dates
    from (
        select account_id, pillar_id, previous_state, proposed_state, count(*) as dates
        from compared
        where previous_state <> proposed_state
        group by account_id, pillar_id, previous_state, proposed_state
    ) as state_changes
    inner join latest on state_changes.account_id = latest.account_id
    group by state_changes.pillar_id, state_changes.previous_state, state_changes.proposed_state
    order by
        state_changes.pillar_id <> 'overall', state_changes.pillar_id, accounts desc,
        state_changes.previous_state
"""
SEGMENTS = """
    select
        coalesce(previous_segment, 'none'),
        coalesce(proposed_segment, 'none'),
        count(distinct account_id),
        count(*)
    from compared
    where pillar_id = 'overall' and previous_segment is distinct from proposed_segment
    group by all
    order by all
"""
SCORES_ONLY = """
    select count(*), count(distinct account_id)
    from compared
    where
        pillar_id = 'overall'
        and previous_state = proposed_state
        and previous_score is distinct from proposed_score
"""


@click.command("what-if")
@click.option(
    "--configuration",
    "asked",
    required=True,
    metavar="FOLDER|REVISION",
    help="The configuration to try: a folder of seed files, or a git revision of this checkout.",
)
@click.option(
    "--against",
    default=str(scratch.SEEDS),
    show_default="seeds/ of the working tree",
    metavar="FOLDER|REVISION",
    help="The configuration to compare it with.",
)
@click.option("--start", type=DATE, required=True, help="First health date.")
@click.option("--end", type=DATE, required=True, help="Last health date.")
@click.option("--markdown", type=MARKDOWN, help="Also write the report here, for a pull request.")
@click.option("--limit", default=LISTED, show_default=True, help="Moves to list one by one.")
def what_if(
    asked: str, against: str, start: datetime, end: datetime, markdown: Path | None, limit: int
) -> None:
    """Compare two configurations over a range of health dates, on the same data.

    Who would change from which state to which, with accounts and MRR, and the rule behind each
    change. Both are calculated in a scratch folder from the present raw data; the warehouse, and
    what is published, stay as they are. The scratch folder holds two copies of the warehouse for
    the while.

    \b
    Examples:
      health what-if --configuration ../stricter/seeds --start 2026-11-01 --end 2026-11-22
      health what-if --configuration HEAD --against main --start 2026-11-22 --end 2026-11-22 \\
        --markdown what-if.md
    """
    first, last = start.date(), end.date()
    if first > last:
        raise click.UsageError(f"--start {first} lies after --end {last}.")
    settings = Settings.from_environment()
    console = report_console()
    with scratch_folder("health-what-if-", settings.state) as place:
        sides = [scratch.find_side(name, place) for name in (against, asked)]
        previous, proposed = (
            scratch.calculate(side, settings, first, last, place, console) for side in sides
        )
        comparison = compare(previous, proposed, first, last)
        report = report_of(comparison, (sides[0].name, sides[1].name), first, last, limit)
        comparison.connection.close()
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")


def report_of(
    comparison: Comparison, sides: tuple[str, str], start: date, end: date, limit: int = LISTED
) -> Report:
    """The comparison in words and tables."""
    previous, proposed = sides
    dates = str(start) if start == end else f"{start} to {end}"
    report = Report(f"What if: {proposed} instead of {previous}, {dates}")
    report.add(
        "What the configurations differ in",
        ("file and row",),
        ((change.text(),) for change in comparison.changed_rows),
    )
    if not comparison.changed_rows:
        report.say("The two configurations are the same.")
    state_changes = comparison.state_changes()
    segments = comparison.query(SEGMENTS)
    [(score_dates, score_accounts)] = comparison.query(SCORES_ONLY)
    if not state_changes:
        report.say("No account has another state on any date, overall or in any pillar.")
    else:
        accounts = {state_change.account_id for state_change in state_changes}
        report.say(
            f"{accounts_have(len(accounts))} another state on at least one date, overall or in a"
            " pillar."
        )
    if score_dates:
        report.say(
            f"{accounts_have(score_accounts)} another overall score in the same overall state"
            f" (on {plural(score_dates, 'account day')})."
        )
    report.add(
        "Segments that change",
        ("segment", "becomes", "accounts", "account days"),
        ((was, now, f"{accounts:,}", f"{days:,}") for was, now, accounts, days in segments),
        numbers=(2, 3),
    )
    if not state_changes:
        return report
    add_matrix(report, comparison, end)
    report.add(
        "Moves in the whole range",
        ("pillar", "from", "to", "accounts", "MRR", "account days"),
        (
            (pillar, was, now, f"{accounts:,}", money(mrr), f"{days:,}")
            for pillar, was, now, accounts, mrr, days in comparison.query(WHOLE_RANGE)
        ),
        numbers=(3, 4, 5),
        note="An account counts once for each way in which its state changes.",
    )
    add_rules(report, comparison, state_changes, limit)
    return report


def add_matrix(report: Report, comparison: Comparison, end: date) -> None:
    """From state by to state, for segments and pillars in which a state changes."""
    cells: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    for segment, pillar, was, now, accounts, mrr in comparison.query(MATRIX):
        cells[segment, pillar, was][now] = (
            f"{accounts:,} ({money(mrr)})" if mrr else f"{accounts:,}"
        )
    seen = {state for row in cells.values() for state in row}
    states = [state for state in STATES if state in seen]
    report.add(
        f"Transitions on {end}: accounts (MRR)",
        ("segment", "pillar", "from", *(f"to {state}" for state in states)),
        (
            (*key, *(row.get(state, "") for state in states))
            for key, row in sorted(cells.items(), key=lambda item: matrix_order(item[0]))
        ),
        numbers=tuple(range(3, 3 + len(states))),
        note="Segments are those of the previous configuration; others change nothing.",
    )


def matrix_order(key: tuple[str, str, str]) -> tuple:
    segment, pillar, state = key
    return segment, pillar != "overall", pillar, STATES.index(state)


def add_rules(
    report: Report, comparison: Comparison, state_changes: list[StateChange], limit: int
) -> None:
    """The rules behind the changes: how many accounts each has, then change by change."""
    rules = rules_behind(comparison, state_changes)
    names = comparison.names()
    moved: dict[str, dict[str, float]] = defaultdict(dict)
    for state_change, texts in rules.items():
        for text in texts:
            moved[text][state_change.account_id] = state_change.mrr or 0
    ordered = sorted(moved, key=lambda text: (-len(moved[text]), text))
    numbers = {text: position for position, text in enumerate(ordered, start=1)}
    report.add(
        "The rules behind the changes",
        ("no.", "rule", "accounts", "MRR"),
        (
            (str(numbers[text]), text, f"{len(moved[text]):,}", money(sum(moved[text].values())))
            for text in ordered
        ),
        numbers=(0, 2, 3),
        note="A change can have several rules behind it.",
    )
    hidden = len(state_changes) - limit
    report.add(
        "Who changes",
        ("account", "manager", "MRR", "pillar", "from", "to", "when", "rules"),
        (
            (
                f"{names.get(state_change.account_id, '')} ({state_change.account_id})",
                (state_change.csm_email or "").split("@")[0],
                money(state_change.mrr),
                state_change.pillar_id,
                *scored_states(state_change),
                when(state_change),
                ", ".join(str(numbers[text]) for text in rules[state_change]),
            )
            for state_change in state_changes[:limit]
        ),
        numbers=(2,),
        note=f"{hidden:,} more: --limit lists them." if hidden > 0 else "",
        is_prose=True,
    )


def accounts_have(count: int) -> str:
    return f"{plural(count, 'account')} {'has' if count == 1 else 'have'}"


def scored_states(state_change: StateChange) -> tuple[str, str]:
    """The state before with its score, and the proposed one; the scores so that they differ."""
    scores = state_change.previous_score, state_change.proposed_score
    previous, proposed = shown_score(*scores), shown_score(*reversed(scores))
    return (
        f"{state_change.previous_state} {previous}".rstrip(),
        f"{state_change.proposed_state} {proposed}".rstrip(),
    )


def when(state_change: StateChange) -> str:
    if state_change.dates == 1:
        return str(state_change.last_date)
    return f"{state_change.dates:,} days up to {state_change.last_date}"
