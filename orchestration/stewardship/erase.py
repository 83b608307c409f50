"""`health erase`: remove those whom the erasure list names, everywhere, and say what is left."""

import click

from orchestration.base.figures import plural
from orchestration.base.settings import Settings
from orchestration.console.in_process import run_job
from orchestration.erasure.removal import remove
from orchestration.runs.preflight import refuse_what_cannot_work
from orchestration.warehouse import erasure_steps
from orchestration.warehouse.erasure_list import erasure_list
from orchestration.warehouse.health_dates import latest_date
from orchestration.warehouse.published import reading_published
from orchestration.warehouse.run_lock import write_lock


@click.command()
def erase() -> None:
    """Remove the users and accounts that the erasure list names.

    The list is the file HEALTH_ERASURE_LIST (by default erasures.csv beside the warehouse) with the
    columns kind (user or account), id, requested_at and reason. What runs keep of them is removed:
    from the warehouse, the published files, copies of raw files, pages and logs; the dates whose
    sums they were part of are calculated again. Keep the list: staging leaves out whom it names
    when raw data brings them back. A run does the same when the list has changed.

    \b
    Example:
      health erase
    """
    settings = Settings.from_environment()
    refuse_what_cannot_work(settings)
    if not erasure_list(settings.erasures):
        click.echo(
            f"Nobody is to be erased: {settings.erasures} is not there, or names nobody. Its first"
            " line is `kind,id,requested_at,reason`."
        )
        return
    if not settings.warehouse.exists():
        click.echo("There is no warehouse yet: the first run leaves out whom the list names.")
        return
    with write_lock(settings):
        removal = remove(settings)
    for line in removal.in_words():
        click.echo(line)
    if erasure_steps.is_to_be_published(settings):
        latest = latest_date(settings)
        run_job(settings, latest, latest)
        click.echo("Published again; all previous publications are deleted.")
    for line in what_is_left(settings):
        click.echo(line)


def what_is_left(settings: Settings) -> list[str]:
    """What only the user can do."""
    lines = ["Left for you to do:"]
    if settings.published_file.exists():
        with reading_published(settings) as published:
            for table, rows in published.execute(
                "select table_name, row_count from health.erased_records"
                " where row_count > 0 order by table_name"
            ).fetchall():
                lines.append(f"  - raw table {table}: {plural(rows, 'row')} of them to delete")
    return [
        *lines,
        "  - backups of the warehouse, copies of published files, and what alerts told others",
        "  - what somebody wrote about them in notes or subjects of others, and their names there",
        f"Keep {settings.erasures}: it is what leaves them out when raw data brings them back.",
    ]
