"""The commands that start Dagster's own programs on this checkout: its UI, daemon, command line."""

import fcntl
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from orchestration.base import escaping
from orchestration.base.settings import ROOT, Settings

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
    from orchestration.dbt_runner.manifest import manifest
    from orchestration.instance.dagster_instance import environment, instance
    from orchestration.instance.run_records import renew_damaged_records
    from orchestration.runs.dagster_clock import forget_times_to_come
    from orchestration.runs.preflight import refuse_wrong_places

    settings = Settings.from_environment()
    if program == "dagster-webserver" or "dev" in arguments:
        refuse_used_port(*address_in(arguments))
    becomes_daemon = "dev" in arguments or (program == "dagster-daemon" and "run" in arguments)
    if becomes_daemon:
        refuse_wrong_places(settings)
        be_the_only_daemon(settings)
    renew_damaged_records(settings, click.echo)
    if becomes_daemon:
        with instance(settings) as dagster:
            for name in forget_times_to_come(dagster):
                click.echo(f"The clock was ahead: {name} goes on from now.")
    manifest(settings)
    os.chdir(ROOT)
    path = Path(sys.executable).with_name(program)
    os.execve(path, [program, *arguments], {**os.environ, **environment(settings)})


def address_in(arguments: Sequence[str]) -> tuple[str, str | None]:
    """The host and the port among the arguments; no port: Dagster looks for a free one."""
    found: dict[str, str] = {}
    names = {"--host": "host", "-h": "host", "--port": "port", "-p": "port"}
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names:
            following = arguments[position + 1] if position + 1 < len(arguments) else ""
            found[names[name]] = value if equals else following
    return found.get("host", "127.0.0.1"), found.get("port")


def refuse_used_port(host: str, port: str | None) -> None:
    """Refuses an address that cannot be listened on: Dagster would start all but the UI."""
    if port is None or not port.isdecimal():
        return  # Dagster's own matter
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as listener:
            # As the webserver does: connections that were closed a moment ago are no hindrance.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except (OSError, OverflowError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise click.ClickException(
            f"Port {port} of {host} cannot be listened on ({reason}): another program has it, or"
            " this is no address of this machine. `--port` names another."
        ) from problem


def be_the_only_daemon(settings: Settings) -> int:
    """Hold the lock of the daemon, which this process becomes; refuses where another has it.

    Two daemons would start every night twice. The lock ends with the process, or when the file
    descriptor that is returned is closed.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    lock = os.open(settings.state / "daemon.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        holder = escaping.line(os.pread(lock, 20, 0).decode(errors="replace").strip())
        raise click.ClickException(
            f"Dagster's daemon is at work already (process {holder or 'unknown'}), with its"
            " schedule, sensors and queue. The UI alone is"
            " `health dagster dagster-webserver --port 3000`."
        ) from problem
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    os.set_inheritable(lock, True)
    return lock


def add_commands(group: click.Group) -> None:
    group.add_command(ui)
    group.add_command(dagster_program)
