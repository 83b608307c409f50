"""The commands of the pages: `health serve` and `health site`.

What they need of the pages is imported when they run, so that other commands start without it.
"""

import os
from datetime import datetime
from pathlib import Path

import click

from orchestration.base.settings import Settings
from orchestration.insight.accounts import find_date, history_dates
from orchestration.insight.options import DATE, report_console
from orchestration.warehouse.published import reading_published


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8050, show_default=True)
def serve(host: str, port: int) -> None:
    """Show health in a browser: accounts, one account, trend, what changed, and what to trust.

    The pages read what is published, also while a run is writing, and take what only people know:
    risk scores, tags and overrides. On this machine nobody signs in; on another address people do,
    by a proxy or an OpenID Connect provider (docs/pages.md).

    \b
    Examples:
      health serve
      health serve --port 8060
    """
    import uvicorn

    from orchestration.console.dagster_programs import refuse_used_port
    from orchestration.pages.app import build
    from orchestration.pages.people import LOOPBACK, SignIn, refuse_open_address

    settings = Settings.from_environment()
    sign_in = SignIn.from_environment()
    refuse_open_address(host, sign_in)
    refuse_used_port(host, str(port))
    with reading_published(settings) as connection:
        history_dates(connection)
    named = os.environ.get("HEALTH_PAGES_HOSTS", "").split(",")
    hosts = frozenset([*LOOPBACK, host, *(name.strip().lower() for name in named if name.strip())])
    click.echo(f"Health is at http://{host}:{port}/ (stop with Ctrl-C)")
    uvicorn.run(
        build(settings, sign_in, hosts),
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--date", "asked_date", type=DATE, help="Health date; the latest without it.")
@click.option("--manager", multiple=True, help="Only accounts of this success manager.")
@click.option("--segment", multiple=True, help="Only accounts of this segment, by its id.")
@click.option("--as", "reader", help="As this person may see it (HEALTH_PAGES_PEOPLE).")
def site(
    folder: Path,
    asked_date: datetime | None,
    manager: tuple[str, ...],
    segment: tuple[str, ...],
    reader: str | None,
) -> None:
    """Write the pages of a date into FOLDER, as files that a browser opens without a server.

    The pages of `health serve` without forms: accounts with each account, trend, what changed,
    whether to trust it, and a CSV file. A site that is there is replaced when the new one is whole.

    \b
    Examples:
      health site site
      health site site-ines --manager ines@example.com
      health site archive/2026-10-31 --date 2026-10-31
    """
    from rich.progress import Progress as ProgressBar

    from orchestration.pages.people import SignIn
    from orchestration.pages.site import Site, refuse_other_folder, write
    from orchestration.pages.visit import in_words_of_versions
    from orchestration.publishing.open_publication import Snapshot

    settings, sign_in = Settings.from_environment(), SignIn.from_environment()
    if reader and not sign_in.people:
        raise click.ClickException("--as needs HEALTH_PAGES_PEOPLE, the file of who may see what.")
    name = reader or sign_in.user
    person = sign_in.person(name)
    if person is None:
        raise click.ClickException(f"{name} may see nothing: HEALTH_PAGES_PEOPLE names others.")
    folder = folder.resolve()
    refuse_other_folder(folder)
    with reading_published(settings) as connection:
        dates = history_dates(connection)
        day = find_date(dates, asked_date)
    snapshot = Snapshot(settings, day if day != dates[-1] else None)
    filters = [("manager", one) for one in manager] + [("segment", one) for one in segment]
    console = report_console()
    with in_words_of_versions(snapshot):
        found = Site(snapshot, person, filters)
        if not found.accounts:
            raise click.ClickException(f"No account on {day} is like this, or {name} sees none.")
        with ProgressBar(console=console) as progress:
            write(found, folder, progress)
    console.print(f"Wrote {len(found.files):,} files: open {folder / 'index.html'}")
