"""`health backtest`: whether health foretold who left, held against chance and simple rivals."""

from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from orchestration.base.settings import Settings
from orchestration.insight import backtest_headline, observations, settle
from orchestration.insight.accounts import history_dates
from orchestration.insight.backtest_measures import measure, measure_without
from orchestration.insight.backtest_report import report_of
from orchestration.insight.options import DATE, FOLDER, MARKDOWN, report_console
from orchestration.insight.report import Report
from orchestration.warehouse.published import reading_published


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
@click.option(
    "--settle",
    "asks_to_settle",
    is_flag=True,
    help="Show instead what 0 to 14 settle days would have made of every date: flips, false alarms,"
    " warning days lost.",
)
@click.option(
    "--undone-within",
    type=click.IntRange(min=1),
    default=settle.UNDONE_WITHIN,
    show_default=True,
    help="With --settle: a turn to poor is a false alarm when the calculated state is good or"
    " average again within so many days.",
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
    asks_to_settle: bool,
    undone_within: int,
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
      health backtest --settle --undone-within 10
    """
    settings = Settings.from_environment()
    console = report_console()
    with reading_published(settings) as connection:
        all_dates = history_dates(connection)
        until = known_until.date() if known_until else all_dates[-1]
        dates = observations.chosen_dates(
            all_dates,
            start.date() if start else None,
            end.date() if end else None,
            1 if asks_to_settle else every,
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
        if asks_to_settle:
            calm = settle.report_of(
                settle.overall_states(connection, dates[0], dates[-1]), known, until, undone_within
            )
            finish(calm, console, markdown)
            return
        results = measure(connection, dates, known, until, console)
    if results.undated and not published_only:
        results.without_undated = measure_without(settings, results, known, console)
    finish(report_of(results), console, markdown)
    try:
        backtest_headline.keep(settings, results)
    except OSError as problem:
        console.print(
            f"\nThe pages go on showing the back-test before: {settings.state} cannot be written to"
            f" ({problem.strerror})."
        )
    if plots:
        # Imported here: drawing takes a second to load, and most want no picture.
        from orchestration.insight import pictures

        for file in pictures.draw_backtest(results, plots):
            console.print(f"Drew {file}")


def finish(report: Report, console: Console, markdown: Path | None) -> None:
    """Show the report, and write it where it is asked for."""
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")
