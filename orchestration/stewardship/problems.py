"""What can go wrong with checks, as messages for the user."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from expectations import CheckRaised, WarehouseNotReady, WrongChecks


@contextmanager
def as_messages() -> Iterator[None]:
    """Raises click.ClickException for what the expectations refuse."""
    try:
        yield
    except (CheckRaised, WarehouseNotReady, WrongChecks) as problem:
        raise click.ClickException(str(problem)) from problem
