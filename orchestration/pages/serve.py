"""`health serve`: the pages in a browser."""

import os

import click

from orchestration.base.settings import Settings
from orchestration.insight.accounts import history_dates
from orchestration.warehouse.published import reading_published


def refuse_what_cannot_be_shown(settings: Settings) -> None:
    """Refuse, with the cure, where nothing is published or it cannot be read."""
    with reading_published(settings) as connection:
        history_dates(connection)


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
    # Only here, so that the other commands do not import the server.
    import uvicorn

    from orchestration.console.dagster_programs import refuse_used_port
    from orchestration.pages.app import build
    from orchestration.pages.people import LOOPBACK, SignIn, refuse_open_address

    settings = Settings.from_environment()
    sign_in = SignIn.from_environment()
    refuse_open_address(host, sign_in)
    refuse_used_port(host, str(port))
    refuse_what_cannot_be_shown(settings)
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
