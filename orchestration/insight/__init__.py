"""Insight: the commands that tell why, since when, what changed, what if, and whether it foretells.

Each command has a module of its name; the others hold what those share. All read published tables.
"""

import click

from orchestration.insight.explain import explain

COMMANDS: tuple[click.Command, ...] = (explain,)


def add_commands(group: click.Group) -> None:
    for command in COMMANDS:
        group.add_command(command)
