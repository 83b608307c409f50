"""The commands that start Dagster's own programs on this checkout: its UI, daemon, command line."""

import os
import sys
from pathlib import Path

import click

from orchestration.settings import ROOT, Settings

PROGRAMS = ("dagster", "dagster-daemon", "dagster-webserver")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
def ui(host: str, port: int) -> None:
    """Open Dagster's UI, with the schedule and the sensors at work.

    The UI has no log-in of its own: let it listen on this machine only, or behind a proxy that asks
    who it is.

    \b
    Examples:
      health ui
      health ui --port 3100
    """
    start("dagster", "dev", "--host", host, "--port", str(port))


@click.command(
    "dagster", context_settings={"ignore_unknown_options": True, "help_option_names": []}
)
@click.argument("program", type=click.Choice(PROGRAMS))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dagster_program(program: str, arguments: tuple[str, ...]) -> None:
    """Run one of Dagster's programs with this checkout's definitions and state.

    \b
    Examples:
      health dagster dagster-daemon run
      health dagster dagster-webserver --port 3000
      health dagster dagster schedule list
    """
    start(program, *arguments)


def start(program: str, *arguments: str) -> None:
    """Become the program. It finds the definitions by pyproject.toml, in the root."""
    # Only here, so that the other commands do not import Dagster.
    from orchestration.dagster_instance import environment
    from orchestration.manifest import manifest

    settings = Settings.from_environment()
    manifest(settings)
    os.chdir(ROOT)
    path = Path(sys.executable).with_name(program)
    os.execve(path, [program, *arguments], {**os.environ, **environment(settings)})


def add_commands(group: click.Group) -> None:
    group.add_command(ui)
    group.add_command(dagster_program)
