"""The group of all commands: what goes wrong is said in one line, whichever command it was."""

import errno
import os
from typing import Any

import click
import duckdb

from orchestration.base import escaping
from orchestration.base.settings import Settings
from orchestration.warehouse import damage


class Fault(click.ClickException):
    """Something that no user has done: a fault of this program."""

    exit_code = 70  # EX_SOFTWARE


class Commands(click.Group):
    """A click group whose commands end with a line instead of a traceback.

    What a user can mend (a file, a folder, a database that cannot be read or written) is a message,
    and ends with 1; anything else is told as a fault of the program, and ends with 70. With
    HEALTH_DEBUG=1 both come with their traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as refusal:
            # It may quote what people typed.
            setattr(refusal, "message", escaping.lines(refusal.message))  # noqa: B010
            raise
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as problem:
            is_reader_gone = isinstance(problem, OSError) and problem.errno == errno.EPIPE
            if is_reader_gone or os.environ.get("HEALTH_DEBUG"):
                raise
            raise in_one_line(problem) from problem


def in_one_line(problem: Exception) -> click.ClickException:
    if isinstance(problem, OSError):
        place = f"{problem.filename}: " if problem.filename else ""
        return click.ClickException(f"{place}{problem.strerror or problem}.")
    text = escaping.line(" ".join(str(problem).split()))
    if isinstance(problem, duckdb.Error):
        return click.ClickException(damage.of_warehouse(Settings.from_environment(), text) or text)
    return Fault(
        f"A fault of this program, not of yours: {type(problem).__name__}: {text}"
        " (HEALTH_DEBUG=1 shows where.)"
    )
