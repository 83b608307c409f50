"""`health flaps`: states that change back and forth: thresholds that lie where accounts are."""

from datetime import date
from pathlib import Path

import click

from orchestration.base.figures import plural
from orchestration.base.settings import Settings
from orchestration.insight.accounts import KNOWN_ACCOUNTS, Connection, history_dates
from orchestration.insight.flapping_rules import FlappingRule, Place, flapping_rules
from orchestration.insight.options import MARKDOWN, report_console
from orchestration.insight.report import Report
from orchestration.insight.states import STATES
from orchestration.warehouse.published import reading_published

# A flap is a change that is undone: a run of dates in another state, between two in the same one,
# that lasts at most so many days. It counts on the date on which the previous state is back.
RUNS = """
    with states as (
        {states}
    ),
    compared as (
        select
            *,
            lag(state) over by_date as previous_state
        from states
        where health_date <= $last
        window by_date as (partition by account_id, pillar_id order by health_date)
    ),
    -- The account's first date begins its first run.
    runs as (
        select
            account_id, pillar_id, segment_id, state, health_date as began_on,
            lag(health_date) over by_date as previous_began_on,
            lag(state, 2) over by_date as state_before_previous
        from compared
        where previous_state is null or previous_state <> state
        window by_date as (partition by account_id, pillar_id order by health_date)
    ),
    flaps as (
        select
            account_id, pillar_id, segment_id,
            previous_began_on as left_on, began_on as back_on
        from runs
        where
            began_on > $first
            and state = state_before_previous
            and began_on - previous_began_on <= $within
    )
"""
FLAPS = (
    RUNS
    + """,
    in_scope as (
        select pillar_id, account_id
        from states
        where health_date > $first and health_date <= $last
        group by pillar_id, account_id
    )
    select
        in_scope.pillar_id,
        in_scope.account_id,
        count(flaps.account_id) as flaps
    from in_scope
    left join flaps
        on in_scope.pillar_id = flaps.pillar_id
        and in_scope.account_id = flaps.account_id
    group by in_scope.pillar_id, in_scope.account_id
    order by flaps desc, in_scope.account_id, in_scope.pillar_id
"""
)
# With the conditions that flipped when the state was left, and when it was back.
FLIPPED = (
    RUNS
    + """
    select
        flaps.account_id, flaps.pillar_id, flaps.segment_id,
        there.flipped_conditions, back.flipped_conditions
    from flaps
    inner join health.health_changes as there
        on flaps.account_id = there.account_id
        and flaps.pillar_id = there.pillar_id
        and flaps.left_on = there.health_date
    inner join health.health_changes as back
        on flaps.account_id = back.account_id
        and flaps.pillar_id = back.pillar_id
        and flaps.back_on = back.health_date
    order by flaps.account_id, flaps.pillar_id, flaps.back_on
"""
)


@click.command()
@click.option(
    "--days",
    type=click.IntRange(min=2),
    default=60,
    show_default=True,
    help="Days of history to look at, up to its last date.",
)
@click.option(
    "--within",
    type=click.IntRange(min=1),
    default=14,
    show_default=True,
    help="A change counts when it is undone within so many days.",
)
@click.option("--limit", default=15, show_default=True, help="Accounts to list.")
@click.option("--markdown", type=MARKDOWN, help="Also write the report here.")
def flaps(days: int, within: int, limit: int, markdown: Path | None) -> None:
    """Show the flap rate: accounts whose state changed and soon changed back.

    Many flaps in a pillar say that a threshold lies where accounts are, not that customers change.
    A rule flaps when it flipped as the state changed and flipped back as the state did. Where one
    makes many flaps, the nearest threshold is named that most of them would not have crossed.
    `health backtest --settle` shows what settle days make of flaps.

    \b
    Example:
      health flaps --days 60 --within 14
    """
    console = report_console()
    with reading_published(Settings.from_environment()) as connection:
        last = history_dates(connection)[-1]
        report = report_of(connection, last, days, within, limit)
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")


def count_flaps(
    connection: Connection, last: date, days: int, within: int
) -> list[tuple[str, str, int]]:
    """Pillar, account and flaps, for every account in scope in those days; most flaps first."""
    first = date.fromordinal(last.toordinal() - days)
    return connection.execute(
        FLAPS.format(states=STATES), {"first": first, "last": last, "within": within}
    ).fetchall()


def rules_that_flap(
    connection: Connection, last: date, days: int, within: int
) -> list[FlappingRule]:
    """The conditions that flipped there and back with the flaps of those days; most flaps first."""
    first = date.fromordinal(last.toordinal() - days)
    return flapping_rules(
        connection.execute(
            FLIPPED.format(states=STATES), {"first": first, "last": last, "within": within}
        ).fetchall()
    )


def report_of(connection: Connection, last: date, days: int, within: int, limit: int) -> Report:
    rows = count_flaps(connection, last, days, within)
    rules = rules_that_flap(connection, last, days, within)
    names = dict(connection.execute(KNOWN_ACCOUNTS).fetchall())
    report = Report(f"Changes undone within {within} days, in the {days} days up to {last}")
    by_pillar: dict[str, list[int]] = {}
    for pillar, _, number in rows:
        by_pillar.setdefault(pillar, []).append(number)
    report.add(
        "Flap rate",
        ("pillar", "accounts", "that flapped", "rate", "flaps"),
        (
            (
                pillar,
                f"{len(numbers):,}",
                f"{sum(number > 0 for number in numbers):,}",
                f"{sum(number > 0 for number in numbers) / len(numbers):.1%}",
                f"{sum(numbers):,}",
            )
            for pillar, numbers in sorted(
                by_pillar.items(), key=lambda item: (item[0] != "overall", item[0])
            )
        ),
        numbers=(1, 2, 3, 4),
    )
    flapping = [row for row in rows if row[2] > 0]
    report.add(
        "Who flaps most",
        ("account", "name", "pillar", "flaps", "rules that flapped"),
        (
            (
                account,
                names.get(account, ""),
                pillar,
                str(number),
                rules_of((account, pillar), rules),
            )
            for pillar, account, number in flapping[:limit]
        ),
        numbers=(3,),
    )
    report.add(
        "Which rules flap",
        ("segment", "rule", "flaps of its pillar", "of the overall", "accounts", "hint"),
        (
            (
                rule.segment_id or "",
                rule.text,
                str(rule.pillar_flaps),
                str(rule.overall_flaps),
                str(len(rule.accounts)),
                rule.hint,
            )
            for rule in rules[:limit]
        ),
        numbers=(2, 3, 4),
        heading=1,
        note="Flaps that an override, another segment or missing data made have no rule. Hint: the"
        " nearest threshold that most of these flaps would not have crossed, and how many would"
        " have; `health what-if` tells what it does to all accounts.",
    )
    if not flapping:
        report.say("No state changed back and forth.")
    return report


def rules_of(place: Place, rules: list[FlappingRule], most: int = 2) -> str:
    """The rules behind the flaps of one account's pillar, those with most of them first."""
    found = sorted(
        ((rule.flaps_at(place), rule.text) for rule in rules if rule.flaps_at(place)),
        key=lambda one: (-one[0], one[1]),
    )
    told = [f"{text} ({plural(count, 'flap')})" for count, text in found[:most]]
    return "; ".join(told) + (f"; {len(found) - most} more" if len(found) > most else "")
