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

# Segments and pillars in which somebody moves, on the last date, and those that stay in them.
MATRIX = """
    select
        coalesce(previous_segment, 'none') as segment_id,
        pillar_id,
        previous_state,
        latter_state,
        count(*) as accounts,
        sum(mrr) as mrr
    from compared
    where
        health_date = (select max(health_date) from compared)
        and (coalesce(previous_segment, 'none'), pillar_id) in (
            select (coalesce(previous_segment, 'none'), pillar_id)
            from compared
            where previous_state <> latter_state
        )
    group by coalesce(previous_segment, 'none'), pillar_id, previous_state, latter_state
    order by segment_id, pillar_id <> 'overall', pillar_id
"""
WHOLE_RANGE = """
    with latest as (
        select account_id, max_by(mrr, health_date) as mrr
        from compared
        group by account_id
    )
    select
        moves.pillar_id,
        moves.previous_state,
        moves.latter_state,
        count(*) as accounts,
        sum(latest.mrr) as mrr,
        sum(moves.dates) as dates
    from (
        select account_id, pillar_id, previous_state, latter_state, count(*) as dates
        from compared
        where previous_state <> latter_state
        group by account_id, pillar_id, previous_state, latter_state
    ) as moves
    inner join latest on moves.account_id = latest.account_id
    group by moves.pillar_id, moves.previous_state, moves.latter_state
    order by moves.pillar_id <> 'overall', moves.pillar_id, accounts desc, moves.previous_state
"""
SEGMENTS = """
    select
        coalesce(previous_segment, 'none'),
        coalesce(latter_segment, 'none'),
        count(distinct account_id),
        count(*)
    from compared
    where pillar_id = 'overall' and previous_segment is distinct from latter_segment
    group by all
    order by all
"""
SCORES_ONLY = """
    select count(*), count(distinct account_id)
    from compared
    where
        pillar_id = 'overall'
        and previous_state = latter_state
        and previous_score is distinct from latter_score
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

    Who would move from which state to which, with accounts and MRR, and the rule behind each move.
    Both are calculated in a scratch folder from the present raw data; the warehouse, and what is
    published, stay as they are. The scratch folder holds two copies of the warehouse for the while.

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
        previous, latter = (
            scratch.calculate(side, settings, first, last, place, console) for side in sides
        )
        comparison = compare(previous, latter, first, last)
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
    previous, latter = sides
    dates = str(start) if start == end else f"{start} to {end}"
    report = Report(f"What if: {latter} instead of {previous}, {dates}")
    report.add(
        "What the configurations differ in",
        ("file and row",),
        ((change.text(),) for change in comparison.changed_rows),
    )
    if not comparison.changed_rows:
        report.say("The two configurations are the same.")
    moves = comparison.moves()
    segments = comparison.query(SEGMENTS)
    [(score_dates, score_accounts)] = comparison.query(SCORES_ONLY)
    if not moves:
        report.say("No account has another state on any date, overall or in any pillar.")
    else:
        accounts = {move.account_id for move in moves}
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
    if not moves:
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
        note="An account counts once for each way in which it moves.",
    )
    add_rules(report, comparison, moves, limit)
    return report


def add_matrix(report: Report, comparison: Comparison, end: date) -> None:
    """From state by to state, for segments and pillars in which somebody moves."""
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
        note="Segments are those of the previous configuration; where nobody moves is left out.",
    )


def matrix_order(key: tuple[str, str, str]) -> tuple:
    segment, pillar, state = key
    return segment, pillar != "overall", pillar, STATES.index(state)


def add_rules(report: Report, comparison: Comparison, moves: list[StateChange], limit: int) -> None:
    """The rules behind the moves: how many each moves, then move by move."""
    rules = rules_behind(comparison, moves)
    names = comparison.names()
    moved: dict[str, dict[str, float]] = defaultdict(dict)
    for move, texts in rules.items():
        for text in texts:
            moved[text][move.account_id] = move.mrr or 0
    ordered = sorted(moved, key=lambda text: (-len(moved[text]), text))
    numbers = {text: position for position, text in enumerate(ordered, start=1)}
    report.add(
        "The rules behind the moves",
        ("no.", "rule", "accounts", "MRR"),
        (
            (str(numbers[text]), text, f"{len(moved[text]):,}", money(sum(moved[text].values())))
            for text in ordered
        ),
        numbers=(0, 2, 3),
        note="A move can have several rules behind it.",
    )
    hidden = len(moves) - limit
    report.add(
        "Who moves",
        ("account", "manager", "MRR", "pillar", "from", "to", "when", "rules"),
        (
            (
                f"{names.get(move.account_id, '')} ({move.account_id})",
                (move.csm_email or "").split("@")[0],
                money(move.mrr),
                move.pillar_id,
                scored(move.previous_state, move.previous_score, move.latter_score),
                scored(move.latter_state, move.latter_score, move.previous_score),
                when(move),
                ", ".join(str(numbers[text]) for text in rules[move]),
            )
            for move in moves[:limit]
        ),
        numbers=(2,),
        note=f"{hidden:,} more: --limit lists them." if hidden > 0 else "",
        is_prose=True,
    )


def accounts_have(count: int) -> str:
    return f"{plural(count, 'account')} {'has' if count == 1 else 'have'}"


def scored(state: str, score: float | None, other: float | None) -> str:
    return state if score is None else f"{state} {shown_score(score, other)}"


def when(move: StateChange) -> str:
    if move.dates == 1:
        return str(move.last_date)
    return f"{move.dates:,} days up to {move.last_date}"
