"""`health transitions`: from which state to which accounts went between two dates."""

from datetime import date, datetime
from pathlib import Path

import click

from orchestration.base.settings import Settings
from orchestration.insight.accounts import Connection, find_date, history_dates
from orchestration.insight.options import DATE, MARKDOWN, find_pillar, report_console
from orchestration.insight.report import Report, money
from orchestration.insight.states import ALL_STATES, RANKS, STATES
from orchestration.warehouse.published import reading_published

ELSEWHERE = "not there"  # not in scope on one of the dates: not created yet, or churned
ORDER = (*ALL_STATES, ELSEWHERE)
# MRR is that of the later date, or of the earlier one for accounts that have left.
PAIRS = """
    with states as ({states})
    select
        account_id,
        coalesce(earlier.state, $elsewhere) as earlier_state,
        coalesce(later.state, $elsewhere) as later_state,
        coalesce(later.mrr, earlier.mrr) as mrr,
        coalesce(later.csm_email, earlier.csm_email) as csm_email,
        names.account_name
    from (
        select * from states where health_date = $earlier and pillar_id = $pillar
    ) as earlier
    full outer join (
        select * from states where health_date = $later and pillar_id = $pillar
    ) as later using (account_id)
    left join health.account_churn as names using (account_id)
    order by mrr desc nulls last, account_id
"""


@click.command()
@click.option("--from", "earlier", type=DATE, required=True, help="The earlier health date.")
@click.option("--to", "later", type=DATE, required=True, help="The later health date.")
@click.option("--pillar", default="overall", show_default=True, help="A pillar, or overall.")
@click.option("--limit", default=20, show_default=True, help="Accounts that got worse, to list.")
@click.option("--markdown", type=MARKDOWN, help="Also write the report here.")
def transitions(
    earlier: datetime, later: datetime, pillar: str, limit: int, markdown: Path | None
) -> None:
    """Show the transition matrix between two health dates, and who got worse.

    \b
    Examples:
      health transitions --from 2026-10-01 --to 2026-11-22
      health transitions --from 2026-10-01 --to 2026-11-22 --pillar service --markdown matrix.md
    """
    console = report_console()
    with reading_published(Settings.from_environment()) as connection:
        find_pillar(connection, pillar)
        dates = history_dates(connection)
        first, last = find_date(dates, earlier, "--from"), find_date(dates, later, "--to")
        if first >= last:
            raise click.UsageError(f"--from {first} is not before --to {last}.")
        report = report_of(connection, first, last, pillar, limit)
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")


def report_of(
    connection: Connection, earlier: date, later: date, pillar: str, limit: int
) -> Report:
    pairs = connection.execute(
        PAIRS.format(states=STATES),
        {"earlier": earlier, "later": later, "pillar": pillar, "elsewhere": ELSEWHERE},
    ).fetchall()
    cells: dict[tuple[str, str], list[float]] = {}
    for _, was, now, mrr, _, _ in pairs:
        cells.setdefault((was, now), []).append(mrr or 0)
    report = Report(f"Transitions ({pillar}) from {earlier} to {later}")
    report.add(
        "Accounts (MRR)",
        ("from", *(f"to {state.replace('_', ' ')}" for state in ORDER)),
        (
            (was, *(cell_text(cells.get((was, now))) for now in ORDER))
            for was in ORDER
            if any((was, now) in cells for now in ORDER)
        ),
        numbers=tuple(range(1, 1 + len(ORDER))),
    )
    worse = [pair for pair in pairs if is_worse(pair[1], pair[2])]
    report.add(
        "Who got worse",
        ("account", "manager", "MRR", "from", "to"),
        (
            (f"{name or ''} ({account})", owner or "nobody", money(mrr), was, now)
            for account, was, now, mrr, owner, name in worse[:limit]
        ),
        numbers=(2,),
        note=f"{len(worse) - limit:,} more: --limit lists them." if len(worse) > limit else "",
    )
    if not worse:
        report.say("No account got worse.")
    return report


def cell_text(amounts: list[float] | None) -> str:
    return "" if amounts is None else f"{len(amounts):,} ({money(sum(amounts))})"


def is_worse(was: str, now: str) -> bool:
    return was in RANKS and now in RANKS and RANKS[now] < RANKS[was]
