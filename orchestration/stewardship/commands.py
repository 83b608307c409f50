"""The commands of stewardship."""

import click

from orchestration.stewardship.check import check
from orchestration.stewardship.erase import erase
from orchestration.stewardship.failures import failures
from orchestration.stewardship.forget import forget
from orchestration.stewardship.lint import lint
from orchestration.stewardship.register import register
from orchestration.stewardship.unlock import unlock

COMMANDS: tuple[click.Command, ...] = (check, erase, failures, forget, lint, register, unlock)


def add_commands(group: click.Group) -> None:
    for command in COMMANDS:
        group.add_command(command)
