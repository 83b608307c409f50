"""The commands of insight, in the order of the questions that people ask."""

import click

from orchestration.insight.backtest import backtest
from orchestration.insight.calibrate import calibrate
from orchestration.insight.explain import explain
from orchestration.insight.flaps import flaps
from orchestration.insight.portfolio import portfolio
from orchestration.insight.preset import preset
from orchestration.insight.transitions import transitions
from orchestration.insight.trend import trend
from orchestration.insight.what_if import what_if

COMMANDS: tuple[click.Command, ...] = (
    explain,
    portfolio,
    trend,
    transitions,
    flaps,
    calibrate,
    preset,
    what_if,
    backtest,
)


def add_commands(group: click.Group) -> None:
    for command in COMMANDS:
        group.add_command(command)
