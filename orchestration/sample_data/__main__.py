"""The command `python -m orchestration.sample_data`: options and output, no more."""

from datetime import datetime
from pathlib import Path

import click

from orchestration.sample_data.writing import write_sample


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data/raw"),
    show_default=True,
    help="Where the raw tables go.",
)
@click.option("--accounts", type=click.IntRange(min=1), default=200, show_default=True)
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=180,
    show_default=True,
    help="Days that have events.",
)
@click.option(
    "--end-date",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    help="The first day without records. [default: the current UTC date]",
)
@click.option("--seed", type=int, default=7, show_default=True)
def main(folder: Path, accounts: int, days: int, end_date: datetime | None, seed: int) -> None:
    """Write an invented B2B SaaS company as the twelve raw tables."""
    last = end_date.date() if end_date else None
    rows = write_sample(folder, seed=seed, accounts=accounts, days=days, end_date=last)
    click.echo(f"Wrote to {folder}:")
    for table, count in rows.items():
        click.echo(f"  {table:<20}{count:>10,} rows")


if __name__ == "__main__":
    main()
