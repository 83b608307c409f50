"""The command `health unlock`: free the lock row of a Spark cluster, whose holder is gone."""

import click

from orchestration.base import escaping
from orchestration.base.settings import Settings
from orchestration.warehouse import spark_lock


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def unlock(yes: bool) -> None:
    """Free the lock of a Spark cluster after its holder's machine has gone.

    Make sure first that no run is at work there: two at a time spoil each other's tables. A run
    that ended on this machine needs none of this.

    \b
    Example:
      health unlock
    """
    if not Settings.from_environment().is_on_spark:
        raise click.ClickException(
            "HEALTH_TARGET is not spark: on DuckDB the lock of a run ends with its process."
        )
    holder = spark_lock.holder()
    if holder is None:
        click.echo("No run holds the lock.")
        return
    words = escaping.line(str(holder))
    if not yes:
        click.confirm(f"The lock is held by {words}. Is that run gone for good?", abort=True)
    spark_lock.release(holder)
    click.echo(f"Freed the lock of {words}.")
