"""`health trend`: how states developed, month end by month end."""

from datetime import date, datetime
from functools import partial
from pathlib import Path

import click

from orchestration.base.settings import Settings
from orchestration.insight.accounts import Connection, history_dates
from orchestration.insight.options import DATE, MARKDOWN, PICTURE, find_pillar, report_console
from orchestration.insight.report import Report, money
from orchestration.insight.states import ALL_STATES, HEADINGS
from orchestration.insight.states_over_time import StatesOverTime, last_of_periods
from orchestration.warehouse.published import reading_published, rows_of

# What accounts are grouped by, as panels are. A segment's accounts are all its members, chosen or
# not, so that a segment made for analysis alone has a trend too.
GROUPS = {"all": "", "pillar": "", "segment": "analysis", "csm": "manager"}
# Overall first, then the pillars of the history.
PILLARS = """
    select distinct pillar_id
    from health.portfolio_health_history
    order by pillar_id <> 'overall', pillar_id
"""


@click.command()
@click.option("--by", type=click.Choice(list(GROUPS)), default="all", show_default=True)
@click.option("--pillar", default="overall", show_default=True, help="A pillar, or overall.")
@click.option("--start", type=DATE, help="First health date; the history's first without it.")
@click.option("--end", type=DATE, help="Last health date; the history's last without it.")
@click.option("--markdown", type=MARKDOWN, help="Also write the table here.")
@click.option("--plot", type=PICTURE, help="Also draw every date into this file (.png, .svg).")
def trend(
    by: str,
    pillar: str,
    start: datetime | None,
    end: datetime | None,
    markdown: Path | None,
    plot: Path | None,
) -> None:
    """Show states at each month's end: accounts and MRR, by pillar, segment or success manager.

    A month ends with its last date in the history.

    \b
    Examples:
      health trend --by segment
      health trend --by pillar --plot trend.png
    """
    console = report_console()
    with reading_published(Settings.from_environment()) as connection:
        if by != "pillar":
            find_pillar(connection, pillar)
        dates = [
            day
            for day in history_dates(connection)
            if (start is None or day >= start.date()) and (end is None or day <= end.date())
        ]
        if not dates:
            raise click.ClickException("The history has no date in that range.")
        report = report_of(connection, by, pillar, last_of_periods(dates, "month"))
        daily = states_by_date(connection, by, pillar, dates) if plot else []
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")
    if plot:
        # Imported here: drawing takes a second to load, and most want no picture.
        from orchestration.insight import pictures

        pictures.draw_trend(daily, title_of(by, pillar), plot)
        console.print(f"\nDrew {plot}")


def states_by_date(
    connection: Connection, by: str, pillar: str, dates: list[date]
) -> list[tuple[str, date, str, int, float]]:
    """Group, date, state, accounts and MRR; overall comes before the pillars."""
    rows = partial(rows_of, connection)
    pillars = [row["pillar_id"] for row in rows(PILLARS)] if by == "pillar" else [pillar]
    return [
        (
            one if by == "pillar" else row["panel"],
            *(row[name] for name in ("health_date", "state", "accounts", "mrr")),
        )
        for one in pillars
        for row in StatesOverTime(rows, one, GROUPS[by]).by_date(dates)
    ]


def title_of(by: str, pillar: str) -> str:
    name = "Health by pillar" if by == "pillar" else f"Health ({pillar})"
    return f"{name} by {by}" if by in ("segment", "csm") else name


def report_of(connection: Connection, by: str, pillar: str, dates: list[date]) -> Report:
    report = Report(f"{title_of(by, pillar)} at the end of each month")
    counts: dict[tuple[str, date], dict[str, tuple[int, float]]] = {}
    for group, day, state, accounts, mrr in states_by_date(connection, by, pillar, dates):
        counts.setdefault((group, day), {})[state] = (accounts, mrr)
    rows = []
    for (group, day), states in counts.items():
        accounts = sum(number for number, _ in states.values())
        cells = (f"{states.get(state, (0, 0))[0]:,}" for state in ALL_STATES)
        poor_mrr = states.get("poor", (0, 0))[1]
        total = sum(mrr for _, mrr in states.values())
        rows.append((group, str(day), f"{accounts:,}", *cells, money(total), money(poor_mrr)))
    report.add(
        "Accounts by state, and monthly revenue",
        ("", "date", "accounts", *HEADINGS, "MRR", "of it poor"),
        rows,
        numbers=tuple(range(2, 9)),
    )
    return report
